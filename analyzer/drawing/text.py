"""Lines of text on a picture. The font comes with Pillow, so the same text gives the same pixels on every machine.

Text out of a recording is hostile: it may hold control characters, turn the writing direction, or be a megabyte long.
Here it is only ever drawn, on one line, cut where its room ends.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from analyzer.drawing.look import RGB

_LONGEST = 400
"""Characters looked at: more than any picture is wide."""
_ELLIPSIS = "…"


def printable(text: str) -> str:
    """`text` on one line, without what is not a visible character (control, formatting, unassigned)."""
    kept = (" " if c.isspace() else c for c in text[: 4 * _LONGEST] if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())[:_LONGEST]


def line_height(size: int) -> int:
    """Pixels from the top of one line to the bottom of its descenders."""
    ascent, descent = _font(size).getmetrics()
    return ascent + descent


def text_width(text: str, size: int) -> int:
    return round(_font(size).getlength(printable(text)))


def fitted(text: str, size: int, room: int) -> str:
    """As much of `text` as `room` pixels take, ending in … where some of it is cut."""
    text = printable(text)
    if text_width(text, size) <= room:
        return text
    low, high = 0, len(text)  # `low` characters and the ellipsis fit, `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        if text_width(text[:middle].rstrip() + _ELLIPSIS, size) <= room:
            low = middle
        else:
            high = middle
    return text[:low].rstrip() + _ELLIPSIS if low else ""


def wrapped(text: str, size: int, room: int, lines: int) -> list[str]:
    """`text` broken between words into at most `lines` lines of `room` pixels; the last one is cut with … ."""
    words = printable(text).split(" ")
    out: list[str] = []
    while words and len(out) < lines - 1:
        count = 1
        while count < len(words) and text_width(" ".join(words[: count + 1]), size) <= room:
            count += 1
        out.append(fitted(" ".join(words[:count]), size, room))
        words = words[count:]
    return [*out, fitted(" ".join(words), size, room)] if words else out


def write(
    canvas: np.ndarray,
    x: int,
    y: int,
    text: str,
    size: int,
    colour: RGB,
    *,
    room: int | None = None,
    right: bool = False,
) -> int:
    """Draw one line with its top left corner (`right`: its top right one) at (x, y). What leaves the canvas is cut off.

    Args:
        canvas: (height, width, 3) uint8, changed in place.
        room: pixels it may take; None: to the edge of the canvas.

    Returns:
        The width that was drawn, in pixels.
    """
    mask = _mask(fitted(text, size, (x if right else canvas.shape[1] - x) if room is None else room), size)
    width = mask.shape[1]
    left = max(0, x - width if right else x)
    target = canvas[max(0, y) : max(0, y + mask.shape[0]), left : left + width]
    shown = mask[max(0, -y) : max(0, -y) + target.shape[0], : target.shape[1]]
    target[...] = np.rint(target + (np.array(colour, np.float32) - target) * shown)
    return width


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))
    # The basic layout: one glyph a character, left to right, whatever the text asks for.
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1024)
def _mask(text: str, size: int) -> np.ndarray:
    """How much ink each pixel of the line has, (height, width, 1) float32 in 0 … 1."""
    font = _font(size)
    image = Image.new("L", (int(np.ceil(font.getlength(text))), line_height(size)))
    if image.width:
        ImageDraw.Draw(image).text((0, 0), text, font=font, fill=255)
    return (np.asarray(image, np.float32) / 255)[..., None]
