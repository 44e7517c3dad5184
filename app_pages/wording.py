"""Text out of recordings and addresses in places that Streamlit reads as Markdown."""

from __future__ import annotations

import re

from foundation.names import printable

_MARKS = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: object) -> str:
    """`text` as Markdown that shows just that: no links, pictures, formulas or markup of its own."""
    return _MARKS.sub(r"\\\1", printable(text))
