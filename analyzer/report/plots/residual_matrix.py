"""Which site of one policy is like which of another: the residual of every pair of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from analyzer.report.plots.svg import picture, rect, shortened, text

_CELL = 62
_HEIGHT = 30
_LEFT = 120
_HEAD = 44


def residual_matrix(a: Sequence[str], b: Sequence[str], values: Mapping[tuple[str, str], float], words: str) -> Markup:
    """A row a site of A, a column a site of B; darker is more alike (1 - residual)."""
    parts = [text(_LEFT, 14, "B →", "aside"), text(_LEFT - 10, 14, "A ↓", "aside", text_anchor="end")]
    for column, site in enumerate(b):
        x = _LEFT + (column + 0.5) * _CELL
        parts.append(text(x, _HEAD - 8, shortened(site, 9), "tick", text_anchor="middle"))
    for row, site in enumerate(a):
        y = _HEAD + row * _HEIGHT
        parts.append(text(_LEFT - 10, y + 19, shortened(site, 16), "tick", text_anchor="end"))
        for column, other in enumerate(b):
            value = values[site, other]
            x = _LEFT + column * _CELL
            parts.append(rect(x + 1, y + 1, _CELL - 2, _HEIGHT - 2, class_="cell", fill_opacity=1 - value))
            class_ = "in-cell dark" if value < 0.45 else "in-cell"
            parts.append(text(x + _CELL / 2, y + 19, f"{value:.2f}", class_, text_anchor="middle"))
    return picture(_LEFT + len(b) * _CELL + 4, _HEAD + len(a) * _HEIGHT + 4, words, *parts, class_="plot own-size")
