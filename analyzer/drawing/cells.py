"""What is shown beside what: a cell is one look at a frame, every camera of it side by side."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from analyzer.drawing.look import GAP
from analyzer.drawing.site_painter import SitePainter
from analyzer.run_folder import EpisodeRecord

Panels = dict[int, np.ndarray]
"""Index of the camera in the record -> its picture, (height, width, 3) uint8, at the size it is drawn."""


@dataclass(frozen=True)
class Cell:
    """One look: the recording as it is, or as a site sees it."""

    title: str
    painter: SitePainter | None = None

    def panels(self, index: int, raw: Panels) -> Panels:
        """Of the analysed frame `index`, from its unpainted panels."""
        return raw if self.painter is None else self.painter.panels(index, raw)


def panel_sizes(record: EpisodeRecord, cameras: list[int], height: int) -> dict[int, tuple[int, int]]:
    """Camera -> (height, width) of its panel: all equally high, each with the proportions of its recording."""
    return {c: (height, max(1, round(height * record.cameras[c].width / record.cameras[c].height))) for c in cameras}


def cell_width(sizes: dict[int, tuple[int, int]]) -> int:
    return sum(width for _, width in sizes.values()) + GAP * (len(sizes) - 1)


def scaled(pixels: Panels, sizes: dict[int, tuple[int, int]]) -> Panels:
    """Every camera's picture at the size of its panel."""
    return {camera: _resized(pixels[camera], size) for camera, size in sizes.items()}


def place(canvas: np.ndarray, x: int, y: int, panels: Panels) -> None:
    """Put the panels side by side, the first one's top left corner at (x, y)."""
    for panel in panels.values():
        height, width = panel.shape[:2]
        canvas[y : y + height, x : x + width] = panel
        x += width + GAP


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    if picture.shape[:2] == size:
        return picture
    # Area averages do not shimmer when they shrink; cubics are smooth and stay sharp when they enlarge.
    shrinks = height < picture.shape[0]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
