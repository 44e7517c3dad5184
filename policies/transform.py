"""From recording pixels to model pixels, and back to where a patch lies in the recording.

A transform is a list of steps. Every step owns its pixels and its geometry, so that the two cannot disagree: what
`apply` does to a picture, `to_input` undoes for a point. Points are (x, y) with pixel centres at +0.5: the left edge of
a picture is x = 0, its right edge x = width.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from foundation.errors import BadInput

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's channels, on the scale 0 … 1."""
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""The same of CLIP's training images."""


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


class PixelStep(Protocol):
    """One change of a picture. Steps are frozen dataclasses: their `repr` names every constant."""

    def output_size(self, height: int, width: int) -> tuple[int, int]: ...

    def apply(self, image: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 -> [H', W', 3] uint8."""
        ...

    def to_input(self, height: int, width: int) -> np.ndarray:
        """3x3: points of the output -> points of a `height` x `width` input."""
        ...


def scaling(x: float, y: float, dx: float = 0.0, dy: float = 0.0) -> np.ndarray:
    """The 3x3 matrix that scales by (x, y), then moves by (dx, dy)."""
    return np.array([[x, 0.0, dx], [0.0, y, dy], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Resize:
    """To a fixed size whatever the aspect ("resize-naive"), with Pillow: antialiased when it shrinks."""

    height: int
    width: int
    resample: Image.Resampling = Image.Resampling.BICUBIC

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def apply(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(image).resize((self.width, self.height), self.resample))

    def to_input(self, height: int, width: int) -> np.ndarray:
        return scaling(width / self.width, height / self.height)


@dataclass(frozen=True)
class CentreCrop:
    """The middle of a picture, as a share of its area; whole pixels."""

    area: float

    def __post_init__(self) -> None:
        if not 0 < self.area <= 1:
            raise ValueError(f"A crop keeps a share of the area in (0, 1]; got {self.area}.")

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        side = math.sqrt(self.area)
        return max(1, round(height * side)), max(1, round(width * side))

    def apply(self, image: np.ndarray) -> np.ndarray:
        top, left = self._corner(*image.shape[:2])
        height, width = self.output_size(*image.shape[:2])
        return image[top : top + height, left : left + width]

    def to_input(self, height: int, width: int) -> np.ndarray:
        top, left = self._corner(height, width)
        return scaling(1.0, 1.0, left, top)

    def _corner(self, height: int, width: int) -> tuple[int, int]:
        kept_height, kept_width = self.output_size(height, width)
        return (height - kept_height) // 2, (width - kept_width) // 2


@dataclass(frozen=True)
class KeepTopLeft:
    """The top left part of a picture, as large as it is."""

    height: int
    width: int

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def apply(self, image: np.ndarray) -> np.ndarray:
        return image[: self.height, : self.width]

    def to_input(self, height: int, width: int) -> np.ndarray:
        return np.eye(3)


@dataclass(frozen=True)
class Normalisation:
    """(pixel / 255 - mean) / std, a channel at a time."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(f"Normalisation takes 3 means and 3 positive deviations; got {self.mean}, {self.std}.")


@dataclass(frozen=True)
class StepTransform:
    """Steps in order, then one normalised copy of the picture an entry of `normalisations`, stacked as channels."""

    steps: tuple[PixelStep, ...]
    """The last ones must fix the size."""
    normalisations: tuple[Normalisation, ...]

    @property
    def size(self) -> tuple[int, int]:
        height, width = 1, 1
        for step in self.steps:
            height, width = step.output_size(height, width)
        return height, width

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def pixels(self, frame: np.ndarray) -> torch.Tensor:
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or 0 in frame.shape:
            raise BadInput(f"A picture is (height, width, 3) uint8, not empty; got {frame.shape} {frame.dtype}.")
        for step in self.steps:
            frame = step.apply(frame)
        image = torch.tensor(frame).permute(2, 0, 1).float().div_(255)
        return torch.cat(
            [
                (image - torch.tensor(n.mean).view(3, 1, 1)).div_(torch.tensor(n.std).view(3, 1, 1))
                for n in self.normalisations
            ]
        )

    def to_recording(self, height: int, width: int) -> np.ndarray:
        matrix = np.eye(3)
        for step in self.steps:
            matrix = matrix @ step.to_input(height, width)
            height, width = step.output_size(height, width)
        return matrix


def patch_corners(transform: ImageTransform, grid: tuple[int, int], height: int, width: int) -> np.ndarray:
    """[rows + 1, cols + 1, 2] float64: corners (x, y) of the patches, in pixels of a `height` x `width` recording."""
    model_height, model_width = transform.size
    y = np.linspace(0, model_height, grid[0] + 1)
    x = np.linspace(0, model_width, grid[1] + 1)
    points = np.stack([*np.meshgrid(x, y), np.ones((len(y), len(x)))], axis=-1)
    return (points @ transform.to_recording(height, width).T)[..., :2]


def patches_inside(transform: ImageTransform, grid: tuple[int, int], height: int, width: int) -> np.ndarray:
    """[rows, cols] bool: the patch's centre lies in the recording. False where a transform padded."""
    corners = patch_corners(transform, grid, height, width)
    centres = (corners[:-1, :-1] + corners[1:, 1:]) / 2
    return np.asarray(((centres >= 0) & (centres < (width, height))).all(axis=-1))
