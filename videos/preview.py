"""The video that the review page plays: every camera of an episode, side by side, in one small file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from videos.encode import write_video
from videos.episode import Episode

LONG_SIDE = 640
"""Limit on the longer side of the whole mosaic, in pixels. It bounds what a browser decodes when stepping to a frame:
measured 23 ms at 640×360 against 166 to 653 ms at 1080p. So it holds for the mosaic, not for each camera."""


@dataclass(frozen=True)
class Rectangle:
    """A part of the mosaic, in its pixels: columns [x, x + width), rows [y, y + height)."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Mosaic:
    """Where each camera is in the preview."""

    width: int
    height: int
    cameras: Mapping[str, Rectangle]


def mosaic_of(sizes: Mapping[str, tuple[int, int]], long_side: int = LONG_SIDE) -> Mosaic:
    """Lay cameras out in a grid, in their order, so that as many pixels as possible are seen.

    One video for all cameras, because two `<video>` elements drift a frame apart. Cameras shrink to fit and never
    grow; proportions stay.

    Args:
        sizes: camera -> (height, width).
        long_side: limit on both sides of the mosaic, even.
    """
    if not sizes:
        raise ValueError("A mosaic needs at least one camera.")
    if long_side < 2 or long_side % 2:
        raise ValueError(f"long_side is an even number of pixels; got {long_side}.")
    layouts = [_grid(sizes, columns, long_side) for columns in range(len(sizes), 0, -1)]
    return max(layouts, key=lambda mosaic: sum(r.width * r.height for r in mosaic.cameras.values()))


def _grid(sizes: Mapping[str, tuple[int, int]], columns: int, long_side: int) -> Mosaic:
    rows = ceil(len(sizes) / columns)
    # Cells start and end on even pixels: cameras share no colour sample (4:2:0) and the mosaic needs no padding.
    cell_width, cell_height = _even_below(long_side / columns), _even_below(long_side / rows)
    shown = []
    for height, width in sizes.values():
        scale = min(1.0, cell_width / width, cell_height / height)
        shown.append((max(1, round(height * scale)), max(1, round(width * scale))))
    row_heights = [_even_above(max(h for h, _ in shown[r * columns : (r + 1) * columns])) for r in range(rows)]
    column_widths = [_even_above(max(w for _, w in shown[c::columns])) for c in range(columns)]
    cameras = {
        name: Rectangle(sum(column_widths[: i % columns]), sum(row_heights[: i // columns]), width, height)
        for i, (name, (height, width)) in enumerate(zip(sizes, shown, strict=True))
    }
    return Mosaic(sum(column_widths), sum(row_heights), cameras)


def _even_below(value: float) -> int:
    return max(2, int(value) // 2 * 2)


def _even_above(value: int) -> int:
    return value + value % 2


def write_preview(episode: Episode, path: Path, long_side: int = LONG_SIDE) -> Mosaic:
    """Write the preview of `episode` to `path` (.mp4), frame for frame at the episode's own times.

    Raises:
        EpisodeUnreadable: a damaged frame is reached.
        OutputUnwritable: `path` cannot be written.
    """
    mosaic = mosaic_of({name: camera.size for name, camera in episode.cameras.items()}, long_side)
    write_video(path, _pictures(episode, mosaic), episode.times_s)
    return mosaic


def _pictures(episode: Episode, mosaic: Mosaic) -> Iterator[np.ndarray]:
    """The mosaic of each frame, (mosaic.height, mosaic.width, 3)."""
    names = list(episode.cameras)
    for frames in zip(*(camera.frames() for camera in episode.cameras.values()), strict=True):
        picture = np.zeros((mosaic.height, mosaic.width, 3), np.uint8)
        for name, frame in zip(names, frames, strict=True):
            r = mosaic.cameras[name]
            # Averaging over areas: other filters make fine texture flicker when they shrink it.
            small = frame.rgb if frame.rgb.shape[:2] == (r.height, r.width) else _shrunk(frame.rgb, r)
            picture[r.y : r.y + r.height, r.x : r.x + r.width] = small
        yield picture


def _shrunk(rgb: np.ndarray, to: Rectangle) -> np.ndarray:
    return cv2.resize(rgb, (to.width, to.height), interpolation=cv2.INTER_AREA)
