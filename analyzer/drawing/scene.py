"""One frame as a picture: header, the cells, the legend, the action curves. What stays is drawn once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.drawing.cells import Cell, Panels, cell_width, panel_sizes, place, scaled
from analyzer.drawing.curves import ActionCurves
from analyzer.drawing.header import Header
from analyzer.drawing.legend import Entry, Legend
from analyzer.drawing.look import BACKGROUND, GAP, MARGIN, MUTED, SMALL_SIZE, TEXT
from analyzer.drawing.text import line_height, write
from analyzer.run_folder import EpisodeRecord

_SECTION = 16
"""Pixels between header, cells, legend and curves."""
_WIDEST, _HIGHEST = 2560, 1280
"""Pixels that all cells together may take before the panels shrink: what players show without scaling down."""
_COMFORTABLE = 512
"""Height of a panel where there is room."""


class Scene:
    """Draws the analysed frames of an episode, one at a time."""

    def __init__(
        self,
        record: EpisodeRecord,
        about: list[str],
        cells: Sequence[Cell],
        sizes: dict[int, tuple[int, int]],
        legend: Sequence[Entry],
        recorded: np.ndarray | None,
        predicted: np.ndarray | None = None,
    ) -> None:
        """`sizes`: from `panel_sizes`, of the cameras that are shown. `recorded`, `predicted`: (steps, D) actions of one
        meaning, None: there are none."""
        self._record = record
        self._cells = cells
        self._sizes = sizes
        self._panel_height = next(iter(sizes.values()))[0]
        self._columns = best_columns(len(cells), cell_width(sizes) / self._panel_height)
        self._width = self._columns * cell_width(sizes) + (self._columns - 1) * 2 * GAP
        self._header = Header(record, about, self._width, moment=True)
        self._legend = Legend(legend, self._width)
        self._curves = None
        space = record.action_space if recorded is not None else record.predicted_space
        if space is not None and any(actions is not None and actions.size for actions in (recorded, predicted)):
            self._curves = ActionCurves(recorded, space, self._width, predicted)
        # From top to bottom.
        self._cells_top = MARGIN + self._header.height + _SECTION
        rows = -(-len(cells) // self._columns)
        legend_top = self._cells_top + rows * self._row_height - GAP + (_SECTION if legend else 0)
        self._curves_top = legend_top + self._legend.height + _SECTION
        below = self._curves.height if self._curves else line_height(SMALL_SIZE)
        self._background = self._draw_background(legend_top, self._curves_top + below + MARGIN)

    @property
    def _row_height(self) -> int:
        return line_height(SMALL_SIZE) + 4 + self._panel_height + GAP

    def picture(self, index: int, pixels: Panels) -> np.ndarray:
        """The analysed frame `index`, (height, width, 3) uint8, from its recorded pixels; even sides."""
        canvas = self._background.copy()
        raw = scaled(pixels, self._sizes)
        for number, cell in enumerate(self._cells):
            x, y = self._corner(number)
            place(canvas, x, y + line_height(SMALL_SIZE) + 4, cell.panels(index, raw))
        self._header.draw_moment(canvas, MARGIN, MARGIN, index)
        if self._curves:
            self._curves.draw(canvas, MARGIN, self._curves_top, self._step(index))
        return canvas

    def _step(self, index: int) -> int:
        steps = self._record.frame_steps
        return self._record.frames[index] if steps is None else steps[index]

    def _corner(self, number: int) -> tuple[int, int]:
        """(x, y) of the title of a cell; the panels follow below."""
        row, column = divmod(number, self._columns)
        return MARGIN + column * (cell_width(self._sizes) + 2 * GAP), self._cells_top + row * self._row_height

    def _draw_background(self, legend_top: int, height: int) -> np.ndarray:
        width = self._width + 2 * MARGIN
        canvas = np.full((height + height % 2, width + width % 2, 3), BACKGROUND, np.uint8)
        self._header.draw(canvas, MARGIN, MARGIN)
        for number, cell in enumerate(self._cells):
            self._draw_titles(canvas, number, cell)
        self._legend.draw(canvas, MARGIN, legend_top)
        if self._curves:
            self._curves.draw_background(canvas, MARGIN, self._curves_top)
        else:
            write(canvas, MARGIN, self._curves_top, "actions: not recorded", SMALL_SIZE, MUTED)
        return canvas

    def _draw_titles(self, canvas: np.ndarray, number: int, cell: Cell) -> None:
        """The cell's name above its first panel, the camera's above each."""
        x, y = self._corner(number)
        for order, (camera, (_, width)) in enumerate(self._sizes.items()):
            used = (
                write(canvas, x, y, cell.title, SMALL_SIZE, TEXT, room=width) + 10 if order == 0 and cell.title else 0
            )
            write(canvas, x + used, y, self._record.cameras[camera].name, SMALL_SIZE, MUTED, room=width - used)
            x += width + GAP


def best_columns(cells: int, aspect: float) -> int:
    """In how many columns cells of `aspect` (width to height) can be largest."""
    return max(range(cells, 0, -1), key=lambda columns: _room(cells, columns, aspect))


def comfortable_sizes(record: EpisodeRecord, cameras: list[int], cells: int) -> dict[int, tuple[int, int]]:
    """Panel sizes that are good to look at and fit a screen together."""
    aspect = sum(record.cameras[c].width / record.cameras[c].height for c in cameras)
    height = min(_COMFORTABLE, _room(cells, best_columns(cells, aspect), aspect))
    return panel_sizes(record, cameras, max(16, int(height)))


def _room(cells: int, columns: int, aspect: float) -> float:
    """Height of a panel when `cells` fill the room in so many columns, no larger than comfortable."""
    rows = -(-cells // columns)
    return min(_COMFORTABLE, _WIDEST / (columns * aspect), _HIGHEST / rows)
