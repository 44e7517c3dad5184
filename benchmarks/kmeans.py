"""Plain k-means, the same for every method: what is compared is the embeddings, not the clusterers."""

from __future__ import annotations

import torch

from analyzer.ncut.affinity import squared_distances

SAMPLE = 8192
"""Rows that place the centres; every row is then given the nearest."""


def kmeans(x: torch.Tensor, clusters: int, seed: int) -> torch.Tensor:
    """(n, c) rows -> (n,) int64 labels."""
    x = x.float()
    x = x - x.mean(0)
    return squared_distances(x, centres(x[:: max(1, len(x) // SAMPLE)], clusters, seed)).argmin(1)


def centres(x: torch.Tensor, clusters: int, seed: int, iterations: int = 50) -> torch.Tensor:
    """(n, c) rows -> (clusters, c). Starts are drawn as k-means++ draws them (Arthur & Vassilvitskii 2007)."""
    generator = torch.Generator().manual_seed(seed)
    found = x[torch.randint(len(x), (1,), generator=generator)]
    nearest = squared_distances(x, found)[:, 0]
    for _ in range(clusters - 1):
        # The inverse of the cumulative distribution; float64, since n squared distances are summed.
        cumulative = nearest.double().cumsum(0)
        drawn = torch.rand((1,), generator=generator, dtype=torch.float64) * cumulative[-1]
        centre = x[torch.searchsorted(cumulative, drawn).clamp(max=len(x) - 1)]
        found = torch.cat([found, centre])
        nearest = torch.minimum(nearest, squared_distances(x, centre)[:, 0])
    labels = squared_distances(x, found).argmin(1)
    for _ in range(iterations):
        size = torch.bincount(labels, minlength=clusters)
        total = torch.zeros_like(found).index_add_(0, labels, x)
        found = torch.where(size[:, None] > 0, total / size.clamp(min=1)[:, None], found)
        moved = squared_distances(x, found).argmin(1)
        if torch.equal(moved, labels):
            break
        labels = moved
    return found
