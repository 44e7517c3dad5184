"""Small videos with a known answer, and settings that analyse them in no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from analyzer.settings import Settings
from videos.encode import write_video

HEIGHT, WIDTH = 64, 96
CELL = (HEIGHT // 8, WIDTH // 8)
"""(height, width) in pixels of one patch of the fake policy."""
GREY, WHITE, RED, BLUE = (128, 128, 128), (230, 230, 230), (220, 30, 30), (30, 30, 220)


def field(colour: tuple[int, int, int] = GREY, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def with_square(
    picture: np.ndarray, rows: tuple[int, int], cols: tuple[int, int], colour: tuple[int, int, int] = RED
) -> np.ndarray:
    """A copy with the patches [rows) x [cols) painted."""
    painted = picture.copy()
    painted[rows[0] * CELL[0] : rows[1] * CELL[0], cols[0] * CELL[1] : cols[1] * CELL[1]] = colour
    return painted


def moving_square(frames: int) -> list[np.ndarray]:
    """A red square on a gradient, one patch further to the right in every frame."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    background = np.stack([x, y, 60 + x // 2 + y], axis=-1).astype(np.uint8)
    return [with_square(background, (3, 5), (n % 6, n % 6 + 2)) for n in range(frames)]


def write_take(path: Path, pictures: list[np.ndarray] | int = 6) -> Path:
    """A lossless video, 20 frames a second, of `pictures` or of so many of the moving square."""
    shown = moving_square(pictures) if isinstance(pictures, int) else pictures
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, shown, np.arange(len(shown)) / 20, quality=0)
    return path


QUICK = {"n_eigenvectors": 4, "n_segments": 3, "n_landmarks": 16}


def quick(**changes: Any) -> Settings:
    return Settings(**{**QUICK, **changes})
