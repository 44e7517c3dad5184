"""Nothing that comes out of a recording becomes Markdown."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from app_pages.wording import plain

MARK = re.compile(r"[!-/:-@\[-`{-~]")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


@given(st.text())
def test_every_mark_is_escaped_and_nothing_is_lost(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert not MARK.search(ESCAPED.sub("", shown))
    if text.isprintable():
        assert ESCAPED.sub(r"\1", shown) == text


def test_a_picture_of_another_host_stays_text() -> None:
    assert plain("![x](http://a/b.png)") == r"\!\[x\]\(http\:\/\/a\/b\.png\)"
