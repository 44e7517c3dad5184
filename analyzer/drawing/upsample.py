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

    Args:
        guide: (height, width) float32 grey, 0 … 1.
        values: (height, width, c) float32.
        radius: of the square window, in pixels.

    Returns:
        (height, width, c) float32.
    """
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(image: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(image, -1, side, borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_values = mean(guide), mean(values).reshape(values.shape)
    variance = mean(guide * guide) - mean_guide * mean_guide
    covariance = mean(guide[..., None] * values).reshape(values.shape) - mean_guide[..., None] * mean_values
    slope = covariance / (variance + smoothness)[..., None]
    offset = mean_values - slope * mean_guide[..., None]
    return mean(slope).reshape(values.shape) * guide[..., None] + mean(offset).reshape(values.shape)
