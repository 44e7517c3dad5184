"""Elements of an inline SVG: everything that goes in is escaped, equal input gives equal text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup, escape

from foundation.names import printable

RGB = tuple[int, int, int]


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """`<tag attribute="…">children</tag>`; text children and values are escaped, None leaves an attribute out.

    `class_` gives class, and `_` in a name gives `-`: stroke_width is stroke-width.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_escaped(_written(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>{''.join(map(_escaped, children))}</{tag}>")


def picture(width: float, height: float, described: str, *children: str, class_: str = "plot") -> Markup:
    """The `<svg>` around a plot; `described` is what a screen reader says."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {_written(width)} {_written(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=described,
        class_=class_,
    )


def text(x: float, y: float, words: str, class_: str = "", **attributes: object) -> Markup:
    return element("text", words, x=x, y=y, class_=class_ or None, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str, **attributes: object) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_, **attributes)


def rect(x: float, y: float, width: float, height: float, *children: str, **attributes: object) -> Markup:
    return element("rect", *children, x=x, y=y, width=width, height=height, **attributes)


def polyline(x: np.ndarray, y: np.ndarray, class_: str, **attributes: object) -> Markup:
    """Through the (n,) points whose y is a number; where it is NaN, the line has a gap. A lone point is a dot."""
    parts = []
    for piece in runs(~np.isnan(y)):
        if len(piece) == 1:
            parts.append(element("circle", cx=x[piece[0]], cy=y[piece[0]], r=1.8, class_=f"{class_} dot", **attributes))
        else:
            parts.append(element("polyline", points=_points(x[piece], y[piece]), class_=class_, **attributes))
    return Markup("").join(parts)


def band(x: np.ndarray, low: np.ndarray, high: np.ndarray, class_: str, **attributes: object) -> Markup:
    """The area between two (n,) curves, with gaps where either is NaN."""
    parts = []
    for piece in runs(~(np.isnan(low) | np.isnan(high))):
        around = np.concatenate([x[piece], x[piece][::-1]]), np.concatenate([low[piece], high[piece][::-1]])
        parts.append(element("polygon", points=_points(*around), class_=class_, **attributes))
    return Markup("").join(parts)


def runs(known: np.ndarray) -> list[np.ndarray]:
    """The unbroken stretches of True in (n,), each as its positions."""
    positions = np.flatnonzero(known)
    return [piece for piece in np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1) if len(piece)]


def rgb(colour: Sequence[int]) -> str:
    """As a presentation attribute takes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def shortened(words: str, longest: int) -> str:
    """At most so many characters; what is cut shows as … ."""
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def joined(parts: Iterable[str]) -> Markup:
    return Markup("").join(parts)


def _escaped(value: str) -> Markup:
    """Control characters and changes of direction are written out, as everywhere on the page."""
    return value if isinstance(value, Markup) else escape(printable(value))


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(f"{_written(float(a))},{_written(float(b))}" for a, b in zip(x, y, strict=True))


def _written(value: object) -> str:
    """Numbers to a hundredth of a pixel, without trailing zeros: small files."""
    if isinstance(value, float | np.floating):
        # Adding 0.0 turns a rounded -0.0 into 0.0.
        return f"{round(float(value), 2) + 0.0:.2f}".rstrip("0").rstrip(".")
    return str(value)
