"""From recording pixels to model pixels, and back to where a patch lies in the recording."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch


class ImageTransform(Protocol):
    """Owns the pixels and the geometry together, so that they cannot disagree."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the model's input."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hex digest of every constant of the transform: part of the cache's name."""
        ...

    def pixels(self, frame: np.ndarray) -> torch.Tensor:
        """[H, W, 3] uint8 RGB -> [channels, height, width] float32, as the model wants it."""
        ...

    def to_recording(self, height: int, width: int) -> np.ndarray:
        """3x3 float64 matrix M, (x, y, 1) in model pixels -> recording pixels of a `height` x `width` frame.

        Pixel centres are at +0.5 on both sides: the left edge is x = 0.
        """
        ...
