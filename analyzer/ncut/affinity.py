"""How alike two patches are: the weights W of the graph that Normalized Cut cuts.

    W_ij = exp(-|x_i - x_j|^2 / (2 sigma^2))                                             Shi & Malik 2000, eq. 11

On rows of unit length (the affinity "cosine") this is exp(-(1 - cos_ij) / sigma^2): positive definite like the first,
and, unlike the plain cosine, never negative, so that degrees stay positive.
"""

from __future__ import annotations

import math

import torch

AFFINITIES = ("rbf", "cosine")


def squared_distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(n, d), (m, d) -> (n, m) squared Euclidean distances, never below 0."""
    x_sq = x.square().sum(1, keepdim=True)
    y_sq = y.square().sum(1)
    return torch.addmm(y_sq, x, y.T, alpha=-2.0).add_(x_sq).clamp_(min=0.0)


def rbf(x: torch.Tensor, y: torch.Tensor, sigma: float) -> torch.Tensor:
    """(n, d), (m, d) -> (n, m) affinities in (0, 1]."""
    return squared_distances(x, y).mul_(-0.5 / sigma**2).exp_()


def unit_rows(x: torch.Tensor) -> torch.Tensor:
    """Rows scaled to length 1; a row of zeros stays as it is."""
    return torch.nn.functional.normalize(x, dim=1, eps=1e-12)


def scale_for_mean_affinity(x: torch.Tensor, target: float) -> float:
    """The sigma at which two different rows of `x` are `target` alike on average, to one part in a million.

    The mean affinity is the share of the scene that a patch takes for its like, so one target serves features of any
    size and dimension. Rows that are all equal have no scale: any will do, and 1 is returned.

    Args:
        x: (n, d) rows, n of about a thousand: all pairs are looked at.
        target: in (0, 1).
    """
    n = len(x)
    upper = torch.triu_indices(n, n, offset=1, device=x.device)
    centred = (x - x.mean(0)).double()
    d2 = squared_distances(centred, centred)[upper[0], upper[1]]
    largest = float(d2.max()) if len(d2) else 0.0
    if largest <= 1e-20:
        return 1.0
    d2 = d2.div_(largest).float()  # enough from here on, and half the time
    # Equal rows stay at affinity 1 whatever the scale; they count only as far as the target leaves room.
    positive = d2[d2 > 1e-12]
    target = max(target, min(0.999, 1.5 * (1 - len(positive) / len(d2))))
    # Newton's method on the logarithm of sigma, where the mean is a smooth rising step; halving where it would leave the
    # bracket.
    low, high = 0.5 * math.log(float(positive.min())) - 5.0, 5.0
    at = 0.5 * math.log(float(positive.mean()) / (-2.0 * math.log(target)))
    for _ in range(60):
        exponent = d2 * (-0.5 * math.exp(-2.0 * at))
        weight = exponent.exp()
        missing = target - float(weight.mean())
        low, high = (at, high) if missing > 0 else (low, at)
        slope = -2.0 * float(torch.dot(weight, exponent)) / len(d2)
        wanted = at + missing / slope if slope > 0 else math.inf
        before, at = at, wanted if low < wanted < high else 0.5 * (low + high)
        if abs(at - before) < 5e-7:
            break
    return math.exp(at) * math.sqrt(largest)
