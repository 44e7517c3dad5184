"""Colours and segments laid over pixels."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.drawing.look import BACKGROUND, RGB

NO_SEGMENT = 255
"""Label of pixels that belong to no patch."""
_ALL_SIDES = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_ABOVE_AND_LEFT = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0]], np.uint8)
_BOLD_FROM = 360
"""Pixels of height from which on a line of two pixels does not smother the picture."""


def blended(pixels: np.ndarray, colours: np.ndarray, opacity: float) -> np.ndarray:
    """`colours` over `pixels`, both (height, width, 3) uint8. Opacity 0 gives the pixels, 1 the colours, exactly."""
    return np.asarray(cv2.addWeighted(pixels, 1.0 - opacity, colours, opacity, 0.0))


def shaded(colours: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """`colours` where the policy sees, the background's colour elsewhere: what it never saw turns dark."""
    return np.where(inside[..., None], colours, np.array(BACKGROUND, np.uint8))


def borders(labels: np.ndarray, *, bold: bool = True) -> np.ndarray:
    """The pixels of (height, width) uint8 `labels` with a neighbour of another label; bool.

    Neighbours are those above, below and beside: the line is two pixels wide. Not `bold`: above and to the left, one.
    """
    around = _ALL_SIDES if bold else _ABOVE_AND_LEFT
    return np.asarray(cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, around)) > 0


def outlined(pixels: np.ndarray, labels: np.ndarray, colour: RGB, opacity: float) -> np.ndarray:
    """`pixels` with a line of `colour` along the borders of `labels`."""
    line = blended(pixels, np.full_like(pixels, colour), opacity)
    return np.asarray(
        cv2.copyTo(line, borders(labels, bold=labels.shape[0] >= _BOLD_FROM).view(np.uint8), pixels.copy())
    )


def filled(labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """(height, width) uint8 labels -> (height, width, 3) uint8: each segment in its colour, (256, 3) uint8."""
    return np.take(palette, labels, axis=0)


def strongest(shares: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which of the channels of (h, w, c) float32 is largest, once enlarged to `size`, (height, width) uint8.

    The first of equals. Channel by channel, because `argmax` along a short last axis takes five times as long.
    """
    winner = np.zeros(size, np.uint8)
    best = np.full(size, -np.inf, np.float32)
    for number, channel in enumerate(cv2.split(shares)):
        large = cv2.resize(channel, size[::-1], interpolation=cv2.INTER_LINEAR)
        np.copyto(winner, number, where=large > best)
        cv2.max(best, large, dst=best)
    return winner


def as_table(palette: tuple[RGB, ...]) -> np.ndarray:
    """A colour for every value a label can have, (256, 3) uint8; the background's where there is no segment."""
    table = np.full((256, 3), BACKGROUND, np.uint8)
    table[: len(palette)] = palette
    return table
