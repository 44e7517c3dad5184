"""What stands out from what: large even stretches of the picture are ground, the rest is figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import torch

from analyzer.ncut.affinity import squared_distances
from analyzer.ncut.kway import SegmentTree
from analyzer.ncut.landmarks import kmeans_landmarks, nearest

PLACES = 128
"""Spots of the eigenspace that patches are gathered at."""
SEGMENTS = (24, 12, 6, 3)
"""Numbers of segments among which ground is looked for: the finest at which enough is found. A fine division keeps a small
thing apart from ground that it resembles, and breaks ground without structure to pieces."""
ENOUGH = 0.25
"""Share of all patches."""
LARGE = 0.02
"""Share of the picture that the largest connected piece of a ground segment fills, on average over the frames."""
SOLID = 0.25
"""Share of a ground segment's patches that lie inside of it, with all eight neighbours. The rims of things make segments
of their own, which may be as large but are thin."""
STEADY = 0.8
"""Share of the patches at a place of the ground that show what they usually show."""
STRETCHES = 4
"""That the ground is divided into, at most."""
RIM = 0.65
"""Of the distance that is far: what is closer to the ground and nobody's is still shown as ground."""
TYPICAL = 0.98
"""Quantile of the distances from the ground that is called far."""


@dataclass(frozen=True, eq=False)
class FigureGround:
    """Places of the eigenspace that are ground, and how far from them figure begins."""

    ground: torch.Tensor
    """(g, c); g may be 0."""
    stretch: torch.Tensor
    """(g,) int64: which stretch of ground each is part of (a table, a wall), from 0."""
    far: float
    """Distance from the ground of what stands out clearly."""
    begins: float
    """Distance from which on a patch is figure (Otsu 1979)."""

    @classmethod
    def fit(cls, coordinates: np.ndarray, resting: np.ndarray) -> Self:
        """From some frames.

        Args:
            coordinates: (n, rows, cols, c) float32.
            resting: (n, rows, cols) bool: patches that show what they usually show. What moves is no ground.
        """
        n, rows, cols, c = coordinates.shape
        patches = torch.from_numpy(np.ascontiguousarray(coordinates.reshape(-1, c)))
        places = kmeans_landmarks(patches, min(PLACES, len(patches)), iterations=5)
        owner = nearest(patches, places)
        tree = SegmentTree.fit(places, torch.bincount(owner, minlength=len(places)), SEGMENTS[0])
        sizes = torch.bincount(owner, minlength=len(places))
        rest = torch.bincount(owner, torch.from_numpy(resting.reshape(-1)).double(), minlength=len(places)) / sizes
        for count in SEGMENTS:
            ids = tree.ids(count)
            segments = ids[owner].reshape(n, rows, cols).numpy().astype(np.uint8)
            solid = [one for one in np.unique(segments) if _is_ground(segments == one, resting)]
            kept = torch.isin(ids, torch.tensor(solid, dtype=torch.int64)) & (rest > STEADY)
            if int(sizes[kept].sum()) > ENOUGH * len(patches):
                break
        ground = places[kept]
        if not len(ground):
            return cls(ground, torch.zeros(0, dtype=torch.int64), 1.0, 1.0)
        stretch = SegmentTree.fit(ground, sizes[kept], STRETCHES).finest
        distance = _distance(patches, ground)
        far = float(np.quantile(distance, TYPICAL)) or 1.0
        grey = (distance / far * 255).clip(0, 255).astype(np.uint8)
        otsu, _ = cv2.threshold(grey.reshape(1, -1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        return cls(ground, stretch, far, max(float(otsu), 1.0) / 255 * far)

    def distance(self, coordinates: np.ndarray) -> np.ndarray:
        """(rows, cols, c) -> (rows, cols) float32 distance from the ground; 0 everywhere where there is none."""
        rows, cols, c = coordinates.shape
        if not len(self.ground):
            return np.zeros((rows, cols), np.float32)
        patches = torch.from_numpy(np.ascontiguousarray(coordinates.reshape(-1, c)))
        return _distance(patches, self.ground).reshape(rows, cols)

    def stretches(self, coordinates: np.ndarray) -> np.ndarray:
        """(rows, cols, c) -> (rows, cols, stretches) float32: 1 where a patch is part of that stretch of ground."""
        rows, cols, c = coordinates.shape
        patches = torch.from_numpy(np.ascontiguousarray(coordinates.reshape(-1, c)))
        count = int(self.stretch.max()) + 1 if len(self.stretch) else 0
        if not count:
            return np.zeros((rows, cols, 0), np.float32)
        away, place = squared_distances(patches, self.ground).min(1)
        shares = torch.nn.functional.one_hot(self.stretch[place], count).float()
        shares[away.clamp(min=0).sqrt() > max(self.begins, RIM * self.far)] = 0.0
        return np.asarray(shares.reshape(rows, cols, count).numpy())


def _is_ground(masks: np.ndarray, resting: np.ndarray) -> bool:
    """Whether a segment, (n, rows, cols) bool, is a large even stretch."""
    largest, inside = 0, 0
    for mask in (masks & resting).astype(np.uint8):
        sizes = cv2.connectedComponentsWithStats(mask, connectivity=4)[2][1:, cv2.CC_STAT_AREA]
        largest += int(sizes.max(initial=0))
        inside += int(cv2.erode(mask, np.ones((3, 3), np.uint8)).sum())
    return largest > LARGE * masks.size and inside > SOLID * masks.sum()


def _distance(patches: torch.Tensor, ground: torch.Tensor) -> np.ndarray:
    return np.asarray(squared_distances(patches, ground).amin(1).clamp(min=0).sqrt().numpy())
