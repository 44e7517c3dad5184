"""Chromium, driven by Playwright. Where there is no browser these tests are skipped, with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from driving import Server, opened, recorded, serving, standalone
from find_browser import find_browser
from made_runs import make_run
from playwright import sync_api as playwright
from recordings import barcode, write_clip

from analyzer.run_folder import RunFolder
from videos.catalog import open_episode
from videos.episode import Episode

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-quic"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_browser() is None:
        skip = pytest.mark.skip(reason="no Chromium here: install it, or name it in LENS_BROWSER")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def chromium() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_browser(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: playwright.Browser) -> Iterator[playwright.Page]:
    """A page of 1400 x 900; an error in its scripts fails the test."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def take(tmp_path_factory: pytest.TempPathFactory) -> Episode:
    """A recording of 30 barcodes at 20 frames a second."""
    return recorded(tmp_path_factory.mktemp("take") / "take.mp4", 30, [4500 * i for i in range(30)])


@pytest.fixture(scope="session")
def run(take: Episode, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run over `take`, with findings. Not to be written to."""
    return make_run(tmp_path_factory.mktemp("runs") / "run", take)


@pytest.fixture(scope="session")
def two_cameras(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run over an episode folder of two cameras, every third frame analysed, the outer eighth not seen."""
    home = tmp_path_factory.mktemp("two")
    for camera, size in (("agentview", (96, 128)), ("wrist", (128, 128))):
        write_clip(home / "ep" / f"{camera}.mp4", [barcode(number, *size) for number in range(30)])
    np.savez(home / "ep" / "data.npz", action=np.sin(np.arange(30 * 7).reshape(30, 7)))
    about = {"language": "put the bowl on the plate", "success": False, "length": 30}
    (home / "ep" / "meta.json").write_text(json.dumps(about))
    return make_run(home / "two", open_episode(home / "ep"), stride=3, crop=0.125)


@pytest.fixture
def show(page: playwright.Page, tmp_path: Path) -> Callable[..., playwright.Page]:
    """Show a run in the standalone player, from its first frame on unless `as_opened`."""

    def show(run: RunFolder, *, options: str = "", as_opened: bool = False) -> playwright.Page:
        opened(page, standalone(run, tmp_path / "player.html", options=options))
        if not as_opened:
            page.evaluate("lens.view.set({case: null}); lens.player.seek(0)")
            page.wait_for_function("lens.player.clock.frame === 0 && !(lens.player.clock.going > 0)")
        return page

    return show


@pytest.fixture(scope="session")
def server(run: RunFolder, two_cameras: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The page's server on `run` and `two_cameras`, for tests that leave it as it is."""
    folders = [run.path, two_cameras.path]
    with serving(folders, tmp_path_factory.mktemp("server")) as server:
        yield server
