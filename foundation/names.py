"""Names out of recordings and policies, made safe for the file system and for the terminal."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 120
"""Bytes. Leaves room for endings under the 255 that file systems allow a name."""


def safe_name(text: str) -> str:
    """`text` as one component of a path: everything but letters, digits and . _ = + - replaced by _.

    Never hidden, never too long, never a way out of the folder; a safe name stays as it is.
    """
    name = re.sub(r"[^\w.=+-]", "_", text).lstrip(".") or "_"
    if len(name.encode()) <= _LONGEST:
        return name
    short = name.encode()[: _LONGEST - 9].decode(errors="ignore")
    return f"{short}-{hashlib.blake2b(text.encode(errors='surrogatepass'), digest_size=4).hexdigest()}"


def printable(text: object) -> str:
    """`text` with everything a terminal would obey (control characters, changes of direction) written out, on one line."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(text))
