"""Names that may be hostile: safe for the file system, and for the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import did_you_mean, quoted
from foundation.names import printable, safe_name

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
"""Lone surrogates too: file names need not be valid Unicode."""


@given(ANY_TEXT)
def test_a_safe_name_is_one_visible_component_of_a_path(text: str) -> None:
    name = safe_name(text)
    assert name
    assert not name.startswith(".")
    assert len(name.encode()) <= 120
    assert not set(name) & set('/\\\0\n\r\t :*?"<>|')


@given(ANY_TEXT)
def test_a_safe_name_stays_as_it_is(text: str) -> None:
    assert safe_name(safe_name(text)) == safe_name(text)


@pytest.mark.parametrize("hostile", ["..", "../../etc/passwd", "/etc/passwd", "a/../../b", "...", "", "\0", "C:\\x"])
def test_no_name_leads_out_of_its_folder(tmp_path: Path, hostile: str) -> None:
    path = (tmp_path / safe_name(hostile)).resolve()
    assert path.parent == tmp_path.resolve()


def test_long_names_that_differ_at_the_end_stay_different() -> None:
    assert safe_name("a" * 300 + "b") != safe_name("a" * 300 + "c")


@given(ANY_TEXT)
def test_printable_text_steers_no_terminal_and_fits_one_line(text: str) -> None:
    assert printable(text).isprintable()
    printable(text).encode()


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=50))
def test_harmless_text_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


@given(ANY_TEXT)
def test_errors_quote_names_without_control_characters(text: str) -> None:
    assert quoted(text).isprintable()
    assert did_you_mean(text, [text, "other"]).isprintable()


def test_an_error_lists_a_bounded_number_of_names() -> None:
    message = did_you_mean("ep_4999x", [f"ep_{number}" for number in range(5000)])
    assert "Did you mean 'ep_4999'?" in message
    assert "(5000 in all)" in message
    assert len(message) < 1000
