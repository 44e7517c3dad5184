"""Recorded and predicted actions: one small plot a dimension, with a cursor at the step that is shown."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.drawing.look import (
    ACCENT,
    BRIGHT,
    CURVES,
    FAINT,
    HAIRLINE,
    MUTED,
    PREDICTED,
    RGB,
    SMALL_SIZE,
    SURFACE,
    TEXT,
)
from analyzer.drawing.text import line_height, text_width, write
from foundation.action_space import ActionSpace

_PLOT_HEIGHT = 72
_NARROWEST = 116
"""Pixels of the narrowest plot: name, unit and value still fit above it."""
_GAP = 12
_PAD = 6
"""Pixels between the plot's frame and its curve."""
_MOST = 24
"""Dimensions drawn; a humanoid has more than anyone can read at once."""
_DASH, _SPACE = 5, 4
"""Pixels of the predicted curve that are drawn, then left out."""
_SUBPIXEL = 4
"""Binary digits after the point in the coordinates that OpenCV draws lines with."""


class ActionCurves:
    """Plots of all dimensions in rows. What does not move is drawn once; a step only lays the past and the cursor on it."""

    def __init__(
        self, recorded: np.ndarray | None, space: ActionSpace, width: int, predicted: np.ndarray | None = None
    ) -> None:
        """`recorded` and `predicted` are (steps, D) in `space`, NaN where a step has no value; one of them may be None.
        They are shown as physical sizes."""
        self._space = space
        given = recorded if recorded is not None else predicted
        assert given is not None
        scale = np.array(space.scale or (1.0,) * len(space), np.float64)
        absent = np.full(given.shape, np.nan)
        self._recorded = absent if recorded is None else recorded * scale
        self._predicted = absent if predicted is None else predicted * scale
        # The value that is written: what was done, and where that is not known, what the policy would do.
        self._values = np.where(np.isnan(self._recorded), self._predicted, self._recorded)
        self._key = (
            "" if predicted is None else "predicted" if recorded is None else "line: recorded · dashed: predicted"
        )
        self._drawn = min(len(space), _MOST)
        rows = max(1, -(-self._drawn * (_NARROWEST + _GAP) // (width + _GAP)))
        self._columns = -(-self._drawn // rows)
        self._pitch = (width + _GAP) / self._columns
        self._plot_width = int(self._pitch) - _GAP
        self._row_height = line_height(SMALL_SIZE) + 4 + _PLOT_HEIGHT + _GAP
        self._hidden = len(space) - self._drawn
        note = line_height(SMALL_SIZE) if self._hidden or self._key else -_GAP
        self.height = rows * self._row_height + note
        self._width = width
        self._past = np.zeros((self.height, width, 3), np.uint8)

    def draw_background(self, canvas: np.ndarray, x: int, y: int) -> None:
        """Draw all that stays, with its top left corner at (x, y), and remember how the past looks on it."""
        area = canvas[y : y + self.height, x : x + self._width]
        for d in range(self._drawn):
            self._draw_frame(area, d)
        if self._hidden or self._key:
            more = [f"and {self._hidden} more dimensions"] if self._hidden else []
            words = " · ".join([*([self._key] if self._key else []), *more])
            write(area, 0, self.height - line_height(SMALL_SIZE), words, SMALL_SIZE, MUTED)
        self._past = area.copy()
        for d in range(self._drawn):
            self._draw_curve(area, d, FAINT)
            self._draw_curve(self._past, d, CURVES[d % len(CURVES)])

    def draw(self, canvas: np.ndarray, x: int, y: int, step: int) -> None:
        """Lay the past of `step`, the cursor and the values on a canvas that has the background."""
        area = canvas[y : y + self.height, x : x + self._width]
        for d in range(self._drawn):
            left, top = self._corner(d)
            cursor = self.cursor_x(d, step)
            rows = slice(top, top + _PLOT_HEIGHT)
            area[rows, left:cursor] = self._past[rows, left:cursor]
            area[rows, cursor] = ACCENT
            if np.isnan(self._values[step, d]):
                continue
            centre = (cursor << _SUBPIXEL, round(self._curve_y(d, self._values[step, d]) * (1 << _SUBPIXEL)))
            cv2.circle(area, centre, 3 << _SUBPIXEL, BRIGHT, -1, cv2.LINE_AA, _SUBPIXEL)
            label = self._value(d, step)
            write(area, left + self._plot_width, top - 4 - line_height(SMALL_SIZE), label, SMALL_SIZE, TEXT, right=True)

    def cursor_x(self, dimension: int, step: int) -> int:
        """The column of the cursor, in pixels from the left edge of the curves."""
        steps = len(self._values)
        span = self._plot_width - 1 - 2 * _PAD
        return self._corner(dimension)[0] + _PAD + round(step / max(1, steps - 1) * span)

    def _corner(self, dimension: int) -> tuple[int, int]:
        """(left, top) of the plot's frame."""
        row, column = divmod(dimension, self._columns)
        return int(column * self._pitch), row * self._row_height + line_height(SMALL_SIZE) + 4

    def _curve_y(self, dimension: int, value: float) -> float:
        low, high = self._range(dimension)
        return self._corner(dimension)[1] + _PAD + (high - value) / (high - low) * (_PLOT_HEIGHT - 1 - 2 * _PAD)

    def _range(self, dimension: int) -> tuple[float, float]:
        """Of the curve, with zero in it where the values are changes: then its height is a size."""
        values = np.concatenate([self._recorded[:, dimension], self._predicted[:, dimension]])
        values = values[~np.isnan(values)] if not np.isnan(values).all() else np.zeros(1)
        low, high = float(values.min()), float(values.max())
        if self._space.kind == "delta":
            low, high = min(low, 0.0), max(high, 0.0)
        return (low, high) if high > low else (low - 1.0, high + 1.0)

    def _draw_frame(self, area: np.ndarray, d: int) -> None:
        left, top = self._corner(d)
        area[top : top + _PLOT_HEIGHT, left : left + self._plot_width] = SURFACE
        low, high = self._range(d)
        if low <= 0 <= high:
            area[round(self._curve_y(d, 0.0)), left : left + self._plot_width] = HAIRLINE
        y = top - 4 - line_height(SMALL_SIZE)
        unit = self._space.units[d]
        # The widest value keeps its room, so that name and value never meet.
        room = self._plot_width - max(text_width(self._value(d, s), SMALL_SIZE) for s in self._extremes(d)) - 10
        used = write(area, left, y, self._space.names[d], SMALL_SIZE, MUTED, room=room)
        if unit and room - used > 20:
            write(area, left + used + 6, y, unit, SMALL_SIZE, FAINT, room=room - used - 6)

    def _draw_curve(self, area: np.ndarray, d: int, colour: RGB) -> None:
        """The recorded curve in `colour`; the predicted one dashed over it, through the steps that have a value."""
        only_predicted = np.isnan(self._recorded[:, d]).all()
        recorded = self._points(d, self._predicted if only_predicted else self._recorded)
        cv2.polylines(area, [_fixed_point(recorded)], False, colour, 2, cv2.LINE_AA, _SUBPIXEL)
        if not only_predicted and not np.isnan(self._predicted[:, d]).all():
            faint = FAINT if colour == FAINT else PREDICTED
            for dash in _dashes(self._points(d, self._predicted)):
                cv2.polylines(area, [_fixed_point(dash)], False, faint, 1, cv2.LINE_AA, _SUBPIXEL)

    def _points(self, d: int, values: np.ndarray) -> np.ndarray:
        """(n, 2) x and y in pixels of the steps that have a value."""
        span = self._plot_width - 1 - 2 * _PAD
        known = np.flatnonzero(~np.isnan(values[:, d]))
        x = self._corner(d)[0] + _PAD + np.linspace(0, span, len(values))[known]
        y = np.array([self._curve_y(d, value) for value in values[known, d]])
        return np.stack([x, y], axis=-1)

    def _extremes(self, d: int) -> tuple[int, int]:
        values = self._values[:, d]
        return (0, 0) if np.isnan(values).all() else (int(np.nanargmin(values)), int(np.nanargmax(values)))

    def _value(self, d: int, step: int) -> str:
        space, value = self._space, float(self._values[step, d])
        if np.isnan(value):
            return "–"
        if d == space.gripper and space.gripper_open is not None and space.gripper_closed is not None:
            raw = value / (space.scale[d] if space.scale else 1.0)
            return "open" if abs(raw - space.gripper_open) < abs(raw - space.gripper_closed) else "closed"
        # Adding 0.0 turns a rounded -0.0 into 0.0: no sign without a size.
        return f"{round(value, 3) + 0.0:.3f}" if abs(value) < 10 else f"{value:.4g}"


def _fixed_point(points: np.ndarray) -> np.ndarray:
    """(n, 2) pixels as OpenCV takes parts of them, (n, 1, 2) int32."""
    return np.rint(points * (1 << _SUBPIXEL)).astype(np.int32)[:, None]


def _dashes(points: np.ndarray) -> list[np.ndarray]:
    """The way along `points` in pieces of `_DASH` pixels with gaps of `_SPACE` between them."""
    if len(points) < 2:
        return [points]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    pieces = []
    for start in np.arange(0.0, along[-1], _DASH + _SPACE):
        end = min(start + _DASH, along[-1])
        at = np.array([start, *along[(along > start) & (along < end)], end])
        pieces.append(np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=-1))
    return pieces
