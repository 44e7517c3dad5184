"""Eigenvectors to segments: the rotation that turns k continuous eigenvectors into k indicators (Yu & Shi 2003)."""

from __future__ import annotations

import torch

from analyzer.ncut.affinity import unit_rows


def kway_rotation(vectors: torch.Tensor, iterations: int = 100) -> torch.Tensor:
    """The orthogonal (k, k) matrix R that brings the rows of `vectors` closest to the axes.

    Alternates the two optima of Yu & Shi's equation 14: for a fixed R each row takes its largest coordinate; for fixed
    labels R follows from a singular value decomposition. It starts from rows that are as orthogonal as they come, so
    nothing is left to chance. Segments are numbered by size, the largest first.

    Args:
        vectors: (n, k) eigenvectors; n of a few thousand is plenty, the rotation has k^2 entries.
    """
    x = unit_rows(vectors.double())
    n, k = x.shape
    # The first start is the row most like the others: a stray patch makes a poor axis.
    rotation = torch.zeros(k, k, dtype=x.dtype, device=x.device)
    rotation[:, 0] = x[(x @ x.mean(0)).argmax()]
    closeness = torch.zeros(n, dtype=x.dtype, device=x.device)
    for column in range(1, k):
        closeness += (x @ rotation[:, column - 1]).abs()
        rotation[:, column] = x[closeness.argmin()]
    u, _, vh = torch.linalg.svd(rotation)
    rotation = u @ vh
    last = -1.0
    for _ in range(iterations):
        labels = (x @ rotation).argmax(1)
        indicators = torch.zeros_like(x)
        indicators[torch.arange(n, device=x.device), labels] = 1.0
        u, objective, vh = torch.linalg.svd(x.T @ indicators)
        rotation = u @ vh
        if abs(float(objective.sum()) - last) < 1e-9 * n:
            break
        last = float(objective.sum())
    size = torch.bincount((x @ rotation).argmax(1), minlength=k)
    return rotation[:, size.argsort(descending=True, stable=True)].to(vectors.dtype)


def kway_labels(vectors: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
    """(n, k) eigenvectors -> (n,) uint8 segment ids. Lengths of rows do not matter, so they are not normalised."""
    return (vectors[:, : len(rotation)] @ rotation).argmax(1).to(torch.uint8)
