"""From about where a thing is to its outline in the picture."""

from __future__ import annotations

import cv2
import numpy as np

SURE_INSIDE = 0.4
"""Patches from the border inwards from which on a pixel is the thing's; less where it is slimmer."""
SURE_OUTSIDE = 1.0
"""Patches from the border outwards from which on it is not."""
AROUND = 2.5
"""Patches around the thing that tell what it is seen against."""


def outline(picture: np.ndarray, mask: np.ndarray, taken: np.ndarray, patch: float) -> np.ndarray:
    """Move the border of a mask to where the picture's colours change (GrabCut: Rother, Kolmogorov & Blake 2004).

    Args:
        picture: (h, w, 3) uint8.
        mask: (h, w) bool, right to about a patch.
        taken: (h, w) bool: what belongs to others.
        patch: side of a patch in pixels.

    Returns:
        (h, w) bool: one piece. The mask itself where colours do not help.
    """
    if mask.sum() < 16 or mask.all():
        return mask
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    margin = round(AROUND * patch)
    rows = slice(max(0, top - margin), top + height + margin)
    columns = slice(max(0, left - margin), left + width + margin)
    inside = mask[rows, columns].astype(np.uint8)
    depth = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    gap = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    trimap = np.where(inside > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trimap[depth > min(SURE_INSIDE * patch, 0.6 * depth.max())] = cv2.GC_FGD
    trimap[(gap > SURE_OUTSIDE * patch) | (taken[rows, columns] & (gap > 0.25 * patch))] = cv2.GC_BGD
    if not ((trimap == cv2.GC_BGD) | (trimap == cv2.GC_PR_BGD)).any():
        return mask
    cv2.setRNGSeed(0)  # its colour models start from k-means: equal input shall give an equal outline
    models = np.zeros((1, 65)), np.zeros((1, 65))
    crop = np.ascontiguousarray(picture[rows, columns])
    cv2.grabCut(crop, trimap, (0, 0, 1, 1), *models, 1, cv2.GC_INIT_WITH_MASK)
    found = ((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, pieces = cv2.connectedComponents(found, connectivity=4)
    shared = np.bincount(pieces[inside > 0], minlength=2)
    shared[0] = 0
    if shared.max() < 0.3 * inside.sum():
        return mask
    result = np.zeros(mask.shape, bool)
    result[rows, columns] = pieces == int(shared.argmax())
    return result
