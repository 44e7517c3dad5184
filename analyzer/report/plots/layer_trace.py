"""Confusion of a pair along the sites of the policy, in order of depth: where two things become one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from analyzer.confusion.pair import PairTrace
from analyzer.report.plots.axes import Axes
from analyzer.report.plots.svg import band, element, joined, line, picture, polyline, rect, shortened, text

WIDTH, HEIGHT = 560, 300
_LABEL_ROOM = 64
"""Pixels that the label of a site needs beside its neighbours'."""
_LONGEST_LABEL = 12


def layer_trace(
    pair: PairTrace, others: Sequence[PairTrace], words: str, during: Sequence[float | None] = ()
) -> Markup:
    """The pair in bold with its interval, the episode's other pairs faint behind it; dashed, at each site, `during`: the
    pair while a case lasts.

    The first place on the axis is the picture itself. Open dots: the raw features instead of the eigenspace. `words`
    describe the plot to those who cannot see it.
    """
    names = ["picture", *(site.site for site in pair.sites)]
    axes = Axes(44, 14, WIDTH - 60, HEIGHT - 66, 0, max(1, len(names) - 1), 0, 1)
    at = axes.x(np.arange(len(names), dtype=float))
    assert isinstance(at, np.ndarray)
    parts = [axes.frame(), axes.y_grid([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])]
    parts.append(text(axes.left + 6, axes.top + 14, "indistinguishable", "aside"))
    parts.append(text(axes.right - 6, axes.bottom - 7, "told apart", "aside", text_anchor="end"))
    # What the picture shows and what the network makes of it are two things: a rule between them.
    if len(names) > 1:
        between = float(at[0] + at[1]) / 2
        parts.append(line(between, axes.top, between, axes.bottom, "grid dashed"))
    onset = names.index(pair.onset, 1) if pair.onset in names[1:] else None
    if onset is not None:
        left = float(at[onset] + at[onset - 1]) / 2
        parts.append(rect(left, axes.top, axes.right - left, axes.height, class_="event"))
        parts.append(line(left, axes.top, left, axes.bottom, "event-edge"))
    for other in others:
        if [site.site for site in other.sites] == names[1:]:
            parts.append(polyline(at, _heights(axes, [other.pixels, *(site.value for site in other.sites)]), "faint"))
    low = _heights(axes, [None, *(site.low for site in pair.sites)])
    high = _heights(axes, [None, *(site.high for site in pair.sites)])
    parts.append(band(at, low, high, "interval"))
    parts += [
        line(float(x), float(a), float(x), float(b), "whisker")
        for x, a, b in zip(at, low, high, strict=True)
        if not np.isnan(a + b)
    ]
    values = _heights(axes, [pair.pixels, *(site.value for site in pair.sites)])
    parts.append(polyline(at[1:], values[1:], "main"))
    parts += [_dot(x, y, "spot", name) for x, y, name in zip(at, values, names, strict=True)]
    if len(during) == len(pair.sites):
        parts.append(polyline(at, _heights(axes, [None, *during]), "during"))
    features = _heights(axes, [None, *(site.features for site in pair.sites)])
    parts += [_dot(x, y, "spot open", f"{name}, raw features") for x, y, name in zip(at, features, names, strict=True)]
    parts.append(_labels(axes, at, names, onset))
    return picture(WIDTH, HEIGHT, words, *parts)


def _dot(x: float, y: float, class_: str, name: str) -> Markup:
    if np.isnan(y):
        return Markup("")
    return element("circle", element("title", name), cx=x, cy=y, r=4.0, class_=class_)


def _labels(axes: Axes, at: np.ndarray, names: Sequence[str], onset: int | None) -> Markup:
    """As many as fit, the onset's always."""
    every = max(1, int(np.ceil(_LABEL_ROOM / max(1.0, float(at[1] - at[0])))) if len(at) > 1 else 1)
    shown = [position for position in range(len(names)) if position % every == 0]
    if onset is not None and onset not in shown:
        shown = sorted({position for position in shown if abs(position - onset) >= every} | {onset})
    parts = []
    for position in shown:
        anchor = "middle" if 0 < position < len(names) - 1 else "start" if position == 0 else "end"
        x = float(at[position]) + {"middle": 0, "start": -14, "end": 14}[anchor]
        class_ = "tick strong" if position == onset else "tick"
        parts.append(text(x, axes.bottom + 18, shortened(names[position], _LONGEST_LABEL), class_, text_anchor=anchor))
    if onset is not None:
        parts.append(text(float(at[onset]), axes.bottom + 36, "merged from here", "event-word", text_anchor="middle"))
    else:
        parts.append(text(axes.right, axes.bottom + 36, "deeper into the policy →", "aside", text_anchor="end"))
    return joined(parts)


def _heights(axes: Axes, values: Sequence[float | None]) -> np.ndarray:
    """(n,) heights in the plot, NaN where nothing was assessed."""
    known = np.array([np.nan if value is None else value for value in values], float)
    return np.asarray(axes.y(known))
