"""Pointing at an object in the page: what is lit is what is sent, and what was looked at stays in view."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import Server, opened, recorded, serving
from made_runs import findings, make_run

from analyzer.findings_folder import FOLDER, write_findings
from analyzer.pointing import EpisodeObjects, PointedObject
from analyzer.run_folder import RunFolder

Show = Callable[..., Any]
EVIL = "<img src=x onerror=hacked=1>"
OBJECTS = (
    "objects: {address: 'data:application/json,' + encodeURIComponent(JSON.stringify({objects: [], version: 0, made: 0,"
    " work: {state: 'none'}})), send: (changes) => { window.sent = changes; }, renew: async () => null}"
)


@pytest.fixture
def pointing(show: Show, run: RunFolder) -> Any:
    page = show(run, options=OBJECTS)
    page.keyboard.press("a")
    page.locator(".pointing-bar").wait_for()
    return page


def spot(page: Any, across: float, down: float) -> tuple[float, float]:
    box = page.locator(".marks").bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def sent(page: Any) -> dict[str, Any]:
    page.wait_for_function("window.sent?.length === 1")
    return page.evaluate("window.sent[0]")  # type: ignore[no-any-return]


def test_a_click_on_what_was_found_takes_its_patches(pointing: Any) -> None:
    pointing.mouse.click(*spot(pointing, 0.15, 0.37))
    assert "found as bowl" in pointing.locator(".pointing-bar .hint").inner_text()
    assert pointing.locator(".confirm").is_disabled(), "it has no name yet"
    pointing.keyboard.type(EVIL)
    pointing.keyboard.press("Enter")
    object_ = sent(pointing)
    # The bowl of made_runs: a third of the width, a quarter of the height from a quarter down, 2 pixels from its third.
    assert object_["grid"] == [6, 8]
    assert {tuple(patch) for patch in object_["patches"]} >= {(2, 0), (2, 1)}
    assert all(row in (1, 2) and column < 3 for row, column in object_["patches"])
    assert (object_["name"], object_["frame"], object_["camera"]) == (EVIL, 0, "camera")
    assert not pointing.locator(".pointing-bar").is_visible()
    assert pointing.locator(".object-name").inner_text() == EVIL
    assert pointing.evaluate("window.hacked") is None


def test_patches_are_taken_let_go_and_left(pointing: Any) -> None:
    at = spot(pointing, 0.55, 0.92)  # nothing was found here
    pointing.mouse.click(*at)
    pointing.keyboard.press("Backspace")
    # Row 5, column 4 of 6 x 8; its segment hangs together and is alike to the last digit.
    taken = "(n) => lens.player.pointing.taken.has(n)"
    pointing.wait_for_function(taken, arg=5 * 8 + 4)
    usual = pointing.evaluate("lens.player.pointing.taken.size")
    for _ in range(6):
        pointing.keyboard.press("+")
    pointing.wait_for_function("(n) => lens.player.pointing.taken.size >= n", arg=usual)
    pointing.mouse.click(*at)
    assert not pointing.evaluate(taken, 5 * 8 + 4)
    pointing.keyboard.press("Backspace")
    pointing.keyboard.press("a")
    assert not pointing.locator(".pointing-bar").is_visible()
    assert pointing.locator(".look-bar").is_visible()
    assert pointing.evaluate("window.sent") is None


def test_with_the_keyboard_alone(pointing: Any) -> None:
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", " ", "Enter"):
        pointing.keyboard.press(key)
    pointing.keyboard.type("thing")
    pointing.keyboard.press("Enter")
    object_ = sent(pointing)
    assert [2, 2] in object_["patches"]
    assert pointing.evaluate("lens.player.clock.frame") == 0, "the arrows did not go through the video"


def test_a_box_takes_what_is_in_it(pointing: Any) -> None:
    pointing.mouse.move(*spot(pointing, 0.26, 0.52))
    pointing.mouse.down()
    pointing.mouse.move(*spot(pointing, 0.74, 0.99), steps=4)
    pointing.mouse.up()
    pointing.wait_for_function("lens.player.pointing.taken.size > 0")
    pointing.keyboard.type("box")
    pointing.keyboard.press("Enter")
    object_ = sent(pointing)
    assert all(row >= 3 and 2 <= column <= 5 for row, column in object_["patches"])
    left, top, width, height = object_["box"]
    assert (round(left / 128, 1), round(top / 96, 1), round(width / 128, 1), round(height / 96, 1)) == (
        0.3,
        0.5,
        0.5,
        0.5,
    )


def test_another_frame_asks_to_point_again(pointing: Any) -> None:
    pointing.mouse.click(*spot(pointing, 0.15, 0.37))
    pointing.evaluate("lens.player.seek(7)")
    pointing.get_by_text("Another frame: point again.").wait_for()
    assert pointing.evaluate("lens.player.pointing.taken.size") == 0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Server, RunFolder]]:
    run = make_run(tmp_path / "run", recorded(tmp_path / "take.mp4", 12))
    with serving([run.path], tmp_path) as server:
        yield server, run


def written(run: RunFolder) -> list[PointedObject]:
    return EpisodeObjects(run.path, "take").current()


def until(page: Any, done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        page.wait_for_timeout(50)


def followed(run: RunFolder) -> None:
    """What the work in the background leaves: here by hand, since the run was made without a policy."""
    objects = EpisodeObjects(run.path, "take")
    found, arrays = findings(run.episode("take"), ("bowl", "plate", "cup"))
    named = [replace(found.instances[0], name=one.name, origin="clicked", pointed=one.id) for one in objects.current()]
    instances = (*named[:1], *found.instances[len(named[:1]) :])
    folder = run.episode_folder("take") / FOLDER
    write_findings(folder, replace(found, instances=instances, objects=objects.version), arrays)


def test_it_is_kept_followed_renamed_and_removed_and_the_view_stays(page: Any, own: tuple[Server, RunFolder]) -> None:
    server, run = own
    opened(page, f"{server.address}/?frame=5&site=vision.7&mode=segments&pair=2-3")
    page.keyboard.press("a")
    page.mouse.click(*spot(page, 0.15, 0.37))
    page.keyboard.type(EVIL)
    page.keyboard.press("Enter")
    until(page, lambda: len(written(run)) == 1)
    assert (written(run)[0].name, written(run)[0].frame) == (EVIL, 5)
    # This run was made without a policy, so the work ends with an error, which is told in words.
    page.locator(".objects .alarm").wait_for(timeout=60_000)
    assert page.get_by_role("button", name="Try again").is_visible()
    assert page.locator(".object-name").inner_text() == EVIL
    followed(run)
    page.locator(".objects-list li:not(.pending)").wait_for()
    assert page.locator(".lane-instance .lane-name").first.inner_text() == EVIL
    state = page.evaluate(
        "[...document.querySelectorAll('*')].map((e) => e.shadowRoot).find((r) => r?.querySelector('.lens'))"
        ".querySelector('.lens-root').lens.view.state"
    )
    assert (state["frame"], state["site"], state["mode"], state["pair"]) == (5, "vision.7", "segments", [2, 3])
    page.get_by_role("button", name=f"Rename {EVIL}").click()
    page.locator(".rename").fill("mug")
    page.keyboard.press("Enter")
    until(page, lambda: [one.name for one in written(run)] == ["mug"])
    assert written(run)[0].patches, "a new name changes nothing else"
    page.get_by_role("button", name="Remove mug").click()
    until(page, lambda: not written(run))
    page.get_by_text("Point at a thing that was not found").wait_for()
    assert [line["name"] for line in history(run)] == [EVIL, "mug", "mug"]


def history(run: RunFolder) -> list[dict[str, Any]]:
    import json

    return [json.loads(line) for line in EpisodeObjects(run.path, "take").path.read_text().splitlines()]


def test_two_pages_adding_at_once_lose_nothing(page: Any, own: tuple[Server, RunFolder]) -> None:
    server, run = own
    other = page.context.new_page()
    for tab in (page, other):
        opened(tab, f"{server.address}/?frame=2")
    for tab, name, across in ((page, "mine", 0.15), (other, "yours", 0.5)):
        tab.bring_to_front()
        tab.keyboard.press("a")
        tab.mouse.click(*spot(tab, across, 0.37))
        tab.keyboard.type(name)
        tab.keyboard.press("Enter")
    until(page, lambda: {one.name for one in written(run)} == {"mine", "yours"})
    page.bring_to_front()
    page.locator(".object-name", has_text="yours").wait_for(timeout=30_000)


def test_what_cannot_be_kept_is_said_and_sent_again(page: Any, own: tuple[Server, RunFolder]) -> None:
    server, run = own
    (run.path / "objects").write_text("in the way")
    opened(page, server.address)
    page.keyboard.press("a")
    page.mouse.click(*spot(page, 0.15, 0.37))
    page.keyboard.type("bowl")
    page.keyboard.press("Enter")
    page.get_by_text("Not saved:").wait_for()
    (run.path / "objects").unlink()
    until(page, lambda: len(written(run)) == 1)
