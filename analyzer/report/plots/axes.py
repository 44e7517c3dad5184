"""The room a plot has, and where a value lies in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from analyzer.report.plots.svg import joined, line, rect, text


@dataclass(frozen=True)
class Axes:
    """A rectangle of a plot in pixels, and the values at its edges."""

    left: float
    top: float
    width: float
    height: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, value: float | np.ndarray) -> float | np.ndarray:
        span = self.x_high - self.x_low
        return self.left + ((value - self.x_low) / span if span else 0.5 + 0 * value) * self.width

    def y(self, value: float | np.ndarray) -> float | np.ndarray:
        span = self.y_high - self.y_low
        return self.bottom - ((value - self.y_low) / span if span else 0.5 + 0 * value) * self.height

    def frame(self) -> Markup:
        return rect(self.left, self.top, self.width, self.height, class_="field")

    def y_grid(self, values: list[float], words: list[str] | None = None) -> Markup:
        """A faint line and a label at each value."""
        parts = []
        for value, said in zip(values, words or [f"{value:g}" for value in values], strict=True):
            y = float(self.y(value))
            parts.append(line(self.left, y, self.right, y, "grid"))
            parts.append(text(self.left - 7, y + 4, said, "tick", text_anchor="end"))
        return joined(parts)

    def x_ticks(self, values: list[float], words: list[str]) -> Markup:
        """A label below the rectangle at each value."""
        parts = []
        for value, said in zip(values, words, strict=True):
            x = float(self.x(value))
            parts.append(line(x, self.bottom, x, self.bottom + 4, "grid"))
            parts.append(text(x, self.bottom + 17, said, "tick", text_anchor="middle"))
        return joined(parts)


def round_ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers within [low, high], about so many: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    # Multiplied, not added up: 0.1 + 0.2 is not 0.3. As a set: the digits of a narrow range may run out.
    return sorted({float(f"{number * step:.12g}") for number in range(first, last + 1)})


def frame_ticks(frames: tuple[int, ...], first: int, last: int, about: int) -> tuple[list[float], list[str]]:
    """Positions between `first` and `last` to label with the numbers of their frames: round ones, as far as analysed."""
    wanted = round_ticks(frames[first], frames[last], about)
    known = np.array(frames[first : last + 1])
    positions = sorted({first + int(np.abs(known - number).argmin()) for number in wanted})
    return [float(position) for position in positions], [str(frames[position]) for position in positions]
