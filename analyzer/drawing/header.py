"""The lines above a picture: what was asked for, how it ended, who looked at it, and when this is."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.drawing.look import BODY_SIZE, BRIGHT, FAILURE, MUTED, SUCCESS, TEXT, TITLE_SIZE
from analyzer.drawing.text import line_height, text_width, wrapped, write
from analyzer.run_folder import EpisodeRecord

_WORD_GAP = 18
_TITLE_LINES = 2


class Header:
    """Of one episode, `width` pixels wide."""

    def __init__(self, record: EpisodeRecord, about: list[str], width: int, *, moment: bool) -> None:
        """`about`: words after the outcome, e.g. policy and site. `moment`: keep room for `draw_moment`."""
        self._record = record
        self._about = about
        self._width = width
        self._moment = moment
        self._title = wrapped(record.instruction or "instruction: not recorded", TITLE_SIZE, width, _TITLE_LINES)
        self._second = len(self._title) * line_height(TITLE_SIZE) + 6
        self.height = self._second + line_height(BODY_SIZE)

    def draw(self, canvas: np.ndarray, x: int, y: int) -> None:
        """What stays the same all along, with its top left corner at (x, y)."""
        colour = BRIGHT if self._record.instruction else MUTED
        for number, line in enumerate(self._title):
            write(canvas, x, y + number * line_height(TITLE_SIZE), line, TITLE_SIZE, colour, room=self._width)
        end = x + self._width - (self._room_for_moment() if self._moment else 0)
        top = y + self._second
        x += self._draw_outcome(canvas, x, top) + _WORD_GAP
        for words in self._about:
            if end - x > 30:
                x += write(canvas, x, top, words, BODY_SIZE, MUTED, room=end - x) + _WORD_GAP

    def draw_moment(self, canvas: np.ndarray, x: int, y: int, index: int) -> None:
        """Number and time of the analysed frame `index`, at the right end."""
        frame, time_s = self._record.frames[index], self._record.times_s[index]
        right = x + self._width
        used = write(canvas, right, y + self._second, f"{time_s:.2f} s", BODY_SIZE, TEXT, right=True)
        words = f"frame {frame}"
        write(
            canvas,
            right - max(used, self._time_width()) - _WORD_GAP,
            y + self._second,
            words,
            BODY_SIZE,
            TEXT,
            right=True,
        )

    def _time_width(self) -> int:
        return text_width(f"{self._record.times_s[-1]:.2f} s", BODY_SIZE)

    def _room_for_moment(self) -> int:
        return text_width(f"frame {self._record.frames[-1]}", BODY_SIZE) + self._time_width() + 2 * _WORD_GAP

    def _draw_outcome(self, canvas: np.ndarray, x: int, y: int) -> int:
        success = self._record.success
        if success is None:
            return write(canvas, x, y, "outcome: not recorded", BODY_SIZE, MUTED)
        colour, words = (SUCCESS, "success") if success else (FAILURE, "failure")
        radius = 5
        centre = (x + radius, y + line_height(BODY_SIZE) // 2)
        cv2.circle(canvas, centre, radius, colour, -1, cv2.LINE_AA)
        return 2 * radius + 8 + write(canvas, x + 2 * radius + 8, y, words, BODY_SIZE, colour)
