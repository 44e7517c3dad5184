"""Less than everything: each state is designed, none is an error or a blank page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driving import recorded
from made_runs import make_run

Show = Callable[..., Any]


def test_without_findings(show: Show, tmp_path: Path) -> None:
    page = show(make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 6), with_findings=False))
    assert "has not been searched" in page.locator(".findings").inner_text()
    assert page.get_by_role("radio", name="Confusion").is_disabled()
    assert "not recorded" in page.locator(".timeline").inner_text()
    page.keyboard.press("n")
    page.keyboard.press("b")


def test_one_frame(show: Show, tmp_path: Path) -> None:
    page = show(make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 1), with_findings=False))
    for key in ("ArrowRight", "End", " ", "Home"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert page.locator(".where").inner_text().startswith("0 / 0")


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_without_a_preview_patches_are_shown_and_it_is_said(show: Show, tmp_path: Path, damage: str) -> None:
    run = make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 6))
    preview = run.preview(run.manifest.done[0])
    if damage == "missing":
        preview.unlink()
    else:
        preview.write_bytes(preview.read_bytes()[:300])
    page = show(run)
    assert "preview" in page.locator(".warning").inner_text()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("lens.player.clock.frame === 1")
    page.keyboard.press(" ")
    page.wait_for_function("lens.player.clock.frame === 5 && !lens.player.clock.playing")


def test_a_video_that_the_browser_cannot_play_leaves_the_patches(show: Show, tmp_path: Path) -> None:
    page = show(make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 6)))
    page.evaluate("lens.player.stage.video.src = 'data:video/mp4;base64,AAAAAAAA'")
    page.get_by_text("cannot play the preview").wait_for()
    page.keyboard.press("End")
    page.wait_for_function("lens.player.stage.drawn === 5")
    drawn = "document.querySelector('.picture').getContext('2d').getImageData(9, 9, 1, 1).data.slice(0, 3).join()"
    assert page.evaluate(drawn) != "16,18,22"


def test_a_damaged_part_is_left_out_and_named(show: Show, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 6))
    episode = run.manifest.done[0]
    (run.episode_folder(episode) / "findings" / "findings.json").write_text("{")
    shutil.rmtree(run.site_folder(episode, "vision.7"))
    page = show(run)
    assert page.locator(".site").count() == 2
    said = page.locator(".warning").inner_text()
    assert "vision.7" in said
    assert "Findings" in said


def test_light_and_dark(show: Show, tmp_path: Path) -> None:
    page = show(make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 3)))
    color = "getComputedStyle(document.querySelector('.lens')).backgroundColor"
    assert page.evaluate(color) == "rgb(16, 18, 22)"
    page.evaluate("lens.setTheme('light')")
    assert page.evaluate(color) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [820, 1100, 1600])
def test_nothing_sticks_out(show: Show, tmp_path: Path, width: int) -> None:
    page = show(make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 3)))
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(150)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
