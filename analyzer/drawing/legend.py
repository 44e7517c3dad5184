"""What the colours stand for: a row of swatches with words, or a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.drawing.look import MUTED, RGB, SMALL_SIZE
from analyzer.drawing.text import line_height, text_width, write

_SWATCH = 14
_ENTRY_GAP = 20
_LINE_GAP = 6


@dataclass(frozen=True)
class Entry:
    """One swatch; `colour` None: words alone."""

    words: str
    colour: RGB | None = None

    @property
    def indent(self) -> int:
        return 0 if self.colour is None else _SWATCH + 8

    @property
    def width(self) -> int:
        return self.indent + text_width(self.words, SMALL_SIZE)


class Legend:
    """Entries from left to right, in as many lines as `width` pixels need."""

    def __init__(self, entries: Sequence[Entry], width: int) -> None:
        self._width = width
        self._placed: list[tuple[int, int, Entry]] = []
        x = line = 0
        for entry in entries:
            if x and x + entry.width > width:
                x, line = 0, line + 1
            self._placed.append((x, line, entry))
            x += entry.width + _ENTRY_GAP
        self.height = (line + 1) * (line_height(SMALL_SIZE) + _LINE_GAP) - _LINE_GAP if entries else 0

    def draw(self, canvas: np.ndarray, x: int, y: int) -> None:
        """With its top left corner at (x, y)."""
        text_height = line_height(SMALL_SIZE)
        for dx, line, entry in self._placed:
            left, top = x + dx, y + line * (text_height + _LINE_GAP)
            if entry.colour is not None:
                box = top + (text_height - _SWATCH) // 2
                canvas[box : box + _SWATCH, left : left + _SWATCH] = entry.colour
            room = self._width - dx - entry.indent
            write(canvas, left + entry.indent, top, entry.words, SMALL_SIZE, MUTED, room=room)
