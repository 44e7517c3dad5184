"""All pairs of an episode at all sites: a table of numbers that is also a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analyzer.confusion.pair import PairTrace
from analyzer.report.plots.svg import RGB, element, joined, picture, rect, rgb, shortened, text

WIDTH = 1120
_LEFT = 380
_RIGHT = 164
_ROW = 26
_HEAD = 26
_NARROWEST_WITH_NUMBERS = 34
_LONGEST_NAME = 23


@dataclass(frozen=True)
class Named:
    """An instance as a row names it."""

    name: str
    colour: RGB


def pair_matrix(pairs: Sequence[PairTrace], names: dict[int, Named], sites: Sequence[str], words: str) -> Markup:
    """One row a pair, one column a site after the picture's own; darker is more confused. The onset has a frame."""
    columns = ["picture", *sites]
    pitch = (WIDTH - _LEFT - _RIGHT) / len(columns)
    every = max(1, -(-52 // int(pitch)))
    parts = [
        text(_LEFT + (number + 0.5) * pitch, 16, shortened(name, 12), "tick", text_anchor="middle")
        for number, name in enumerate(columns)
        if number % every == 0
    ]
    for row, pair in enumerate(pairs):
        y = _HEAD + row * _ROW
        parts.append(_names(y, names.get(pair.a), names.get(pair.b), pair))
        by_site = {site.site: site.value for site in pair.sites}
        values = [pair.pixels, *(by_site.get(site) for site in sites)]
        for number, value in enumerate(values):
            parts.append(_cell(_LEFT + number * pitch, y, pitch, value, columns[number] == pair.onset))
        said = f"merged at {pair.onset}" if pair.onset else pair.verdict
        parts.append(text(_LEFT + len(columns) * pitch + 10, y + 17, shortened(said, 21), f"tick {_class(pair)}"))
    return picture(WIDTH, _HEAD + _ROW * len(pairs) + 4, words, *parts, class_="plot wide")


def _class(pair: PairTrace) -> str:
    return {"merged": "bad strong", "look-alikes": "strong"}.get(pair.verdict, "")


def _names(y: float, a: Named | None, b: Named | None, pair: PairTrace) -> Markup:
    parts = []
    for x, one, id_ in ((2.0, a, pair.a), (_LEFT / 2, b, pair.b)):
        if one is not None:
            parts.append(rect(x, y + 7, 10, 10, rx=2, fill=rgb(one.colour)))
        parts.append(text(x + 16, y + 17, shortened(one.name if one else f"instance {id_}", _LONGEST_NAME), "name"))
    return joined(parts)


def _cell(x: float, y: float, pitch: float, value: float | None, onset: bool) -> Markup:
    width = max(1.0, pitch - 2)
    if value is None:
        said = text(x + pitch / 2, y + 17, "–", "tick", text_anchor="middle")
        return rect(x + 1, y + 1, width, _ROW - 2, element("title", "not assessed"), class_="cell none") + said
    # Ink over paper: the same scale works on a light page, on a dark one and on a black-and-white print.
    drawn = rect(x + 1, y + 1, width, _ROW - 2, element("title", f"{value:.2f}"), class_="cell", fill_opacity=value)
    if onset:
        drawn += rect(x + 1, y + 1, width, _ROW - 2, class_="cell-onset")
    if pitch >= _NARROWEST_WITH_NUMBERS:
        class_ = "in-cell dark" if value > 0.55 else "in-cell"
        drawn += text(x + pitch / 2, y + 17, f"{value:.2f}", class_, text_anchor="middle")
    return drawn
