"""An episode at a glance: its cases, the events they stand on, who is visible, what the gripper does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from analyzer.report.plots.axes import Axes, frame_ticks
from analyzer.report.plots.svg import RGB, element, joined, line, picture, rect, rgb, shortened, text

WIDTH = 1120
_LEFT = 196
_PITCH = 22
_BAR = 14
_LONGEST_NAME = 25


@dataclass(frozen=True)
class Bar:
    """Something that lasts from one analysed frame to another, both included."""

    first: int
    last: int
    words: str
    """Shown when the pointer rests on it."""
    label: str = ""
    """Written into the bar."""
    link: str | None = None
    """Where on the page it leads, "#…"."""


@dataclass(frozen=True)
class Lane:
    """A row of the timeline: bars, or a curve from 0 to 1."""

    name: str
    bars: tuple[Bar, ...] = ()
    curve: np.ndarray | None = None
    """(frames,) 0 … 1; NaN: not known."""
    colour: RGB | None = None
    """None: the page's own."""
    class_: str = "bar"


def timeline(lanes: Sequence[Lane], frames: tuple[int, ...], times_s: tuple[float, ...], words: str) -> Markup:
    """One row a lane; bars that overlap within a lane get rows of their own."""
    spread = [row for lane in lanes for row in _rows(lane)]
    axes = Axes(_LEFT, 6, WIDTH - _LEFT - 10, _PITCH * len(spread) + 4, -0.5, len(frames) - 0.5, 0, 1)
    ticks, labels = frame_ticks(frames, 0, len(frames) - 1, 10)
    parts = [axes.frame()]
    parts += [line(float(axes.x(tick)), axes.top, float(axes.x(tick)), axes.bottom, "grid") for tick in ticks]
    for number, lane in enumerate(spread):
        parts.append(_lane(axes, axes.top + 2 + number * _PITCH, lane))
    parts.append(axes.x_ticks(ticks, labels))
    for tick in ticks:
        said = f"{times_s[int(tick)]:.1f} s"
        parts.append(text(float(axes.x(tick)), axes.bottom + 31, said, "aside", text_anchor="middle"))
    parts.append(text(_LEFT - 10, axes.bottom + 17, "frame", "tick", text_anchor="end"))
    return picture(WIDTH, axes.bottom + 38, words, *parts, class_="plot wide")


def _lane(axes: Axes, y: float, lane: Lane) -> Markup:
    parts = [text(_LEFT - 10, y + 15, shortened(lane.name, _LONGEST_NAME), "tick", text_anchor="end")]
    fill = None if lane.colour is None else rgb(lane.colour)
    if lane.colour is not None and lane.curve is not None:
        parts.append(rect(2, y + 5, 10, 10, rx=2, fill=fill))
    if lane.curve is not None:
        parts.append(_area(axes, y, lane.curve, fill))
    for bar in lane.bars:
        left, right = float(axes.x(bar.first - 0.5)), float(axes.x(bar.last + 0.5))
        width = max(3.0, right - left)
        drawn = rect(left, y + 4, width, _BAR, element("title", bar.words), rx=3, class_=lane.class_, fill=fill)
        if bar.label and width > 9 * len(bar.label):
            drawn += text(left + width / 2, y + 15, bar.label, "in-bar", text_anchor="middle")
        elif bar.label:
            drawn += text(left + width + 4, y + 15, bar.label, "tick strong")
        parts.append(element("a", drawn, href=bar.link) if bar.link else drawn)
    return joined(parts)


def _area(axes: Axes, y: float, curve: np.ndarray, fill: str | None) -> Markup:
    """Steps of one frame each, so that a single visible frame can be seen."""
    parts = []
    floor, reach = y + _PITCH - 3, _PITCH - 6
    values = np.nan_to_num(np.clip(curve, 0, 1))
    edges = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    for start, end in zip(edges, [*edges[1:], len(values)], strict=True):
        if values[start] > 0:
            left, right = float(axes.x(start - 0.5)), float(axes.x(end - 0.5))
            parts.append(f"M{left:.1f} {floor:.1f}V{floor - reach * values[start]:.1f}H{right:.1f}V{floor:.1f}Z")
    return element("path", d="".join(parts), fill=fill, class_="lane") if parts else Markup("")


def _rows(lane: Lane) -> list[Lane]:
    """A lane as often as its bars need not to overlap; only the first row has its name."""
    rows: list[list[Bar]] = [[]]
    for bar in sorted(lane.bars, key=lambda bar: (bar.first, bar.last)):
        free = next((row for row in rows if not row or row[-1].last < bar.first), None)
        if free is None:
            rows.append([bar])
        else:
            free.append(bar)
    return [
        Lane(lane.name if number == 0 else "", tuple(row), lane.curve, lane.colour, lane.class_)
        for number, row in enumerate(rows)
    ]
