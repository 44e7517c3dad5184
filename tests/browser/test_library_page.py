"""The library in a browser: what is listed, found, filtered and opened, and that nothing recorded becomes markup."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import Server, opened, recorded, serving
from made_runs import make_run

from analyzer.reviews import EpisodeReviews, Review

HOSTILE = "<img src=x onerror=\"document.title='hacked'\">![x](http://a/b.png)"
COPIES = 40


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three episodes, one damaged and one to come, with many copies of another; and a damaged run."""
    home = tmp_path_factory.mktemp("library")
    episodes = [recorded(home / f"{name}.mp4", 12) for name in ("good", "worse", "torn")]
    names = (HOSTILE, "plate", "cup")
    run = make_run(home / "runs" / "one", *episodes, instruction=f"put {HOSTILE} down", names=names)
    findings = run.episode_folder("good") / "findings" / "findings.json"
    stored = json.loads(findings.read_text())
    findings.write_text(json.dumps({**stored, "cases": [{**stored["cases"][0], "score": 0.1, "kind": "stall"}]}))
    (run.episode_folder("torn") / "episode.json").write_text("{")
    (home / "runs" / "broken").mkdir()
    (home / "runs" / "broken" / "run.json").write_text("{")
    copies = [f"copy_{number:02d}" for number in range(COPIES)]
    for name in copies:
        folder = shutil.copytree(run.episode_folder("good"), run.path / "episodes" / name)
        record = json.loads((folder / "episode.json").read_text())
        (folder / "episode.json").write_text(
            json.dumps({**record, "id": name, "instruction": "open the drawer", "success": True})
        )
    run.manifest.planned += ["later", *copies]
    run.manifest.done += copies
    run.write_manifest()
    return home / "runs"


@pytest.fixture(scope="module")
def shelf(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving([runs], tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def library(page: Any, shelf: Server) -> Any:
    page.goto(f"{shelf.address}/library")
    page.wait_for_selector(".lens.library.loaded .row", timeout=20_000)
    page.wait_for_function(COUNT + f" === {COPIES + 4}")
    return page


ROOT = """[...document.querySelectorAll('*')].map((e) => e.shadowRoot).find((r) => r?.querySelector('.library'))"""
COUNT = f"Number({ROOT}.querySelector('.row')?.getAttribute('aria-setsize') ?? 0)"


def test_what_looks_worst_comes_first_and_recorded_text_stays_text(library: Any) -> None:
    rows = library.locator(".row")
    assert HOSTILE in rows.nth(0).locator(".sentence").inner_text()
    assert HOSTILE in rows.nth(0).locator(".task").inner_text()
    assert library.title() != "hacked"
    assert library.locator(".row .told img").count() == 0
    assert rows.count() < COPIES, "only the rows in sight are there"
    assert "One run cannot be read" in library.locator(".warning").inner_text()
    library.wait_for_function(ROOT + ".querySelector('.thumb img')?.naturalWidth > 50")


def test_searched_filtered_and_kept_in_the_address(library: Any, shelf: Server) -> None:
    library.get_by_label("Search").fill("copy_1 drawer")
    library.wait_for_function(COUNT + " === 10")
    library.get_by_label("Search").fill("no such thing")
    library.get_by_text("No episode matches").wait_for()
    library.get_by_text("Show all episodes").click()
    library.wait_for_function(COUNT + f" === {COPIES + 4}")
    library.get_by_label("Outcome").select_option("true")
    library.wait_for_function(COUNT + f" === {COPIES}")
    library.goto(library.url)
    library.wait_for_selector(".lens.library.loaded .row")
    library.wait_for_function(COUNT + f" === {COPIES}")
    library.get_by_label("Case").select_option("confused")
    library.get_by_text("No episode matches").wait_for()
    library.get_by_text("Show all episodes").click()
    library.get_by_label("Outcome").select_option("damaged")
    library.get_by_text("This episode is damaged.").wait_for()
    library.get_by_label("Outcome").select_option("waiting")
    library.get_by_text("Not analysed yet.").wait_for()


def test_an_address_that_names_nothing_opens_on_the_confusion(page: Any, shelf: Server) -> None:
    opened(page, shelf.address)
    assert page.locator(".facts").get_by_text("worse").count() == 1
    assert page.locator(".picture").get_attribute("data-frame") == "6", "where its first case begins"
    assert "Colours" in page.locator(".segmented [aria-checked=true]").first.inner_text()
    assert page.locator(".site[aria-checked=true] .site-name").inner_text() == "vision.11"
    assert "case 0" in page.locator(".case.chosen .sentence").inner_text()
    assert "plate" in page.locator(".pair-panel select option:checked").inner_text()


def test_a_row_opens_its_episode(library: Any) -> None:
    library.keyboard.press("ArrowDown")
    library.keyboard.press("ArrowDown")
    library.keyboard.press("Enter")
    library.wait_for_selector(".lens[data-ready]", timeout=20_000)
    assert "run=one" in library.url
    assert "episode=copy_00" in library.url
    assert "case=case-0" in library.url


def test_a_review_shows_up_by_itself(library: Any, runs: Path) -> None:
    EpisodeReviews(runs / "one", "worse").save([(Review("r", "case-0", "me", verdict="real"), 0)])
    library.get_by_text("reviewed: real").wait_for(timeout=15_000)
    library.get_by_label("Review").select_option("real")
    library.wait_for_function(COUNT + " === 1")


@pytest.mark.parametrize("width", [820, 1400])
def test_nothing_sticks_out(library: Any, width: int) -> None:
    library.set_viewport_size({"width": width, "height": 900})
    library.wait_for_timeout(200)
    assert library.evaluate("document.documentElement.scrollWidth") <= width
