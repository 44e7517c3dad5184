"""Confusion of a pair over the frames of an episode: when two things become one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from analyzer.report.plots.axes import Axes, frame_ticks
from analyzer.report.plots.svg import band, element, joined, picture, polyline, rect, shortened, text

WIDTH, HEIGHT = 560, 300
_KEY_PITCH = 118
_MOST = 4
"""Sites drawn at once: more lines than that cannot be told apart."""


def confusion_in_time(
    values: np.ndarray,
    sites: Sequence[str],
    main: int,
    frames: tuple[int, ...],
    interval: tuple[int, int],
    words: str,
) -> Markup:
    """One line a site, the `main` one bold and with its interval; the case's own frames are shaded.

    Args:
        values: (sites, frames, 3) value, low and high end; NaN: not assessed.
        sites: their names, in order of depth; at most `_MOST` are drawn.
        frames: of the recording, one a column of `values`.
        interval: first and last position of the case.
    """
    axes = Axes(44, 14, WIDTH - 60, HEIGHT - 76, 0, max(1, len(frames) - 1), 0, 1)
    at = np.asarray(axes.x(np.arange(len(frames), dtype=float)))
    parts = [axes.frame(), axes.y_grid([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"]), shade(axes, interval)]
    main_low, main_high = np.asarray(axes.y(values[main, :, 1])), np.asarray(axes.y(values[main, :, 2]))
    parts.append(band(at, main_low, main_high, "interval"))
    shown = [number for number in range(len(sites)) if number != main][: _MOST - 1]
    drawn = sorted([*shown, main])
    for number in drawn:
        class_ = "main" if number == main else f"site site-{drawn.index(number)}"
        line = polyline(at, np.asarray(axes.y(values[number, :, 0])), class_)
        parts.append(element("g", element("title", sites[number]), line))
    if np.isnan(values[..., 0]).all():
        parts.append(text(axes.left + axes.width / 2, axes.top + axes.height / 2, "not assessed", "aside"))
    ticks, labels = frame_ticks(frames, 0, len(frames) - 1, 6)
    parts.append(axes.x_ticks(ticks, labels))
    parts.append(text(axes.right, axes.bottom + 36, "frame →", "aside", text_anchor="end"))
    for place, number in enumerate(drawn):
        x, y = axes.left + place * _KEY_PITCH, axes.bottom + 50
        class_ = "main" if number == main else f"site site-{place}"
        parts.append(element("line", x1=x, y1=y - 4, x2=x + 18, y2=y - 4, class_=class_))
        parts.append(text(x + 24, y, shortened(sites[number], 14), "tick strong" if number == main else "tick"))
    return picture(WIDTH, HEIGHT, words, *parts)


def shade(axes: Axes, interval: tuple[int, int]) -> Markup:
    """The frames of a case, each half a frame wide to both sides, so that one frame can be seen."""
    left = max(axes.left, float(axes.x(interval[0] - 0.5)))
    right = min(axes.right, float(axes.x(interval[1] + 0.5)))
    return joined([rect(left, axes.top, max(1.5, right - left), axes.height, class_="event")])
