"""Eigenvectors to segments.

`kway_rotation` is the k-way cut of Yu & Shi (2003) for one k. `SegmentTree` is what is shown: all numbers of segments
at once, each nested in the next, so that a slider over k changes the ids of the newly divided segment and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from analyzer.ncut.affinity import squared_distances, unit_rows
from analyzer.ncut.nesting import Merge, coarser

FEW = 0.25
"""Of the mean number of patches of a place: one with fewer weighs in proportion. What other weights do: docs/method.md."""


@dataclass(frozen=True, eq=False)
class SegmentTree:
    """Places of the eigenspace joined into ever fewer segments.

    Two facts lead here. Normalized Cut with k segments is weighted k-means on the balanced graph (Dhillon, Guan & Kulis
    2007), whose coordinates are `embedding.coordinates`; so a segment is a region around a centre there. And joining
    two segments a, b of weights h raises that objective by

        h_a h_b / (h_a + h_b) |c_a - c_b|^2                                                                Ward 1963

    so the pair to join next is the one that raises it least. Every place starts with weight 1, whatever the number of
    patches in it: a bowl of ten patches counts as much as a stretch of table, and survives until late. Only a place with
    next to none (`FEW`) weighs less, for stray patches are nothing that a segment should be spent on.

    Ids are numbered in order of appearance as k grows: the segment that splits keeps its id in the half with more
    patches, the other half takes id k. (`renumbered` gives that up for ids that agree with another site's.)
    """

    finest: torch.Tensor
    """(m,) int64 id of each place in the finest division."""
    merges: tuple[Merge, ...]
    """From the finest division to one segment; of the two ids the smaller stays."""

    @classmethod
    def fit(cls, places: torch.Tensor, sizes: torch.Tensor, segments: int) -> Self:
        """Join (m, c) places, (m,) patches in each, into at most `segments` segments and on down to one."""
        m = len(places)
        finest = max(1, min(segments, m))
        centres = places.detach().cpu().double()
        held = sizes.detach().cpu().double().numpy()
        # Never 0: a place without patches joins first, and a distance from it is still one.
        weight = np.clip(held / max(FEW * held.mean(), 1e-9), 1e-6, 1.0)
        joined = _ward(squared_distances(centres, centres).numpy(), weight)
        owner = np.arange(m)  # the cluster of each place, named by one of its places
        for kept, gone in joined[: m - finest]:
            owner[owner == gone] = kept
        patches = np.bincount(owner, weights=held, minlength=m)
        leaves = np.unique(owner)
        number = {}  # id by name of the cluster; the last to be absorbed gets the smallest
        survivor = {int(leaf): int(leaf) for leaf in leaves}
        absorbed: list[tuple[int, int]] = []
        for kept, gone in joined[m - finest :]:
            a, b = survivor[kept], survivor[gone]
            # The half with more patches keeps the id, so that few patches change it.
            large, small = (a, b) if patches[kept] >= patches[gone] else (b, a)
            patches[kept] += patches[gone]
            survivor[kept] = large
            absorbed.append((small, large))
            number[small] = finest - len(absorbed)
        number[next(iter(set(map(int, leaves)) - set(number)))] = 0
        ids = torch.tensor([number[int(one)] for one in owner], device=places.device)
        return cls(ids, tuple((number[small], number[large]) for small, large in absorbed))

    @property
    def segments(self) -> int:
        """In the finest division."""
        return len(self.merges) + 1

    def ids(self, segments: int) -> torch.Tensor:
        """(m,) int64 id of each place when `segments` are wanted."""
        table = coarser(1 + int(self.finest.max()), self.merges, segments)
        return torch.tensor(table, device=self.finest.device)[self.finest]

    def renumbered(self, number: np.ndarray) -> Self:
        """The same segments under other ids, `number[old] = new`: at every merge the smaller id stays."""
        name = {int(old): int(new) for old, new in enumerate(number)}
        merges = []
        for absorbed, absorbing in self.merges:
            small, large = sorted((name[absorbed], name[absorbing]))
            merges.append((large, small))
            name[absorbing] = small
        table = torch.as_tensor(np.asarray(number, np.int64), device=self.finest.device)
        return type(self)(table[self.finest], tuple(merges))


def _ward(squared: np.ndarray, weight: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (kept, gone) of m points in the order in which they join, from their squared distances and weights.

    The recurrence of Lance & Williams (1967) keeps the costs up to date.
    """
    m = len(squared)
    weight = weight.copy()
    cost = squared * (weight[:, None] * weight) / (weight[:, None] + weight)
    np.fill_diagonal(cost, np.inf)
    joined = []
    for _ in range(m - 1):
        a, b = sorted(divmod(int(cost.argmin()), m))
        gap = cost[a, b]
        row = ((weight[a] + weight) * cost[a] + (weight[b] + weight) * cost[b] - weight * gap) / (
            weight[a] + weight[b] + weight
        )
        row[[a, b]] = np.inf
        cost[a], cost[:, a] = row, row
        cost[b], cost[:, b] = np.inf, np.inf
        weight[a] += weight[b]
        joined.append((a, b))
    return joined


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
