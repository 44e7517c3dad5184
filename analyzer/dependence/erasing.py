"""Take a thing out of a picture, and find pieces of background that can be taken out in its place. Pure functions."""

from __future__ import annotations

import cv2
import numpy as np

HALO = 0.008
"""Share of the picture's diagonal by which a mask is widened: edges blend with what is around, and codecs smear."""
FILL_SIDE = 192
"""Pixels: what is larger is filled in at this size. What lies within a filled area is smooth anyway."""


def widened(mask: np.ndarray) -> np.ndarray:
    """(height, width) bool -> the same with a margin of `HALO` around it."""
    reach = max(1, round(HALO * float(np.hypot(*mask.shape))))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), bool)


def erased(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with the masked pixels filled in from around them (Telea 2004, fast marching).

    Only masked pixels change, and what was in them plays no part.

    Args:
        picture: (height, width, 3) uint8.
        mask: (height, width) bool; all True leaves nothing to fill from.
    """
    if not mask.any():
        return picture.copy()
    if mask.all():
        raise ValueError("nothing is left of the picture to fill it from")
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    more = max(4, round(0.25 * max(width, height)))
    rows, cols = slice(max(0, top - more), top + height + more), slice(max(0, left - more), left + width + more)
    around, hole = picture[rows, cols], mask[rows, cols].astype(np.uint8)
    scale = FILL_SIDE / max(hole.shape)
    if scale < 1:
        size = (max(2, round(hole.shape[1] * scale)), max(2, round(hole.shape[0] * scale)))
        # What is erased must not leak into the pixels around it when they are averaged.
        weight = cv2.resize((1 - hole).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        known = cv2.resize(around * (1 - hole[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        small = (known / np.maximum(weight, 1e-6)[..., None]).round().clip(0, 255).astype(np.uint8)
        filled = cv2.inpaint(small, (weight < 0.5).astype(np.uint8), 3, cv2.INPAINT_TELEA)
        filled = cv2.resize(filled, (hole.shape[1], hole.shape[0]), interpolation=cv2.INTER_LINEAR)
    else:
        # At the picture's edge OpenCV's gradients look into the hole: there must be nothing of the thing in it.
        known = np.where(hole[..., None] > 0, around[hole == 0].mean(axis=0).astype(np.uint8), around)
        filled = cv2.inpaint(np.ascontiguousarray(known), hole, 3, cv2.INPAINT_TELEA)
    result = picture.copy()
    result[rows, cols] = np.where(hole[..., None] > 0, filled, around)
    return result


def moved_masks(mask: np.ndarray, taken: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The same shape in up to `count` random other places, wholly in the picture and wholly on what is not taken.

    Places are drawn one after the other from those left; a place is struck out once another lies within half the
    shape's size, so that the pieces are not one and the same.

    Args:
        mask: (height, width) bool, not empty.
        taken: (height, width) bool: objects, the arm, and the thing itself.
    """
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    shape = mask[top : top + height, left : left + width]
    # At each corner: how many pixels of the shape would lie on something taken.
    on_taken = cv2.filter2D(
        taken.astype(np.float32), -1, shape.astype(np.float32), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
    )
    free = on_taken[: mask.shape[0] - height + 1, : mask.shape[1] - width + 1] < 0.5
    found: list[np.ndarray] = []
    while len(found) < count and free.any():
        places = np.flatnonzero(free)
        y, x = divmod(int(places[rng.integers(len(places))]), free.shape[1])
        placed = np.zeros_like(mask)
        placed[y : y + height, x : x + width] = shape
        found.append(placed)
        free[max(0, y - height // 2) : y + height // 2 + 1, max(0, x - width // 2) : x + width // 2 + 1] = False
    return found
