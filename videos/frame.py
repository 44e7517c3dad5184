"""One decoded picture, and which pictures are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture and when it is shown."""

    index: int
    """Position in the video, from 0."""
    time_s: float
    """Presentation time, in seconds from the first frame."""
    rgb: np.ndarray
    """Pixels, (height, width, 3) uint8, read-only."""

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise ValueError(f"A frame is (height, width, 3) uint8; got {self.rgb.shape} {self.rgb.dtype}.")
        self.rgb.flags.writeable = False


def checked_indices(indices: Sequence[int] | None, count: int) -> np.ndarray:
    """The frames asked for, (n,) int64, rising, each below `count`; None asks for all.

    Raises:
        ValueError: the indices do not rise strictly, or one is not a frame.
    """
    if indices is None:
        return np.arange(count)
    wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
    if len(wanted) and (wanted.min() < 0 or wanted.max() >= count):
        raise ValueError(f"There are frames 0 to {count - 1}; got {wanted.min()} to {wanted.max()}.")
    if np.any(np.diff(wanted) <= 0):
        raise ValueError("Frames are asked for in rising order, each once.")
    return wanted
