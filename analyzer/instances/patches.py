"""Who is in a patch: the one rule from pixels of the recording to patches of any site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from analyzer.run_folder import CameraRecord

_SAMPLES = 16
"""Points a side at which a patch is looked up where pixels and patches lie at an angle."""


class PatchRule:
    """Pixel label maps of one camera to patch labels of one grid. Made once, cheap for every frame.

    A patch belongs to the label that covers most of it, nobody (0) being one of them; of equals, to the smaller. What of
    a patch lies outside of the recording, as padding does, is nobody's. Areas are exact where rows of the model's
    picture are rows or columns of the recording (resizing, cropping, padding, quarter turns, mirrors), else counted at
    16 x 16 points a patch.
    """

    def __init__(self, camera: CameraRecord, grid: tuple[int, int]) -> None:
        self._size = (camera.height, camera.width)
        self._grid = grid
        matrix = np.array(camera.to_recording, np.float64)
        height, width = camera.model_size
        # Patches -> model pixels -> recording pixels.
        matrix = matrix @ np.diag([width / grid[1], height / grid[0], 1.0])
        self._matrix = matrix / matrix[2, 2]
        straight = np.abs(self._matrix) > 1e-9
        affine = not straight[2, :2].any()
        self._turned = bool(affine and not straight[0, 0] and not straight[1, 1])
        self._separable = self._turned or bool(affine and not straight[0, 1] and not straight[1, 0])
        if not self._separable:
            self._lookup = self._points()
            return
        (x, along_x), (y, along_y) = (
            (((0, 1), grid[0]), ((1, 0), grid[1])) if self._turned else (((0, 0), grid[1]), ((1, 1), grid[0]))
        )
        # Where the patches' edges cross the recording.
        self._columns = _Edges.of(self._matrix[0, 2] + self._matrix[x] * np.arange(along_x + 1), camera.width)
        self._rows = _Edges.of(self._matrix[1, 2] + self._matrix[y] * np.arange(along_y + 1), camera.height)
        self._area = abs(float(self._matrix[x] * self._matrix[y]))

    def __call__(self, label_map: np.ndarray) -> np.ndarray:
        """(height, width) uint8 labels of the recording's pixels -> (rows, cols) uint8."""
        present = self._present(label_map)
        share = np.stack([self.share(label_map == label) for label in present])
        share[0] += 1 - share.sum(axis=0)  # what lies outside is nobody's
        # Areas that are equal on paper must not be told apart by rounding.
        return np.asarray(present[share.round(6).argmax(axis=0)], np.uint8)

    def share(self, mask: np.ndarray) -> np.ndarray:
        """(height, width) bool -> (rows, cols) float64: how much of each patch the mask covers, 0 … 1."""
        if mask.shape != self._size:
            raise ValueError(f"the camera's pictures are {self._size} (height, width); got a map of {mask.shape}")
        if not self._separable:
            return np.asarray(mask.reshape(-1)[self._lookup[0]] * self._lookup[1]).mean(axis=(1, 3))
        # The area left of and above a point is linear between the pixels' corners, so this is exact. (Products of
        # matrices say the same, and take a hundred times as long where other programs keep the cores busy.)
        within = self._columns.across(self._rows.across(cv2.integral(mask.view(np.uint8))).T).T
        covered = np.abs(np.diff(np.diff(within, axis=0), axis=1)) / self._area
        return np.asarray(covered.T if self._turned else covered, np.float64)

    def _present(self, label_map: np.ndarray) -> np.ndarray:
        """Labels in the map, rising, 0 always among them."""
        counts = np.bincount(np.asarray(label_map, np.uint8).reshape(-1), minlength=256)
        counts[0] = 1
        return np.flatnonzero(counts)

    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the points of each patch, (rows, 16, cols, 16): the pixel's flat index, and whether there is one."""
        rows, cols = self._grid
        y = (np.arange(rows * _SAMPLES) + 0.5) / _SAMPLES
        x = (np.arange(cols * _SAMPLES) + 0.5) / _SAMPLES
        at = np.stack([*np.broadcast_arrays(x[None, :], y[:, None]), np.ones((len(y), len(x)))])
        u, v, w = np.einsum("ij,jyx->iyx", self._matrix, at)
        column, row = np.floor(u / w).astype(np.int64), np.floor(v / w).astype(np.int64)
        inside = (w > 0) & (column >= 0) & (column < self._size[1]) & (row >= 0) & (row < self._size[0])
        index = np.where(inside, row * self._size[1] + column, 0)
        shape = (rows, _SAMPLES, cols, _SAMPLES)
        return index.reshape(shape), inside.reshape(shape)


def patch_labels(label_map: np.ndarray, camera: CameraRecord, grid: tuple[int, int]) -> np.ndarray:
    """(height, width) uint8 labels -> (rows, cols) uint8, once; for many frames keep a `PatchRule`."""
    return PatchRule(camera, grid)(label_map)


@dataclass(frozen=True, eq=False)
class _Edges:
    """Lines across an axis of pixels, as the two corners that each lies between."""

    before: np.ndarray
    after: np.ndarray
    """(n,) int64."""
    way: np.ndarray
    """(n,) float64, 0 … 1, from the one to the other."""

    @classmethod
    def of(cls, places: np.ndarray, pixels: int) -> Self:
        places = places.clip(0, pixels)
        before = np.floor(places).astype(np.int64)
        return cls(before, np.minimum(before + 1, pixels), places - before)

    def across(self, values: np.ndarray) -> np.ndarray:
        """(pixels + 1, m) values at the corners -> (n, m) at the lines."""
        way = self.way[:, None]
        return values[self.before] * (1 - way) + values[self.after] * way
