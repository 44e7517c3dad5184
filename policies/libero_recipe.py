"""The preparation of images in OpenVLA's LIBERO evaluation, without TensorFlow, which does it there.

The recording went through JPEG when the training set was built, was resized with Lanczos to 224, and a checkpoint that
was trained with random crops is shown the middle 90 % of the area. (The half turn of raw recordings is not here: it
belongs to the recording.) Figures: tests/policies/test_libero_recipe.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from policies.jpeg import round_trip
from policies.transform import scaling


@dataclass(frozen=True)
class JpegRoundTrip:
    """Compress and decompress, as `tf.image.encode_jpeg` and `tf.io.decode_image` do by default."""

    quality: int = 95

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def apply(self, image: np.ndarray) -> np.ndarray:
        return round_trip(image, self.quality)

    def to_input(self, height: int, width: int) -> np.ndarray:
        return np.eye(3)


@dataclass(frozen=True)
class LanczosResize:
    """`tf.image.resize(method="lanczos3", antialias=True)`, rounded: in float, where Pillow rounds between its passes."""

    height: int
    width: int

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def apply(self, image: np.ndarray) -> np.ndarray:
        rows, columns = lanczos_weights(image.shape[0], self.height), lanczos_weights(image.shape[1], self.width)
        resized = np.einsum("yh,hwc,xw->yxc", rows, image.astype(np.float32), columns, optimize=True)
        return np.clip(np.rint(resized), 0, 255).astype(np.uint8)

    def to_input(self, height: int, width: int) -> np.ndarray:
        return scaling(width / self.width, height / self.height)


@dataclass(frozen=True)
class CropAndResize:
    """The middle `area` of a picture, bilinear back to its size: `tf.image.crop_and_resize`.

    It puts the first and the last sample on the edges of the box, measured between pixel centres.
    """

    area: float

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def apply(self, image: np.ndarray) -> np.ndarray:
        scaled = image.astype(np.float32) / np.float32(255)
        rows, columns = (self._weights(side) for side in image.shape[:2])
        cropped = np.einsum("yh,hwc,xw->yxc", rows, scaled, columns, optimize=True)
        # tf.image.convert_image_dtype to uint8 scales by 255.5 and cuts the fraction off.
        return (np.clip(cropped, 0, 1) * np.float32(255.5)).astype(np.uint8)

    def to_input(self, height: int, width: int) -> np.ndarray:
        x, y = self._line(width), self._line(height)
        # index = start + step * index' on pixel centres, which lie at index + 0.5
        return scaling(x[1], y[1], x[0] + 0.5 - 0.5 * x[1], y[0] + 0.5 - 0.5 * y[1])

    def _line(self, side: int) -> tuple[float, float]:
        """(start, step) of the samples along one side, in pixel indices."""
        kept = math.sqrt(self.area)
        return (1 - kept) / 2 * (side - 1), kept

    def _weights(self, side: int) -> np.ndarray:
        """[side, side] float32: row i holds the share of every input pixel in output pixel i."""
        start, step = self._line(side)
        position = start + step * np.arange(side)
        low = np.clip(np.floor(position).astype(int), 0, side - 1)
        high = np.clip(low + 1, 0, side - 1)
        weights = np.zeros((side, side), np.float32)
        fraction = (position - low).astype(np.float32)
        np.add.at(weights, (np.arange(side), low), 1 - fraction)
        np.add.at(weights, (np.arange(side), high), fraction)
        return weights


@cache
def lanczos_weights(inputs: int, outputs: int, lobes: int = 3) -> np.ndarray:
    """[outputs, inputs] float32 of antialiased Lanczos resampling: the kernel widens when the picture shrinks."""
    ratio = inputs / outputs
    stretch = max(ratio, 1.0)
    centre = (np.arange(outputs) + 0.5) * ratio - 0.5
    x = (np.arange(inputs)[None] - centre[:, None]) / stretch
    weights = np.where(np.abs(x) < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def libero_steps(height: int, width: int) -> tuple[JpegRoundTrip, LanczosResize, CropAndResize]:
    """The whole recipe, for a checkpoint trained with random crops of 90 % of the area, as the released ones were."""
    return JpegRoundTrip(), LanczosResize(height, width), CropAndResize(0.9)
