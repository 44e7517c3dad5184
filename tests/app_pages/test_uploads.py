"""What a browser may send is bounded."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from analyzer.reviews import LONGEST_NOTE, MOST_TAGS, Review
from foundation.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]


def test_no_file_of_more_than_a_megabyte_is_taken() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["maxUploadSize"] == 1


def test_no_page_asks_for_a_file() -> None:
    for page in (ROOT / "app_pages").glob("*.py"):
        text = page.read_text()
        assert not [name for name in ("file_uploader", "camera_input", "audio_input", "chat_input") if name in text], (
            page
        )


@pytest.mark.parametrize(
    "change", [{"note": "x" * (LONGEST_NOTE + 1)}, {"tags": ["a"] * (MOST_TAGS + 1)}, {"tags": ["x" * 61]}]
)
def test_what_is_too_long_is_no_review(change: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Review.of({"id": "1", "case": "", "author": "me", **change})
