"""Where the hand is in the picture, and which object it goes for. A picture has no depth: these are hints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

TIP = 0.02
"""Share of the arm's pixels, the farthest from where it enters the picture, whose middle is taken for the hand."""


def tip_of_arm(maps: Iterable[np.ndarray], arm: Sequence[int]) -> np.ndarray:
    """(T, 2) float64 (x, y) pixel of the arm's far end; NaN where no arm is seen.

    The arm enters where it touches the edge of the picture (where it touches none, at its highest pixel), and its hand
    is what lies farthest from there.

    Args:
        maps: (height, width) uint8 ids, one a frame.
        arm: ids of what belongs to the robot.
    """
    tips = []
    for label_map in maps:
        y, x = np.nonzero(np.isin(label_map, arm))
        if not len(x):
            tips.append((np.nan, np.nan))
            continue
        height, width = label_map.shape
        touches = (x == 0) | (y == 0) | (x == width - 1) | (y == height - 1)
        at = touches if touches.any() else y == y.min()
        away = np.hypot(x - x[at].mean(), y - y[at].mean())
        far = np.argsort(-away, kind="stable")[: max(1, round(TIP * len(x)))]
        tips.append((x[far].mean(), y[far].mean()))
    return np.array(tips, np.float64).reshape(-1, 2)


def distances(maps: Iterable[np.ndarray], hand: np.ndarray, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """From the hand to the nearest pixel of each instance, and where the instances are.

    What is hidden is taken to be where it was last seen; before it is first seen, it is nowhere (NaN).

    Returns:
        (T, K) pixels; (T, K, 2) (x, y) middle of each instance's pixels.
    """
    apart = np.full((len(hand), len(ids)), np.nan)
    middles = np.full((len(hand), len(ids), 2), np.nan)
    seen: dict[int, np.ndarray] = {}
    for t, label_map in enumerate(maps):
        present = np.bincount(label_map.reshape(-1), minlength=256)
        for k, number in enumerate(ids):
            if present[number]:
                mask = (label_map == number).astype(np.uint8)
                contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
                seen[number] = np.concatenate([one.reshape(-1, 2) for one in contours]).astype(np.float64)
                moments = cv2.moments(mask, binaryImage=True)
                middles[t, k] = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
                inside = not np.isnan(hand[t]).any() and _at(mask, hand[t])
                if inside:
                    apart[t, k] = 0.0
                    continue
            elif t:
                middles[t, k] = middles[t - 1, k]
            if number in seen and not np.isnan(hand[t]).any():
                apart[t, k] = np.hypot(*(seen[number] - hand[t]).T).min()
    return apart, middles


def _at(mask: np.ndarray, point: np.ndarray) -> bool:
    x, y = int(point[0]), int(point[1])
    return bool(0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x])


def targets(apart: np.ndarray, times_s: np.ndarray, reach: float, ahead_s: float) -> np.ndarray:
    """(T,) which instance (column of `apart`) the hand is at or comes to within `ahead_s`; -1: none within `reach`.

    A recording knows its future: what the hand comes closest to soon is what it goes for now.
    """
    chosen = np.full(len(apart), -1)
    for t in range(len(apart)):
        soon = apart[t : np.searchsorted(times_s, times_s[t] + ahead_s, side="right")]
        if np.isnan(soon).all():
            continue
        nearest = np.nanmin(np.where(np.isnan(soon), np.inf, soon), axis=0)
        if nearest.min() <= reach:
            chosen[t] = int(nearest.argmin())
    return chosen


def carried(middles: np.ndarray, hand: np.ndarray, first: int, last: int) -> np.ndarray:
    """(K,) float64: what share of the hand's way from one frame to another each instance went with it.

    1: it moved along as if held; 0: it stayed, or went elsewhere. NaN where the hand or the instance is not known.
    """
    way = hand[last] - hand[first]
    length = float(way @ way)
    if not length > 0:
        return np.full(middles.shape[1], np.nan)
    return np.asarray((middles[last] - middles[first]) @ way / length)
