"""A view at the size at which things are followed: about eight pixels a patch, whatever the recording's size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from analyzer.instances.plane import Plane
from analyzer.instances.view import View

PIXELS = 8
"""A patch's side at the working size; smaller where the recording has less."""


class Working:
    """Pictures made smaller, label maps made larger again."""

    def __init__(self, view: View, grid: tuple[int, int]) -> None:
        self._view = view
        camera = view.camera
        shrink = max(1.0, Plane(camera, grid).patch_pixels / PIXELS)
        # OpenCV's flow refuses pictures of less than 12 pixels.
        width, height = max(16, round(camera.width / shrink)), max(16, round(camera.height / shrink))
        scale = np.diag([width / camera.width, height / camera.height, 1.0])
        matrix = scale @ np.array(camera.to_recording, np.float64)
        smaller = replace(
            camera, width=width, height=height, to_recording=tuple(tuple(float(v) for v in row) for row in matrix)
        )
        self.plane = Plane(smaller, grid)
        self.camera = smaller

    def pictures(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """(h, w, 3) uint8 of the analysed frames."""
        for picture in self._view.pictures(start, self._view.frames if stop is None else stop):
            yield self.smaller(picture)

    def smaller(self, picture: np.ndarray) -> np.ndarray:
        height, width = self.plane.size
        if picture.shape[:2] == (height, width):
            return picture
        return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))

    def at(self, frames: Sequence[int]) -> np.ndarray:
        """(n, h, w, 3) uint8: some frames, which are kept."""
        wanted = set(frames)
        return np.stack([one for at, one in enumerate(self.pictures(0, max(frames) + 1)) if at in wanted])

    def larger(self, label_map: np.ndarray) -> np.ndarray:
        """(h, w) uint8 -> the recording's size."""
        size = (self._view.camera.width, self._view.camera.height)
        if label_map.shape == size[::-1]:
            return label_map
        return np.asarray(cv2.resize(label_map, size, interpolation=cv2.INTER_NEAREST))
