"""Many clips or pictures side by side at one site: each as recorded, and below as the site sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.drawing.legend import Entry, Legend
from analyzer.drawing.look import (
    BACKGROUND,
    BODY_SIZE,
    BRIGHT,
    FAILURE,
    FAINT,
    GAP,
    MARGIN,
    MUTED,
    RGB,
    SMALL_SIZE,
    SUCCESS,
    TEXT,
    TITLE_SIZE,
)
from analyzer.drawing.text import line_height, text_width, write

_SECTION = 20
_WIDEST = 2400
"""Pixels of a line of tiles before the next one begins."""
_CLOSE = 3
"""Pixels between the pictures of one clip."""
_NARROWEST = 150
"""Pixels of a tile: its name can still be read."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One clip or picture."""

    title: str
    note: str
    """Below the title."""
    success: bool | None
    """Colours the note; None: not recorded."""
    recorded: tuple[np.ndarray, ...]
    """Of each frame, (height, width, 3) uint8; all of one size."""
    painted: tuple[np.ndarray, ...]
    """The same frames as the site sees them."""
    moments: tuple[str, ...]
    """What is written above each frame; empty: nothing."""

    @property
    def width(self) -> int:
        pictures = sum(picture.shape[1] for picture in self.recorded) + _CLOSE * (len(self.recorded) - 1)
        return max(pictures, _NARROWEST)

    @property
    def head(self) -> int:
        """Height of what is written above the pictures."""
        lines = (bool(self.note) + bool(self.moments)) * line_height(SMALL_SIZE)
        return line_height(BODY_SIZE) + lines + 4

    @property
    def pictures_height(self) -> int:
        return 2 * self.recorded[0].shape[0] + _CLOSE

    def draw(self, canvas: np.ndarray, x: int, y: int, head: int) -> None:
        """With its top left corner at (x, y) and its pictures `head` pixels below."""
        write(canvas, x, y, self.title, BODY_SIZE, TEXT, room=self.width)
        colour: RGB = {True: SUCCESS, False: FAILURE, None: MUTED}[self.success]
        write(canvas, x, y + line_height(BODY_SIZE), self.note, SMALL_SIZE, colour, room=self.width)
        left = x
        for number, (above, below) in enumerate(zip(self.recorded, self.painted, strict=True)):
            height, width = above.shape[:2]
            if self.moments:
                moment = y + head - line_height(SMALL_SIZE) - 4
                write(canvas, left, moment, self.moments[number], SMALL_SIZE, FAINT, room=width)
            top = y + head
            canvas[top : top + height, left : left + width] = above
            canvas[top + height + _CLOSE : top + 2 * height + _CLOSE, left : left + width] = below
            left += width + _CLOSE


def contact_sheet(title: str, about: str, tiles: Sequence[Tile], legend: Sequence[Entry]) -> np.ndarray:
    """(height, width, 3) uint8: tiles in lines, like words on a page."""
    lines = _lines(tiles)
    widths = [sum(tile.width for tile in line) + 2 * GAP * (len(line) - 1) for line in lines]
    width = max([*widths, min(_WIDEST, text_width(title, TITLE_SIZE))])
    drawn_legend = Legend(legend, width)
    heads = [max(tile.head for tile in line) for line in lines]
    heights = [head + max(tile.pictures_height for tile in line) for head, line in zip(heads, lines, strict=True)]
    top = MARGIN + line_height(TITLE_SIZE) + line_height(BODY_SIZE) + _SECTION
    bottom = top + sum(heights) + _SECTION * len(lines)
    canvas = np.full((bottom + drawn_legend.height + MARGIN, width + 2 * MARGIN, 3), BACKGROUND, np.uint8)
    write(canvas, MARGIN, MARGIN, title, TITLE_SIZE, BRIGHT, room=width)
    write(canvas, MARGIN, MARGIN + line_height(TITLE_SIZE), about, BODY_SIZE, MUTED, room=width)
    y = top
    for line, head, height in zip(lines, heads, heights, strict=True):
        x = MARGIN
        for tile in line:
            tile.draw(canvas, x, y, head)
            x += tile.width + 2 * GAP
        y += height + _SECTION
    drawn_legend.draw(canvas, MARGIN, bottom)
    return canvas


def _lines(tiles: Sequence[Tile]) -> list[list[Tile]]:
    """As many tiles in a line as fit; lines of about the same width, and the whole no flatter than it need be."""
    total = sum(tile.width + 2 * GAP for tile in tiles)
    area = sum((tile.width + 2 * GAP) * (tile.head + tile.pictures_height + _SECTION) for tile in tiles)
    # About the proportions of a screen, as far as one tile and the widest line allow.
    room = min(_WIDEST, max(max(tile.width for tile in tiles), int((area * 1.6) ** 0.5)))
    count = max(1, -(-total // (room + 2 * GAP)))
    target = total / count
    lines: list[list[Tile]] = [[]]
    used = 0
    for tile in tiles:
        if lines[-1] and (used + tile.width > room or used + tile.width / 2 > target):
            lines.append([])
            used = 0
        lines[-1].append(tile)
        used += tile.width + 2 * GAP
    return lines
