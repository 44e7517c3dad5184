"""Two values beside each other, row by row: how confused each pair is on either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analyzer.report.plots.axes import Axes
from analyzer.report.plots.svg import element, joined, line, picture, rect, shortened, text

WIDTH = 1120
_LEFT = 400
_RIGHT = 210
_ROW = 26
_HEAD = 24
_LONGEST_NAME = 48


@dataclass(frozen=True)
class Value:
    """A figure with its interval; None: not assessed."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Dumbbell:
    """One row."""

    name: str
    a: Value
    b: Value
    where: str
    """Written at the end of the row."""
    strong: bool
    """The intervals are apart."""


def dumbbells(rows: Sequence[Dumbbell], words: str) -> Markup:
    """A is a filled dot, B an open square; lines are intervals, 0 … 1 from left to right."""
    axes = Axes(_LEFT, _HEAD, WIDTH - _LEFT - _RIGHT, _ROW * len(rows), 0, 1, 0, 1)
    parts = [axes.frame()]
    for tick, said in ((0.0, "0 told apart"), (0.25, ""), (0.5, ".5"), (0.75, ""), (1.0, "1 indistinguishable")):
        x = float(axes.x(tick))
        parts.append(line(x, axes.top, x, axes.bottom, "grid"))
        parts.append(text(x, 15, said, "tick", text_anchor="middle"))
    for number, row in enumerate(rows):
        y = axes.top + (number + 0.5) * _ROW
        class_ = "name strong" if row.strong else "tick"
        parts.append(text(_LEFT - 12, y + 4, shortened(row.name, _LONGEST_NAME), class_, text_anchor="end"))
        parts.append(_value(axes, y - 3, row.a, "side-a"))
        parts.append(_value(axes, y + 4, row.b, "side-b"))
        parts.append(text(axes.right + 14, y + 4, shortened(row.where, 32), "tick strong" if row.strong else "tick"))
    return picture(WIDTH, axes.bottom + 8, words, *parts, class_="plot wide")


def _value(axes: Axes, y: float, value: Value, class_: str) -> Markup:
    if value.value is None:
        return Markup("")
    x = float(axes.x(value.value))
    parts = []
    if value.low is not None and value.high is not None:
        parts.append(line(float(axes.x(value.low)), y, float(axes.x(value.high)), y, f"{class_} reach"))
    said = element("title", f"{value.value:.2f}")
    if class_ == "side-a":
        parts.append(element("circle", said, cx=x, cy=y, r=4.2, class_=class_))
    else:
        parts.append(rect(x - 4, y - 4, 8, 8, said, class_=class_))
    return joined(parts)
