"""Colours and segments laid over pixels."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.drawing.look import BACKGROUND, RGB

NO_SEGMENT = 255
"""Label of pixels that belong to no patch."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def blended(pixels: np.ndarray, colours: np.ndarray, opacity: float) -> np.ndarray:
    """`colours` over `pixels`, both (height, width, 3) uint8. Opacity 0 gives the pixels, 1 the colours, exactly."""
    return cv2.addWeighted(pixels, 1.0 - opacity, colours, opacity, 0.0)


def shaded(colours: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """`colours` where the policy sees, the background's colour elsewhere: what it never saw turns dark."""
    return np.where(inside[..., None], colours, np.array(BACKGROUND, np.uint8))


def borders(labels: np.ndarray) -> np.ndarray:
    """The pixels of (height, width) uint8 `labels` with a neighbour above, below or beside of another label; bool."""
    return cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, _CROSS) > 0


def outlined(pixels: np.ndarray, labels: np.ndarray, colour: RGB, opacity: float) -> np.ndarray:
    """`pixels` with a line of two pixels, of `colour`, along the borders of `labels`."""
    line = blended(pixels, np.full_like(pixels, colour), opacity)
    return np.where(borders(labels)[..., None], line, pixels)


def filled(labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """(height, width) uint8 labels -> (height, width, 3) uint8: each segment in its colour, (256, 3) uint8."""
    return palette[labels]


def as_table(palette: tuple[RGB, ...]) -> np.ndarray:
    """A colour for every value a label can have, (256, 3) uint8; the background's where there is no segment."""
    table = np.full((256, 3), BACKGROUND, np.uint8)
    table[: len(palette)] = palette
    return table
