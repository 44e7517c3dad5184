"""Bases of different sites and episodes, brought together on the patches that both look at.

A basis is free to turn: the same structure may come with other axes at another site. Orthogonal Procrustes (Schönemann
1966) finds the turn, and what is left over after it says how different the structures are. Segments are matched by
the patches they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analyzer.ncut.assignment import best_pairing
from analyzer.ncut.kway import SegmentTree
from analyzer.ncut.nesting import coarser


@dataclass(frozen=True, eq=False)
class Alignment:
    """x -> scale (x - source_mean) rotation + target_mean, the similarity that brings a basis closest to another."""

    rotation: torch.Tensor
    """(c, t) float64, orthogonal where c = t."""
    scale: float
    """Eigenvalues, and with them the size of the coordinates, differ between sites."""
    source_mean: torch.Tensor
    """(c,)."""
    target_mean: torch.Tensor
    """(t,)."""
    residual: float
    """Share of the spread that no turn brings together: 0 the same structure, 1 unrelated."""

    def __call__(self, coordinates: torch.Tensor) -> torch.Tensor:
        """(n, c) coordinates in the source -> (n, t) in the target."""
        turned = (coordinates.double() - self.source_mean) @ self.rotation * self.scale + self.target_mean
        return turned.to(coordinates.dtype)


def closest_rotation(source: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The orthogonal (c, t) R that brings (n, c) `source` @ R closest to (n, t) `target` (Schönemann 1966), float64, and
    the singular values of source'target, whose sum is what the two then have in common."""
    u, s, vh = torch.linalg.svd(source.double().T @ target.double(), full_matrices=False)
    return u @ vh, s


def align(source: torch.Tensor, target: torch.Tensor) -> Alignment:
    """Align (n, c) to (n, t) coordinates of the same n patches.

    With centred A, B and the singular values s of A'B, the best scale is sum(s) / |A|^2, and the residual
    1 - sum(s)^2 / (|A|^2 |B|^2), which is symmetric in A and B (Gower 1971).

    Raises:
        ValueError: different numbers of patches, or none.
    """
    if len(source) != len(target) or not len(source):
        raise ValueError(f"Aligning needs the same patches in both bases; got {len(source)} and {len(target)}.")
    a, b = source.double(), target.double()
    a_mean, b_mean = a.mean(0), b.mean(0)
    a, b = a - a_mean, b - b_mean
    rotation, s = closest_rotation(a, b)
    a_size, b_size, common = float(a.square().sum()), float(b.square().sum()), float(s.sum())
    if a_size == 0.0 or b_size == 0.0:
        residual = 0.0 if a_size == b_size else 1.0
    else:
        residual = min(1.0, max(0.0, 1.0 - common / a_size * (common / b_size)))
    return Alignment(rotation, common / a_size if a_size else 1.0, a_mean, b_mean, residual)


def residuals(coordinates: Sequence[torch.Tensor]) -> np.ndarray:
    """(sites, sites) residual of every pair of bases, from (n, c) coordinates of the same n patches in each."""
    between = np.zeros((len(coordinates), len(coordinates)))
    for i, source in enumerate(coordinates):
        for j, target in enumerate(coordinates[:i]):
            between[i, j] = between[j, i] = align(source, target).residual
    return between


def overlaps(ids: torch.Tensor, reference: torch.Tensor, count: int) -> np.ndarray:
    """(n,), (n,) segments of the same n patches, below `count` -> (count, count) intersection over union of each pair."""
    pairs = torch.bincount(ids.long() * count + reference.long(), minlength=count * count).view(count, count)
    shared = pairs.cpu().double().numpy()
    return shared / np.maximum(shared.sum(1, keepdims=True) + shared.sum(0) - shared, 1)


def match_segments(
    tree: SegmentTree, places: torch.Tensor, reference: SegmentTree, reference_places: torch.Tensor
) -> tuple[SegmentTree, np.ndarray]:
    """Give segments the ids of those of a reference that they share most patches with.

    Overlap is intersection over union, so that a bowl weighs as much as the table. It is summed over the finest, a
    middling and a coarse division, since an id is to mean the same thing wherever the slider stands (measured at 8
    segments: 45 % of the patches agree instead of 39 %, at the finest as many as before).

    Args:
        places, reference_places: (n,) the place of each of n patches in the one basis and in the other.

    Returns:
        The renumbered tree; (ids,) overlap, 0 … 1, of each id's finest segment with the reference's of that id. A
        segment that overlaps with none gets an id that was left, and its overlap says so.
    """
    count = max(tree.segments, reference.segments)
    # Among equals the old id stays.
    gain = 1e-9 * np.eye(count)
    for level in (count, max(2, count // 2), max(2, count // 3)):
        between = overlaps(tree.ids(level)[places], reference.ids(level)[reference_places], count)
        gain[: tree.segments] += between[coarser(tree.segments, tree.merges, level)]
    renumbered = tree.renumbered(best_pairing(gain)[: tree.segments])
    agreed = overlaps(renumbered.finest[places], reference.finest[reference_places], count).diagonal()
    return renumbered, agreed
