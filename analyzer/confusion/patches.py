"""Which patches stand for which instance: at most so many of each, the same ones from frame to frame where it stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

MOST = 16
"""Patches of an instance that are compared; of a larger one as many are drawn. More change the value by less than its
interval is wide, and the work grows with their third power."""
MAJORITY = 0.5
"""Share of a patch that an instance covers before the patch counts as its own."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of K instances in T frames of one camera, n places for each; places that are not used weigh 0."""

    places: np.ndarray
    """(T, K, n) int64 positions in the grid, row by row."""
    weights: np.ndarray
    """(T, K, n) float32. A patch on the instance's edge shows something else as well and weighs less: 0 at half
    covered, 1 at wholly covered."""
    grid: tuple[int, int]

    @classmethod
    def choose(cls, shares: Iterable[np.ndarray], grid: tuple[int, int], most: int = MOST) -> Self:
        """From (K, rows, cols) shares of each patch that each instance covers, one array a frame.

        Places are drawn in one order that is the same for all frames, so that of a thing that stays the same patches
        are taken again.
        """
        order = np.random.default_rng(0).permutation(grid[0] * grid[1])
        rows = [[_drawn(share.reshape(-1), order, most) for share in frame] for frame in shares]
        n = max([1, *(len(places) for row in rows for places, _ in row)])
        places = np.zeros((len(rows), len(rows[0]) if rows else 0, n), np.int64)
        weights = np.zeros(places.shape, np.float32)
        for t, row in enumerate(rows):
            for k, (at, weight) in enumerate(row):
                places[t, k, : len(at)], weights[t, k, : len(at)] = at, weight
        return cls(places, weights, grid)

    @property
    def visible(self) -> np.ndarray:
        """(T, K) int64 patches of each instance, at most as many as are compared."""
        return np.asarray((self.weights > 0).sum(-1))

    def of(self, instances: list[int], frames: np.ndarray | slice = slice(None)) -> Self:
        """Some of the instances (positions), some of the frames."""
        return type(self)(self.places[frames][:, instances], self.weights[frames][:, instances], self.grid)

    def taken(self, values: np.ndarray, start: int) -> np.ndarray:
        """(f, rows, cols, c) values of the frames from `start` on -> (f, K, n, c) at the places."""
        flat = values.reshape(len(values), -1, values.shape[-1])
        places = self.places[start : start + len(values)]
        return np.asarray(flat[np.arange(len(values))[:, None, None], places])


def _drawn(share: np.ndarray, order: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    places = np.flatnonzero(share > MAJORITY)
    if len(places) > most:
        places = np.sort(places[np.argsort(order[places])[:most]])
    return places, (share[places] - MAJORITY) / (1 - MAJORITY)
