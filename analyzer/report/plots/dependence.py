"""What erasing a thing does to the action, beside what erasing background does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analyzer.dependence.record import Effect
from analyzer.report.plots.axes import Axes, round_ticks
from analyzer.report.plots.svg import RGB, element, line, picture, rect, rgb, shortened, text

WIDTH = 560
_LEFT = 160
_ROW = 44
_LONGEST_NAME = 20


@dataclass(frozen=True)
class Erased:
    """One instance that was taken out of the picture."""

    name: str
    colour: RGB
    effect: Effect


def erasure(rows: Sequence[Erased], words: str) -> Markup:
    """A bar an instance, of one quantity of the action; below it, thin, the background's with its spread."""
    highest = max(max(row.effect.value, row.effect.control + row.effect.control_spread) for row in rows)
    axes = Axes(_LEFT, 8, WIDTH - _LEFT - 64, _ROW * len(rows), 0, highest * 1.02 or 1.0, 0, 1)
    ticks = round_ticks(0.0, axes.x_high, 4)
    parts = [axes.frame()]
    parts += [line(float(axes.x(tick)), axes.top, float(axes.x(tick)), axes.bottom, "grid") for tick in ticks]
    for number, row in enumerate(rows):
        y = axes.top + number * _ROW
        effect = row.effect
        end = float(axes.x(effect.value))
        parts.append(text(axes.left - 10, y + 22, shortened(row.name, _LONGEST_NAME), "name", text_anchor="end"))
        said = element("title", f"erasing {row.name}: {effect.value:.3g} {effect.unit}")
        parts.append(rect(axes.left, y + 8, max(1.0, end - axes.left), 16, said, rx=2, fill=rgb(row.colour)))
        parts.append(text(end + 6, y + 21, f"{effect.value:.2g}", "tick strong"))
        parts.append(rect(axes.left, y + 28, max(1.0, float(axes.x(effect.control)) - axes.left), 6, class_="control"))
        low = max(0.0, effect.control - effect.control_spread)
        high = effect.control + effect.control_spread
        parts.append(line(float(axes.x(low)), y + 31, float(axes.x(high)), y + 31, "whisker"))
    parts.append(axes.x_ticks(ticks, [f"{tick:g}" for tick in ticks]))
    unit = rows[0].effect.unit
    label = f"change of {rows[0].effect.quantity}{f', {unit}' if unit else ''}; grey: erasing background instead"
    parts.append(text(axes.right, axes.bottom + 34, label, "aside", text_anchor="end"))
    return picture(WIDTH, axes.bottom + 42, words, *parts)
