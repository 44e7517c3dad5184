"""Fit a picture into a square with its aspect kept, black beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from policies.transform import scaling


@dataclass(frozen=True)
class FitCentred:
    """Shrink or grow until it fits, then pad evenly: openpi's `resize_with_pad` (bilinear, in Pillow)."""

    height: int
    width: int
    resample: Image.Resampling = Image.Resampling.BILINEAR

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def apply(self, image: np.ndarray) -> np.ndarray:
        (height, width), (top, left) = self._place(*image.shape[:2])
        canvas = np.zeros((self.height, self.width, 3), np.uint8)
        resized = Image.fromarray(image).resize((width, height), self.resample)
        canvas[top : top + height, left : left + width] = np.asarray(resized)
        return canvas

    def to_input(self, height: int, width: int) -> np.ndarray:
        (fitted_height, fitted_width), (top, left) = self._place(height, width)
        x, y = width / fitted_width, height / fitted_height
        return scaling(x, y, -left * x, -top * y)

    def _place(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Size of the fitted picture and its (top, left) corner."""
        ratio = max(width / self.width, height / self.height)
        fitted = max(1, int(height / ratio)), max(1, int(width / ratio))
        return fitted, ((self.height - fitted[0]) // 2, (self.width - fitted[1]) // 2)
