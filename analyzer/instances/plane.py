"""Between patches and the recording's pixels."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.instances.patches import PatchRule
from analyzer.run_folder import CameraRecord

FINE = 3
"""Cells of a fine map that a patch is divided into, either way."""


class Plane:
    """One camera's patches laid over its pictures."""

    def __init__(self, camera: CameraRecord, grid: tuple[int, int]) -> None:
        self.size = (camera.height, camera.width)
        self.grid = grid
        self._to_recording = np.array(camera.to_recording, np.float64)
        self._model = camera.model_size
        self._rule = PatchRule(camera, grid)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * self._model[::-1]
        x, y, w = self._to_recording @ np.column_stack([corners, np.ones(4)]).T
        area = abs(cv2.contourArea(np.stack([x / w, y / w], axis=1).astype(np.float32)))
        self.patch_pixels = max(1.0, float(np.sqrt(area / (grid[0] * grid[1]))))
        """Side of a patch in the recording, about."""

    def to_pixels(self, values: np.ndarray, *, outside: float = 0.0) -> np.ndarray:
        """(r, c) or (r, c, n) float32 map of the model's picture, of any fineness -> (height, width[, n]), smooth."""
        matrix = self._matrix(values.shape[:2])
        layers = values if values.ndim == 3 else values[..., None]
        height, width = self.size
        # OpenCV warps four channels at a time.
        warped = [
            cv2.warpPerspective(
                np.ascontiguousarray(layers[..., at : at + 4]),
                matrix,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ).reshape(height, width, -1)
            for at in range(0, layers.shape[2], 4)
        ]
        result = np.concatenate(warped, axis=2)
        if outside is not None:
            result[~self.seen] = outside
        return np.asarray(result if values.ndim == 3 else result[..., 0])

    def to_patches(self, mask: np.ndarray) -> np.ndarray:
        """(height, width) bool -> (rows, cols) float64: the share of each patch that it covers."""
        return self._rule.share(mask)

    @property
    def seen(self) -> np.ndarray:
        """(height, width) bool: the model looks at the pixel."""
        if not hasattr(self, "_seen"):
            height, width = self.size
            ones = np.ones(self._model, np.uint8)
            matrix = self._matrix(self._model)
            self._seen = cv2.warpPerspective(ones, matrix, (width, height), flags=cv2.INTER_NEAREST) > 0
        return self._seen

    def _matrix(self, shape: tuple[int, ...]) -> np.ndarray:
        """From the pixels of a map of that shape to the recording's; OpenCV counts from the centre of the first."""
        scale = np.diag([self._model[1] / shape[1], self._model[0] / shape[0], 1.0])
        centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        return np.asarray(np.linalg.inv(centre) @ self._to_recording @ scale @ centre)


def finer(values: np.ndarray) -> np.ndarray:
    """(rows, cols) float32 -> (rows * FINE, cols * FINE), cubic."""
    rows, cols = values.shape
    return np.asarray(cv2.resize(values, (cols * FINE, rows * FINE), interpolation=cv2.INTER_CUBIC))


def difference(first: np.ndarray, second: np.ndarray, width: int) -> np.ndarray:
    """(h, w, 3) uint8 pictures -> (h, w) uint8: the largest of the channels' differences, averaged over `width` pixels."""
    channels = cv2.split(cv2.blur(cv2.absdiff(first, second), (width, width)))
    return np.asarray(cv2.max(cv2.max(channels[0], channels[1]), channels[2]))
