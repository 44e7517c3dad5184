"""What moves in the pictures, told in patches: where each goes to, and which stay as they are.

Everything happens in the plane of the model's input, where the patches are a regular grid, at a few pixels a patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from analyzer.run_folder import CameraRecord

PIXELS = 8
"""A patch's side, in the picture that is looked at."""
STILL = 2.0
"""Grey levels of 255: a patch stands still where the mean difference of its smoothed pixels stays below, and that of its
eight neighbours too. Compression noise of a good video stays under 1; in LIBERO scenes at 7 frames a second no patch of
another object passed, and 72 % of the patches did."""
AGREEMENT = 0.5
"""Patches: flow there and back must end this close to where it began, or the patch has been covered."""


@dataclass(frozen=True, eq=False)
class Motion:
    """From one frame to the next, of one camera."""

    flow: np.ndarray
    """(rows, cols, 2) float32, in patches, (column, row)."""
    visible: np.ndarray
    """(rows, cols) bool: the patch is still to be seen in the second frame."""
    static: np.ndarray
    """(rows, cols) bool: neither the patch nor what surrounds it changes."""


class ModelPlane:
    """Pictures of one camera as the model sees them, `PIXELS` a patch."""

    def __init__(self, camera: CameraRecord, grid: tuple[int, int]) -> None:
        rows, cols = grid
        to_model = np.diag([camera.model_size[1] / (cols * PIXELS), camera.model_size[0] / (rows * PIXELS), 1.0])
        # OpenCV counts from the centre of the first pixel, to_recording from its corner.
        corner = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        self._matrix = np.linalg.inv(corner) @ np.array(camera.to_recording, np.float64) @ to_model @ corner
        self._size = (cols * PIXELS, rows * PIXELS)
        # A much larger picture is averaged first: picked pixels would glitter where nothing moves.
        self._shrink = max(1, int(np.hypot(self._matrix[0, 0], self._matrix[1, 0])))

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """(height, width, 3) uint8 of the recording -> (rows * PIXELS, cols * PIXELS, 3) uint8."""
        matrix = self._matrix
        if self._shrink > 1:
            height, width = rgb.shape[0] // self._shrink, rgb.shape[1] // self._shrink
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
            matrix = np.diag([1 / self._shrink, 1 / self._shrink, 1.0]) @ matrix
        return np.asarray(cv2.warpPerspective(rgb, matrix, self._size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def motion(first: np.ndarray, second: np.ndarray) -> Motion:
    """Of two pictures in the model's plane. Flow: dense inverse search (Kroeger et al. 2016)."""
    change = np.abs(cv2.blur(second, (3, 3)).astype(np.int16) - cv2.blur(first, (3, 3))).mean(axis=2)
    static = cv2.dilate(_of_patches(change).astype(np.float32), np.ones((3, 3), np.uint8)) < STILL
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second)]
    there, back = search.calc(grey[0], grey[1], None), search.calc(grey[1], grey[0], None)
    y, x = np.mgrid[0 : there.shape[0], 0 : there.shape[1]].astype(np.float32)
    x, y = x + there[..., 0], y + there[..., 1]
    returned = cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    missed = np.hypot(*np.moveaxis(there + returned, -1, 0)) / PIXELS
    inside = (x >= 0) & (x < there.shape[1]) & (y >= 0) & (y < there.shape[0])
    return Motion(
        flow=np.stack([_of_patches(there[..., axis]) for axis in (0, 1)], axis=-1).astype(np.float32) / PIXELS,
        visible=(_of_patches(missed) < AGREEMENT) & (_of_patches(inside) > 0.5),
        static=static,
    )


def _of_patches(pixels: np.ndarray) -> np.ndarray:
    """(rows * PIXELS, cols * PIXELS) -> (rows, cols) means."""
    height, width = pixels.shape
    return np.asarray(pixels.reshape(height // PIXELS, PIXELS, width // PIXELS, PIXELS).mean(axis=(1, 3)))
