"""Which patch lies under which pixel: from the policy's grid to the picture on the screen."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.run_folder import CameraRecord

_THINNED = 2
"""Values between patches are smooth: every second pixel has them all."""
_NO_MAP = np.empty(0, np.float32)


class PatchMap:
    """The patches of one camera, laid over a panel: the camera's whole picture at the size it is drawn.

    Geometry goes backwards: the centre of every panel pixel is taken to the recording, from there with the inverse of
    `to_recording` to the model's input, and falls on one patch or on none (where the policy's transform cropped).
    """

    def __init__(self, camera: CameraRecord, grid: tuple[int, int], panel: tuple[int, int]) -> None:
        """`grid` is (rows, columns) of patches; `panel` is (height, width) in pixels."""
        rows, columns = grid
        column, row = _grid_positions(camera, grid, panel)
        self.inside: np.ndarray = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        """(height, width) bool: the policy sees this pixel."""
        self.whole = bool(self.inside.all())
        nearest = np.stack([np.clip(column, 0, columns - 1), np.clip(row, 0, rows - 1)], axis=-1)
        self._nearest = np.floor(nearest).astype(np.int16)
        column, row = _grid_positions(camera, grid, (-(-panel[0] // _THINNED), -(-panel[1] // _THINNED)))
        # A patch's value belongs to its centre, 0.5 further on than its index.
        self._between = cv2.convertMaps((column - 0.5).astype(np.float32), (row - 0.5).astype(np.float32), cv2.CV_16SC2)
        self.patch_radius = max(1, round(1 / np.abs(np.gradient(column, axis=1)).mean()))
        """Width of a patch in what `between_patches` gives: the window in which an edge is looked for."""

    def as_patches(self, values: np.ndarray) -> np.ndarray:
        """(rows, columns) or (rows, columns, c) uint8 -> the same a panel pixel: of the patch it lies in."""
        return np.asarray(cv2.remap(values, self._nearest, _NO_MAP, cv2.INTER_NEAREST))

    def between_patches(self, values: np.ndarray) -> np.ndarray:
        """(rows, columns, c) float32 -> (height / 2, width / 2, c): straight lines between the patches' centres."""
        coordinates, fractions = self._between
        spread = cv2.remap(values, coordinates, fractions, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(spread).reshape(*coordinates.shape[:2], -1)


def _grid_positions(
    camera: CameraRecord, grid: tuple[int, int], panel: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixel centres of a panel fall: (column, row), each (height, width) float64, in patches."""
    to_grid = (
        np.diag([grid[1] / camera.model_size[1], grid[0] / camera.model_size[0], 1.0])
        @ np.linalg.inv(np.array(camera.to_recording, np.float64))
        @ np.diag([camera.width / panel[1], camera.height / panel[0], 1.0])
    )
    x, y = np.meshgrid(np.arange(panel[1]) + 0.5, np.arange(panel[0]) + 0.5)  # pixel centres are at +0.5
    column, row, depth = np.moveaxis(np.stack([x, y, np.ones_like(x)], axis=-1) @ to_grid.T, -1, 0)
    return column / depth, row / depth
