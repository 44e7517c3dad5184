"""From coarse patches to the edges of the picture: the guided filter (He, Sun & Tang 2010), for the eye alone.

Within a window the output is a straight line of the guide, q = a I + b, the one closest to the input; so q has an edge
where the guide has one, and is flat where it is flat. Nothing is ever measured on the result.
"""

from __future__ import annotations

import cv2
import numpy as np

SMOOTHNESS = 0.03**2
"""Variance of grey (0 … 1) below which the guide counts as flat."""


def guided_filter(guide: np.ndarray, values: np.ndarray, radius: int, smoothness: float = SMOOTHNESS) -> np.ndarray:
    """Bring the edges of `guide` into `values`.

    The lines are fitted at the size of `values` and drawn at the size of `guide` (He & Sun 2015): values that come from
    a few hundred patches are smooth, only the guide needs every pixel.

    Args:
        guide: (height, width) float32 grey, 0 … 1.
        values: (height', width', c) float32, the same picture at the same size or a smaller one.
        radius: of the square window, in pixels of `values`.

    Returns:
        (height, width, c) float32.
    """
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(image: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(image, -1, side, borderType=cv2.BORDER_REFLECT).reshape(image.shape)

    def enlarged(image: np.ndarray) -> np.ndarray:
        return cv2.resize(image, guide.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(*guide.shape, -1)

    small = cv2.resize(guide, values.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None]
    mean_guide, mean_values = mean(small), mean(values)
    variance = mean(small * small) - mean_guide * mean_guide
    slope = (mean(small * values) - mean_guide * mean_values) / (variance + smoothness)
    offset = mean_values - slope * mean_guide
    return enlarged(mean(slope)) * guide[..., None] + enlarged(mean(offset))
