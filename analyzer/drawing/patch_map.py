"""Which patch lies under which pixel: from the policy's grid to the picture on the screen."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.run_folder import CameraRecord


class PatchMap:
    """The patches of one camera, laid over a panel: the camera's whole picture at the size it is drawn.

    Geometry goes backwards: the centre of every panel pixel is taken to the recording, from there with the inverse of
    `to_recording` to the model's input, and falls on one patch or on none (where the policy's transform cropped).
    """

    def __init__(self, camera: CameraRecord, grid: tuple[int, int], panel: tuple[int, int]) -> None:
        """`grid` is (rows, columns) of patches; `panel` is (height, width) in pixels."""
        rows, columns = grid
        model_height, model_width = camera.model_size
        to_grid = (
            np.diag([columns / model_width, rows / model_height, 1.0])
            @ np.linalg.inv(np.array(camera.to_recording, np.float64))
            @ np.diag([camera.width / panel[1], camera.height / panel[0], 1.0])
        )
        x, y = np.meshgrid(np.arange(panel[1]) + 0.5, np.arange(panel[0]) + 0.5)  # pixel centres are at +0.5
        points = to_grid @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
        column, row = (points[:2] / points[2]).reshape(2, *panel)
        self.inside: np.ndarray = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        """(height, width) bool: the policy sees this pixel."""
        self.whole = bool(self.inside.all())
        self.patch_side = float(1 / np.sqrt(abs(np.linalg.det(to_grid[:2, :2]))))
        """Side of a patch on the panel, in pixels."""
        nearest = np.stack([np.clip(column, 0, columns - 1), np.clip(row, 0, rows - 1)], axis=-1)
        self._nearest = np.floor(nearest).astype(np.int16)
        # A patch's value belongs to its centre, 0.5 further on than its index.
        self._between = cv2.convertMaps((column - 0.5).astype(np.float32), (row - 0.5).astype(np.float32), cv2.CV_16SC2)

    def as_patches(self, values: np.ndarray) -> np.ndarray:
        """(rows, columns) or (rows, columns, c) -> the same a panel pixel: the value of the patch it lies in."""
        return cv2.remap(values, self._nearest, None, cv2.INTER_NEAREST)

    def between_patches(self, values: np.ndarray) -> np.ndarray:
        """(rows, columns, c) float32 -> (height, width, c): straight lines between the patches' centres."""
        return cv2.remap(values, *self._between, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
