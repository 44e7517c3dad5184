"""What moves in the pictures, told in patches: where each goes to, and which stay as they are.

Everything happens in the plane of the model's input, where the patches are a regular grid, at a few pixels a patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from analyzer.run_folder import CameraRecord

PIXELS = 8
"""A patch's side in the picture that is looked at, in a grid of usual size."""
SIDE = 64
"""Pixels that picture has at least, either way: less is too little for optical flow."""
STILL = 2.0
"""Grey levels of 255: a patch stands still where the mean difference of its smoothed pixels stays below, and that of its
eight neighbours too. Compression noise of a good video stays under 1; in LIBERO scenes at 7 frames a second no patch of
another object passed, and 72 % of the patches did."""
AGREEMENT = 0.5
"""Patches: flow there and back must end this close to where it began, or the patch has been covered."""
LIKENESS = 8.0
"""Grey levels: a patch must look the same, as a mean over its pixels, where flow finds it. Flow finds something in
unrelated pictures, too, and in plain walls it even finds the way back. In LIBERO scenes at 7 frames a second 95 % of the
patches pass, in a frame turned upside down 3 %."""


@dataclass(frozen=True, eq=False)
class Motion:
    """From one frame to the next, of one camera."""

    flow: np.ndarray
    """(rows, cols, 2) float32, in patches, (column, row)."""
    visible: np.ndarray
    """(rows, cols) bool: the patch is still to be seen in the second frame."""
    back_flow: np.ndarray
    back_visible: np.ndarray
    """The same for the patches of the second frame in the first."""
    static: np.ndarray
    """(rows, cols) bool: neither the patch nor what surrounds it changes."""


class ModelPlane:
    """Pictures of one camera as the model sees them, a few pixels a patch."""

    def __init__(self, camera: CameraRecord, grid: tuple[int, int]) -> None:
        pixels = max(PIXELS, -(-SIDE // min(grid)))
        height, width = grid[0] * pixels, grid[1] * pixels
        to_model = np.diag([camera.model_size[1] / width, camera.model_size[0] / height, 1.0])
        # OpenCV counts from the centre of the first pixel, to_recording from its corner.
        corner = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        self._matrix = np.linalg.inv(corner) @ np.array(camera.to_recording, np.float64) @ to_model @ corner
        self._size = (width, height)
        # A much larger picture is averaged first: picked pixels would glitter where nothing moves.
        self._shrink = max(1, int(np.hypot(self._matrix[0, 0], self._matrix[1, 0])))

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """(height, width, 3) uint8 of the recording -> (height, width, 3) uint8, whole patches."""
        matrix = self._matrix
        if self._shrink > 1:
            height, width = rgb.shape[0] // self._shrink, rgb.shape[1] // self._shrink
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
            matrix = np.diag([1 / self._shrink, 1 / self._shrink, 1.0]) @ matrix
        return np.asarray(cv2.warpPerspective(rgb, matrix, self._size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def motion(first: np.ndarray, second: np.ndarray, grid: tuple[int, int]) -> Motion:
    """Of two pictures in the model's plane. Flow: dense inverse search (Kroeger et al. 2016)."""
    pixels = len(first) // grid[0]
    change = np.abs(cv2.blur(second, (3, 3)).astype(np.int16) - cv2.blur(first, (3, 3))).mean(axis=2)
    most = cv2.dilate(_of_patches(change, pixels), np.ones((3, 3), np.uint8))
    there, back = pixel_flow(first, second), pixel_flow(second, first)
    flow, visible = _followed(first, second, there, back, pixels)
    back_flow, back_visible = _followed(second, first, back, there, pixels)
    return Motion(flow, visible, back_flow, back_visible, static=np.asarray(most < STILL))


def _followed(
    first: np.ndarray, second: np.ndarray, there: np.ndarray, back: np.ndarray, pixels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Flow of pixels -> (rows, cols, 2) of patches, (rows, cols) which of them are where it leads."""
    y, x = np.mgrid[0 : len(first), 0 : first.shape[1]].astype(np.float32)
    x, y = x + there[..., 0], y + there[..., 1]

    def found(picture: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    missed = np.hypot(*np.moveaxis(there + found(back), -1, 0)) / pixels
    unlike = cv2.absdiff(found(second), first).mean(axis=2)
    inside = (x >= 0) & (x < first.shape[1]) & (y >= 0) & (y < len(first))
    flow = np.stack([_of_patches(there[..., axis], pixels) for axis in (0, 1)], axis=-1) / pixels
    visible = (
        (_of_patches(missed, pixels) < AGREEMENT)
        & (_of_patches(unlike, pixels) < LIKENESS)
        & (_of_patches(inside, pixels) > 0.5)
    )
    return flow, visible


def pixel_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two (height, width, 3) uint8 pictures -> (height, width, 2) float32: where every pixel goes, in pixels, (x, y)."""
    start = np.zeros((*first.shape[:2], 2), np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second)]
    return np.asarray(search.calc(grey[0], grey[1], start))


def _of_patches(values: np.ndarray, pixels: int) -> np.ndarray:
    """(height, width) -> (rows, cols) float32 means."""
    height, width = values.shape
    blocks = values.reshape(height // pixels, pixels, width // pixels, pixels)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))
