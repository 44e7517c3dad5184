"""The frame-by-site sheet: a row a site, a column a frame. Where two objects merge can be read down a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.drawing.cells import Cell, Panels, cell_width, panel_sizes, place, scaled
from analyzer.drawing.header import Header
from analyzer.drawing.legend import Entry, Legend
from analyzer.drawing.look import BACKGROUND, BODY_SIZE, GAP, MARGIN, MUTED, SMALL_SIZE, TEXT
from analyzer.drawing.text import line_height, text_width, write
from analyzer.run_folder import EpisodeRecord

_SECTION = 18
_WIDEST = 3200
"""Pixels that the columns may take together before the panels shrink."""
_COMFORTABLE = 288
_WIDEST_LABEL = 200


class Sheet:
    """A still picture of several frames, each seen in every cell."""

    def __init__(
        self,
        record: EpisodeRecord,
        about: list[str],
        cells: Sequence[Cell],
        sizes: dict[int, tuple[int, int]],
        legend: Sequence[Entry],
        frames: int,
    ) -> None:
        """`frames`: how many columns there will be."""
        self._record = record
        self._cells = cells
        self._sizes = sizes
        self._panel_height = next(iter(sizes.values()))[0]
        self._label_width = min(_WIDEST_LABEL, max(text_width(cell.title, BODY_SIZE) for cell in cells)) + GAP
        # Frames stand further apart than the cameras of one frame.
        self._pitch = cell_width(sizes) + GAP * min(2, len(sizes))
        width = self._label_width + (frames - 1) * self._pitch + cell_width(sizes)
        self._header = Header(record, about, width, moment=False)
        self._legend = Legend(legend, width)
        self._heading_top = MARGIN + self._header.height + _SECTION
        self._top = self._heading_top + line_height(SMALL_SIZE) + 6
        legend_top = self._top + len(cells) * (self._panel_height + GAP) - GAP + _SECTION
        height = legend_top + self._legend.height + MARGIN
        self._canvas = np.full((height, width + 2 * MARGIN, 3), BACKGROUND, np.uint8)
        self._header.draw(self._canvas, MARGIN, MARGIN)
        self._legend.draw(self._canvas, MARGIN, legend_top)
        for row, cell in enumerate(cells):
            middle = self._top + row * (self._panel_height + GAP) + (self._panel_height - line_height(BODY_SIZE)) // 2
            write(self._canvas, MARGIN, middle, cell.title, BODY_SIZE, TEXT, room=self._label_width - GAP)

    def draw(self, column: int, index: int, pixels: Panels) -> None:
        """Fill a column with the analysed frame `index`, from its recorded pixels."""
        x = MARGIN + self._label_width + column * self._pitch
        self._draw_heading(x, index)
        raw = scaled(pixels, self._sizes)
        for row, cell in enumerate(self._cells):
            place(self._canvas, x, self._top + row * (self._panel_height + GAP), cell.panels(index, raw))

    def _draw_heading(self, x: int, index: int) -> None:
        """Number and time of the frame; where there are several cameras, their names too."""
        words = [(f"frame {self._record.frames[index]}", TEXT), (f"{self._record.times_s[index]:.2f} s", MUTED)]
        for camera, (_, width) in self._sizes.items():
            if len(self._sizes) > 1:
                words.append((self._record.cameras[camera].name, MUTED))
            used = 0
            for word, colour in words:
                room = width - used
                used += write(self._canvas, x + used, self._heading_top, word, SMALL_SIZE, colour, room=room) + 10
            words = []
            x += width + GAP

    def picture(self) -> np.ndarray:
        """(height, width, 3) uint8, of what was drawn so far."""
        return self._canvas


def comfortable_sizes(record: EpisodeRecord, cameras: list[int], frames: int) -> dict[int, tuple[int, int]]:
    """Panel sizes with which all columns fit a wide screen."""
    aspect = sum(record.cameras[c].width / record.cameras[c].height for c in cameras)
    return panel_sizes(record, cameras, max(16, int(min(_COMFORTABLE, _WIDEST / (frames * aspect)))))
