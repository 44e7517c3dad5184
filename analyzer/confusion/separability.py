"""How well instances can be told apart by the values of their patches: rank statistics, with their uncertainty.

For patches a, a' of one instance and b of another, all of one frame,

    AUC(a|b) = P(sim(a, a') > sim(a, b)),    confusion(a|b) = clip(2 (1 - AUC), 0, 1)

is 0 where every patch of the one is closer to its own kind than to the other, and 1 where it cannot tell. Only the order
of similarities counts, so no scale, no rotation and no monotone change of the similarity matters. See docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

REPLICATES = 200
"""Of the bootstrap."""
LEVEL = 0.95
"""Of the intervals."""


@dataclass(frozen=True, eq=False)
class Separability:
    """Every instance against every other, frame by frame. NaN where one of the two shows too few patches."""

    auc: torch.Tensor
    """(T, K, K) float32: [t, a, b] is AUC(a|b)."""
    replicates: torch.Tensor
    """(T, K, K, R) float32: the same with patches weighed anew, R times. A place keeps its weight in all frames, for
    what stays is the same patch again and says nothing new."""
    count: torch.Tensor
    """(T, K) float32 patches that each instance was compared by."""

    def frames(self, first: int, stop: int) -> Separability:
        """A stretch of them."""
        return Separability(self.auc[first:stop], self.replicates[first:stop], self.count[first:stop])


def separability(
    values: np.ndarray,
    weights: np.ndarray,
    places: np.ndarray,
    *,
    cosine: bool = False,
    min_patches: int = 4,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Separability:
    """Compare the patches of K instances.

    The bootstrap is Bayesian (Rubin 1981) on the statistic's linear part, its influence function (DeLong, DeLong &
    Clarke-Pearson 1988): a replicate costs a product of matrices instead of the statistic all over again.

    Args:
        values: (T, K, n, c) of each patch.
        weights: (T, K, n), 0 where there is none.
        places: (T, K, n) where it lies: what ties the bootstrap from frame to frame.
        cosine: similarity is the angle; else it is minus the distance.
    """
    v = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    c = torch.from_numpy(np.ascontiguousarray(weights, np.float32))
    if cosine:
        v = v / v.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    instances, n = c.shape[1:]
    # Only the order within a row counts: -|x - y|^2 = 2 x'y - |y|^2 - |x|^2, of which the last is the row's own.
    rows = v.flatten(1, 2)
    similarity = 2 * rows @ rows.mT - rows.square().sum(-1)[:, None]
    # [a, t, b, i, j], laid out as it is gone through
    similarity = (
        similarity.unflatten(1, (instances, n)).unflatten(3, (instances, n)).permute(1, 0, 3, 2, 4).contiguous()
    )
    weigh = _drawn_weights(1 << int(places.max(initial=0)).bit_length(), replicates, seed) - 1
    drawn = weigh[torch.from_numpy(places)]  # [t, k, n, R]
    count = (c > 0).sum(-1)
    # Of n patches the Bayesian bootstrap sees (n - 1) / n of the variance.
    drawn = drawn * (count / (count - 1).clamp(min=1)).sqrt()[..., None, None]
    enough = count >= min_patches
    auc = torch.full((len(v), instances, instances), torch.nan)
    again = torch.full((*auc.shape, replicates), torch.nan)
    for a in range(instances):
        own, others = similarity[a, :, a].contiguous(), similarity[a]
        beats = (own[:, None, :, :, None] - others[:, :, :, None, :]).sign_().flatten(2, 3)  # [t, b, i i', j]: -1, 0, 1
        pairs = c[:, a, :, None] * c[:, a, None, :]
        pairs.diagonal(dim1=1, dim2=2).zero_()
        own_sum, other_sum = pairs.sum((1, 2)).clamp(min=1e-12), c.sum(-1).clamp(min=1e-12)
        by_pair = (beats @ c[..., None])[..., 0] / other_sum[..., None] * pairs.flatten(1)[:, None]  # [t, b, i i']
        by_pair = by_pair.unflatten(2, (n, n)) / own_sum[:, None, None, None]
        gain = by_pair.sum((2, 3))  # 2 AUC - 1
        by_other = (pairs.flatten(1)[:, None, None] @ beats)[:, :, 0] / own_sum[:, None, None]  # [t, b, j]
        # What the statistic gains by a little more weight on a patch.
        share = pairs.sum(2) / own_sum[:, None]
        of_own = by_pair.sum(3) + by_pair.sum(2) - 2 * gain[..., None] * share[:, None]
        of_other = (by_other - gain[..., None]) * c / other_sum[..., None]
        change = of_own @ drawn[:, a] + (of_other[:, :, None] @ drawn)[:, :, 0]
        known = (enough[:, a, None] & enough)[..., None]
        auc[:, a] = torch.where(known[..., 0], (1 + gain) / 2, torch.nan)
        again[:, a] = torch.where(known, (1 + gain[..., None] + change) / 2, torch.nan)
    return Separability(auc, again, count.float())


def pooled(measured: Separability, window: int, seed: int = 0) -> Separability:
    """Every frame's AUC as the mean over the `window` frames around it in which both are seen; NaN stays NaN.

    In the replicates frames are weighed anew too.
    """
    frames = len(measured.auc)
    known = ~measured.auc.isnan()
    half = window // 2
    at = torch.arange(frames)
    near = ((at[:, None] - at).abs() <= half).float()
    value = _banded(near, measured.auc.nan_to_num(0)) / _banded(near, known.float()).clamp(min=1)
    weight = _frame_weights(frames, measured.replicates.shape[-1], seed)[:, None, None, :]
    total = _banded(near, known[..., None] * weight)
    again = _banded(near, measured.replicates.nan_to_num(0) * weight) / total.clamp(min=1e-12)
    return Separability(
        torch.where(known, value, torch.nan), torch.where(known[..., None], again, torch.nan), measured.count
    )


def overall(measured: Separability, seed: int = 0) -> Separability:
    """One value for all frames, as a measurement of one frame. `measured` as `separability` gives it."""
    known = ~measured.auc.isnan()
    value = measured.auc.nansum(0, keepdim=True) / known.sum(0, keepdim=True)
    weight = _frame_weights(len(measured.auc), measured.replicates.shape[-1], seed)[:, None, None, :] * known[..., None]
    again = (measured.replicates.nan_to_num(0) * weight).sum(0, keepdim=True) / weight.sum(0, keepdim=True)
    seen = known.any(2).float()
    count = (measured.count * seen).sum(0, keepdim=True) / seen.sum(0, keepdim=True).clamp(min=1)
    return Separability(value, again, count)


def joined(parts: Sequence[Separability]) -> Separability:
    """Stretches of one measurement, one after the other."""
    return Separability(
        *(torch.cat([getattr(part, name) for part in parts]) for name in ("auc", "replicates", "count"))
    )


def confusion(measured: Separability, a: int, b: int) -> np.ndarray:
    """(T, 3) float32 confusion of two instances (positions): value, low and high end of its interval.

    Of the two directions the one that tells better counts: a plate whose rim is unlike its middle is as far from itself
    as from a bowl, but the bowl's patches still know where they belong.

    The interval is taken on the logit of AUC, so that it is one-sided where AUC is nearly 1, and moved back by the
    bootstrap's own estimate of its bias (Efron & Tibshirani 1993): the better of two uncertain values looks better than
    it is. It always holds the value.
    """
    count = torch.minimum(measured.count[:, a], measured.count[:, b])
    floor = (1 / (8 * count)).clamp(max=0.25)  # no so many patches can show an AUC to be nearer to 1 than that
    best = torch.maximum(measured.auc[:, a, b], measured.auc[:, b, a])
    logit, again = (
        torch.maximum(*pair)
        for pair in zip(_logits(measured, a, b, floor), _logits(measured, b, a, floor), strict=True)
    )
    bias = again.mean(1) - logit
    tail = (1 - LEVEL) / 2
    ends = torch.quantile(again, torch.tensor([1 - tail, tail]), dim=-1) - 2 * bias
    value, low, high = (2 * (1 - torch.stack([best, *torch.sigmoid(ends)]))).clamp(0, 1)
    return torch.stack([value, torch.minimum(low, value), torch.maximum(high, value)], dim=1).numpy()


def _logits(measured: Separability, a: int, b: int, floor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(T,) logit of AUC(a|b), kept off 0 and 1 by `floor`, and (T, R) its replicates by the delta method."""
    auc = measured.auc[:, a, b]
    kept = torch.minimum(torch.maximum(auc, floor), 1 - floor)
    logit = kept.logit()
    change = (measured.replicates[:, a, b] - auc[:, None]) / (kept * (1 - kept))[:, None]
    return logit, logit[:, None] + change


def _banded(near: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return (near @ values.flatten(1)).reshape(values.shape)


@lru_cache(maxsize=8)
def _drawn_weights(places: int, replicates: int, seed: int) -> torch.Tensor:
    """(places, R) Exp(1): what Dirichlet weights are before they are scaled to their sum."""
    drawn = np.random.default_rng((seed, 1)).exponential(size=(places, replicates))
    return torch.from_numpy(drawn.astype(np.float32))


def _frame_weights(frames: int, replicates: int, seed: int) -> torch.Tensor:
    drawn = np.random.default_rng((seed, 2)).exponential(size=(frames, replicates))
    return torch.from_numpy(drawn.astype(np.float32))
