"""The menu of exports on the review page: what is in view goes into a file, and what cannot be had says why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from driving import Server, opened, recorded, serving
from made_runs import make_run

HOSTILE = "<img src=x onerror=\"document.title='hacked'\">"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("shelf")
    make_run(home / "runs" / "one", recorded(home / "take.mp4", 12), names=(HOSTILE, "plate", "cup"))
    with serving([home / "runs"], home) as server:
        yield server


@pytest.fixture
def menu(page: Any, shelf: Server) -> Any:
    """The review page with the menu open."""
    page.set_default_timeout(60_000)
    opened(page, f"{shelf.address}/?run=one&episode=take&site=vision.7&mode=segments&frame=4")
    page.get_by_role("button", name="Export this view").click()
    page.locator(".export-row[data-name=cases]").wait_for()
    return page


def saved(page: Any, name: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.locator(f".export-row[data-name={name}]").click()
    page.locator(f".export-row.done[data-name={name}]").wait_for()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_a_table_a_picture_and_a_page_are_saved(menu: Any) -> None:
    name, content = saved(menu, "confusion")
    assert name == "take-confusion.csv"
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert {row["a_name"] for row in rows} == {HOSTILE, "plate"}
    name, content = saved(menu, "png")
    assert name == "take-vision.7-segments-4.png"
    assert cv2.imdecode(np.frombuffer(content, np.uint8), 1) is not None
    name, content = saved(menu, "case")
    assert name == "take-case-0.html"
    assert b"(case 0)" in content
    assert menu.title() != "hacked"


def test_a_video_says_how_far_it_is_and_comes(menu: Any) -> None:
    name, content = saved(menu, "mp4")
    assert name == "take-vision.7-segments.mp4"
    assert content[4:8] == b"ftyp"


def test_the_picture_on_the_screen(menu: Any) -> None:
    with menu.expect_download() as waiting:
        menu.get_by_text("Screen picture").click()
    picture = cv2.imread(str(waiting.value.path()))
    shown = menu.locator(".picture")
    assert picture.shape[:2] == (shown.evaluate("(c) => c.height"), shown.evaluate("(c) => c.width"))


def test_what_cannot_be_had_is_there_and_says_why(menu: Any) -> None:
    row = menu.locator(".export-row[data-name=actions]")
    assert row.is_disabled()
    assert "neither recorded nor predicted" in row.inner_text()
    assert menu.locator(".export-row[data-name=lerobot]").is_disabled()
    menu.locator("h2").first.click()
    menu.locator(".export-panel").wait_for(state="hidden")


def test_nothing_sticks_out(menu: Any) -> None:
    for width in (820, 1400):
        menu.set_viewport_size({"width": width, "height": 900})
        menu.wait_for_timeout(200)
        assert menu.evaluate("document.documentElement.scrollWidth") <= width
        box = menu.locator(".export-panel").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
