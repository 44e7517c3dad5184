"""What is never seen away from the arm is a part of it: a link, or what it stands on."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

ALWAYS = 0.9
"""Share of the frames that show a thing in which it has to hang together with the arm."""
AROUND = 0.25
"""Share of what lies around a thing that the arm fills where they hang together. A thing that the arm merely reaches in
the picture has less of it around, or not always."""


class Contacts:
    """Gathered while label maps go by."""

    def __init__(self, arm: int, reach: int) -> None:
        """`arm`: its label. `reach`: how many pixels from a thing count as around it."""
        self._arm = arm
        self._around = np.ones((2 * max(1, reach) + 1,) * 2, np.uint8)
        self._reach = max(1, reach)
        self._seen = np.zeros(256, np.int64)
        self._together = np.zeros(256, np.int64)

    def add(self, labels: np.ndarray) -> None:
        """The next frame: (h, w) uint8."""
        sizes = np.bincount(labels.reshape(-1), minlength=256)
        sizes[[0, self._arm]] = 0
        for number in map(int, np.flatnonzero(sizes)):
            mask = (labels == number).astype(np.uint8)
            left, top, width, height = cv2.boundingRect(mask)
            box = (
                slice(max(0, top - self._reach), top + height + self._reach),
                slice(max(0, left - self._reach), left + width + self._reach),
            )
            around = (cv2.dilate(mask[box], self._around) > 0) & (mask[box] == 0)
            self._seen[number] += 1
            if around.any():
                self._together[number] += (labels[box][around] == self._arm).mean() >= AROUND

    def parts(self, things: Iterable[int]) -> frozenset[int]:
        """Those of the things that are the arm's."""
        return frozenset(one for one in things if 0 < ALWAYS * self._seen[one] <= self._together[one])
