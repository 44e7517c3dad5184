"""Who is who in a picture: a line around each instance in its colour, and its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from analyzer.drawing.look import BACKGROUND, BRIGHT, RGB, SMALL_SIZE
from analyzer.drawing.text import line_height, text_width, write

_HALO = (0, 0, 0)
_PAD = 4


@dataclass(frozen=True)
class Outlined:
    """One instance as it is drawn."""

    id: int
    label: str
    colour: RGB


def outlined(pixels: np.ndarray, label_map: np.ndarray, instances: Sequence[Outlined]) -> np.ndarray:
    """A copy of (height, width, 3) uint8 `pixels` with a line around each instance's part of the label map.

    Args:
        label_map: (h, w) uint8 instance ids, of the same picture at any size. An instance that is not in it is not drawn.
    """
    drawn = np.ascontiguousarray(pixels).copy()
    height, width = drawn.shape[:2]
    labels = cv2.resize(label_map, (width, height), interpolation=cv2.INTER_NEAREST)
    thickness = 1 if height < 200 else 2
    tags = []
    for instance in instances:
        mask = (labels == instance.id).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if not contours:
            continue
        # A dark line under the coloured one: any colour is seen on any ground.
        cv2.drawContours(drawn, contours, -1, _HALO, thickness + 2, cv2.LINE_AA)
        cv2.drawContours(drawn, contours, -1, instance.colour, thickness, cv2.LINE_AA)
        x, y, _, _ = cv2.boundingRect(max(contours, key=cv2.contourArea))
        tags.append((x, y, instance))
    for x, y, instance in tags:
        _tag(drawn, x, y, instance)
    return drawn


def _tag(canvas: np.ndarray, x: int, y: int, instance: Outlined) -> None:
    """The label on a plate of the instance's colour, above its corner where there is room."""
    width, height = text_width(instance.label, SMALL_SIZE) + 2 * _PAD, line_height(SMALL_SIZE)
    left = int(np.clip(x, 0, max(0, canvas.shape[1] - width)))
    top = y - height - 2 if y > height + 2 else min(y, canvas.shape[0] - height)
    if top < 0:
        return  # a picture lower than a line of text
    canvas[top : top + height, left : left + width] = instance.colour
    bright = sum(weight * value for weight, value in zip((0.299, 0.587, 0.114), instance.colour, strict=True)) < 140
    write(canvas, left + _PAD, top, instance.label, SMALL_SIZE, BRIGHT if bright else BACKGROUND)
