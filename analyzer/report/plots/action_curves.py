"""Recorded and predicted actions around a case: what the robot did while it was confused."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from analyzer.report.plots.axes import Axes
from analyzer.report.plots.svg import joined, line, picture, polyline, rect, shortened, text
from foundation.action_space import ActionSpace

WIDTH = 1120
_PLOT = 150
_GAP = 11
_HEAD, _HEIGHT, _FOOT = 22, 84, 26
_AIR = 0.16
"""Above and below a curve, in heights of it: room for the figures."""
_MOST = 14
"""Dimensions drawn; a humanoid has more than anyone can read at once."""


def action_curves(
    recorded: np.ndarray | None,
    predicted: np.ndarray | None,
    space: ActionSpace,
    steps: tuple[int, int],
    window: tuple[int, int],
    words: str,
) -> Markup:
    """A small plot a dimension, in physical units where the recording names them.

    Args:
        recorded, predicted: (all steps, D) in `space`, NaN where a step has no value; one of them may be None.
        steps: first and last step of the case, shaded.
        window: first and last step drawn.
    """
    scale = np.array(space.scale or (1.0,) * len(space), float)
    first, last = window
    known = [None if values is None else values[first : last + 1] * scale for values in (recorded, predicted)]
    shown = min(len(space), _MOST)
    columns = min(shown, (WIDTH + _GAP) // (_PLOT + _GAP))
    rows = -(-shown // columns)
    parts = []
    for d in range(shown):
        row, column = divmod(d, columns)
        x, y = column * (_PLOT + _GAP), row * (_HEAD + _HEIGHT + _FOOT)
        curves = [None if values is None else values[:, d] for values in known]
        parts.append(_plot(x, y, curves, space, d, steps, window))
    height = rows * (_HEAD + _HEIGHT + _FOOT)
    if len(space) > shown:
        height += 18
        parts.append(text(0, height - 4, f"and {len(space) - shown} more dimensions", "aside"))
    return picture(WIDTH, height, words, *parts, class_="plot wide")


def _plot(
    x: float,
    y: float,
    curves: list[np.ndarray | None],
    space: ActionSpace,
    d: int,
    steps: tuple[int, int],
    window: tuple[int, int],
) -> Markup:
    low, high = _range([values for values in curves if values is not None], space, d)
    axes = Axes(x, y + _HEAD, _PLOT, _HEIGHT, window[0], window[1], low, high)
    left, right = (float(axes.x(min(max(step, window[0]), window[1]))) for step in (steps[0] - 0.5, steps[1] + 0.5))
    parts = [axes.frame(), rect(left, axes.top, max(1.5, right - left), axes.height, class_="event")]
    if low < 0 < high:
        zero = float(axes.y(0.0))
        parts.append(line(axes.left, zero, axes.right, zero, "grid"))
    at = np.asarray(axes.x(np.arange(window[0], window[1] + 1, dtype=float)))
    for values, class_ in zip(curves, ("recorded", "predicted"), strict=True):
        if values is not None:
            # Through the steps that have a value: with a stride, most have none.
            known = ~np.isnan(values)
            parts.append(polyline(at[known], np.asarray(axes.y(values[known])), class_))
    parts.append(text(x, y + 14, shortened(space.names[d], 13), "name"))
    parts.append(text(axes.right, y + 14, _unit(space, d), "aside", text_anchor="end"))
    for value, height in zip(_extremes(low, high, space, d), (axes.top + 11, axes.bottom - 4), strict=True):
        parts.append(text(axes.left + 4, height, value, "aside"))
    for step, anchor, side in ((window[0], "start", axes.left), (window[1], "end", axes.right)):
        parts.append(text(side, axes.bottom + 14, str(step), "tick", text_anchor=anchor))
    return joined(parts)


def _range(curves: list[np.ndarray], space: ActionSpace, d: int) -> tuple[float, float]:
    """What is drawn, with zero in it where values are changes, and a little air above and below."""
    values = np.concatenate(curves) if curves else np.zeros(1)
    values = values[~np.isnan(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if space.kind == "delta" and d != space.gripper:
        low, high = min(low, 0.0), max(high, 0.0)
    air = _AIR * (high - low) or 1.0
    return low - air, high + air


def _unit(space: ActionSpace, d: int) -> str:
    unit = space.units[d]
    return "" if not unit else f"{unit} a step" if space.kind == "delta" else unit


def _extremes(low: float, high: float, space: ActionSpace, d: int) -> tuple[str, str]:
    """What the top and the bottom of the curves are."""
    if d == space.gripper and space.gripper_open is not None and space.gripper_closed is not None:
        return ("open", "closed") if space.gripper_open > space.gripper_closed else ("closed", "open")
    air = (high - low) * _AIR / (1 + 2 * _AIR)
    return f"{high - air:.2g}", f"{low + air + 0.0:.2g}"
