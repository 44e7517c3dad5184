"""Points of many dimensions laid out in few so that neighbours stay neighbours."""

from __future__ import annotations

import math

import torch

from analyzer.ncut.affinity import squared_distances

PULL = 0.01
"""How strongly a point is drawn to its anchor. Measured over five sites of LIBERO episodes (mean affinity 0.5): at 0.01 the
same patch's colours differ by .076 between sites instead of .171 (patches at random: .20), while the layout's divergence
from the neighbourhoods grows by 7 %; at 0.1 by 34 %."""


def neighbour_layout(
    x: torch.Tensor,
    dimensions: int,
    perplexity: float,
    iterations: int = 400,
    anchors: torch.Tensor | None = None,
) -> torch.Tensor:
    """(m, c) points -> (m, dimensions) float64 layout, centred; without anchors axes in order of falling variance.

    t-SNE (van der Maaten & Hinton 2008), exact and without chance: it starts from the principal components. Meant for
    a few hundred points; time is O(m^2) an iteration.

    Args:
        perplexity: about how many neighbours of a point matter; at most a third of the points is used.
        anchors: (m, dimensions) where the points would best lie, say where another layout has the same things: the
            layout starts there and is drawn there by a spring (Rauber, Falcão & Telea 2016, "dynamic t-SNE"), but
            neighbours still attract and all others repel.
    """
    m = len(x)
    x = x.double() - x.double().mean(0)
    layout = torch.zeros(m, dimensions, dtype=x.dtype, device=x.device)
    axes = torch.linalg.eigh(x.T @ x)[1].flip(1)[:, :dimensions]
    # Signs of principal components are free; the heavier tail is made positive, which depends on the data alone.
    start = x @ axes
    start = start * torch.where(start.pow(3).sum(0) < 0, -1.0, 1.0)
    layout[:, : start.shape[1]] = start * (1e-2 / start.std().clamp(min=1e-12))
    if anchors is not None:
        layout = anchors.to(layout).clone()
    if m < 4 or not bool((x != 0).any()):
        return layout
    wanted = _neighbour_shares(squared_distances(x, x), min(perplexity, (m - 1) / 3))
    velocity = torch.zeros_like(layout)
    early = iterations // 5 if anchors is None else 0
    for iteration in range(iterations):
        closeness = 1 / (1 + squared_distances(layout, layout))
        closeness.fill_diagonal_(0.0)
        exaggeration, momentum = (4.0, 0.5) if iteration < early else (1.0, 0.8)
        force = (exaggeration * wanted - closeness / closeness.sum()) * closeness
        gradient = 4 * (torch.diag(force.sum(1)) - force) @ layout
        if anchors is not None:
            gradient = gradient + (PULL / m) * (layout - anchors)
        velocity = momentum * velocity - m / 6 * gradient
        layout = layout + velocity
        layout = layout - layout.mean(0)
    if anchors is not None:
        return layout
    return layout @ torch.linalg.eigh(layout.T @ layout)[1].flip(1)


def _neighbour_shares(d2: torch.Tensor, perplexity: float) -> torch.Tensor:
    """Symmetric neighbour probabilities, (m, m), each point's bandwidth set so that it has `perplexity` neighbours."""
    m = len(d2)
    self_pair = torch.eye(m, dtype=torch.bool, device=d2.device)
    scale = 1 / d2.mean()
    low, high = torch.full_like(d2[:, :1], 1e-9) * scale, torch.full_like(d2[:, :1], 1e9) * scale
    for _ in range(60):
        rate = (low * high).sqrt()
        share = (-d2 * rate).masked_fill(self_pair, -math.inf).softmax(1)
        entropy = -(share * share.clamp(min=1e-300).log()).sum(1, keepdim=True)
        wide = entropy > math.log(perplexity)
        low, high = torch.where(wide, rate, low), torch.where(wide, high, rate)
    return (share + share.T) / (2 * m)
