"""One decoded picture."""

from __future__ import annotations

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
