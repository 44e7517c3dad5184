"""Keys, time axis, links and words: everything can be reached, and says what it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driving import recorded
from made_runs import SITES, make_run

from analyzer.run_folder import RunFolder

Show = Callable[..., Any]


def state(page: Any, name: str) -> Any:
    return page.evaluate(f"lens.view.state.{name}")


def settled(page: Any, frame: int) -> None:
    page.wait_for_function(f"lens.player.clock.frame === {frame} && lens.player.clock.going === null", timeout=5000)


def test_keys(show: Show, run: RunFolder) -> None:
    page = show(run)
    press = page.keyboard.press
    for key, frame in (
        ("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", 29), ("ArrowRight", 29),
        ("Shift+ArrowLeft", 19), ("Home", 0), ("ArrowLeft", 0),
    ):  # fmt: skip
        press(key)
        settled(page, frame)
    press("[")
    assert state(page, "site") == SITES[1]
    press("]")
    press("]")
    assert state(page, "site") == SITES[2]
    press("m")
    assert state(page, "mode") == "segments"
    press("o")
    assert state(page, "mode") == "off"
    press("o")
    assert state(page, "mode") == "segments"
    press("1")
    assert state(page, "solo")["kind"] == "segment"
    press("1")
    assert state(page, "solo") is None
    press("n")
    assert state(page, "case") == "case-0"
    settled(page, 15)
    press("n")
    assert state(page, "case") == "case-1"
    assert state(page, "pair") == [2, 3]
    settled(page, 10)
    press("p")
    settled(page, 15)
    press("?")
    assert page.locator("dialog.help").is_visible()
    press("?")
    assert not page.locator("dialog.help").is_visible()


def test_letters_typed_into_a_field_are_no_keys(show: Show, run: RunFolder) -> None:
    page = show(run, options="review: {reviewer: 'me', reviews: [], save: (entries) => { window.saved = entries; }}")
    page.locator("textarea").click()
    page.keyboard.type("on [1] mop")
    assert state(page, "mode") == "colors"
    assert state(page, "case") is None
    page.wait_for_function("window.saved?.[0]?.note === 'on [1] mop'")


def test_held_arrow_ends_on_the_last_frame_asked_for(show: Show, run: RunFolder) -> None:
    page = show(run)
    for _ in range(25):
        page.keyboard.press("ArrowRight")
    settled(page, 25)


def test_playing_stops_at_the_end_and_loops_where_asked(show: Show, run: RunFolder) -> None:
    page = show(run)
    page.evaluate("lens.player.clock.setRate(4)")
    page.keyboard.press(" ")
    settled(page, 29)
    page.wait_for_function("!lens.player.clock.playing")
    page.evaluate("lens.player.seek(5)")
    settled(page, 5)
    page.keyboard.press("l")
    page.evaluate("lens.player.seek(9)")
    settled(page, 9)
    page.keyboard.press("l")
    page.evaluate("window.frames = []; lens.view.listen(() => window.frames.push(lens.view.state.frame)); 0")
    page.keyboard.press(" ")
    page.wait_for_timeout(1200)
    page.keyboard.press(" ")
    frames = page.evaluate("window.frames")
    assert set(frames) <= set(range(5, 10))
    assert sum(b < a for a, b in itertools.pairwise(frames)) >= 2, "it went round"


def test_the_axis_seeks_where_it_is_pressed_and_dragged(show: Show, run: RunFolder) -> None:
    page = show(run)
    canvas = page.locator(".lane-ruler canvas").bounding_box()
    for share, frame in ((0.5, 14), (0.999, 29), (0.02, 0)):
        page.mouse.click(canvas["x"] + share * canvas["width"], canvas["y"] + 8)
        page.wait_for_function(f"Math.abs(lens.player.clock.frame - {frame}) <= 1")
    page.mouse.move(canvas["x"] + 0.2 * canvas["width"], canvas["y"] + 8)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 0.8 * canvas["width"], canvas["y"] + 300, steps=8)
    page.mouse.up()
    page.wait_for_function("Math.abs(lens.player.clock.frame - 23) <= 1")


def test_a_view_is_a_link_that_restores_it(show: Show, run: RunFolder) -> None:
    hash_link = (
        "link: {read: (n) => new URLSearchParams(location.hash.slice(1)).get(n), write: (changes) => {"
        "const p = new URLSearchParams(location.hash.slice(1));"
        "for (const [k, v] of Object.entries(changes)) v === null ? p.delete(k) : p.set(k, v);"
        "history.replaceState(null, '', '#' + p); }}"
    )
    page = show(run, options=hash_link)
    patch = {"frame": 3, "camera": 0, "row": 1, "column": 2, "site": SITES[1]}
    wanted = {"site": SITES[1], "mode": "similarity", "patch": patch, "pair": [1, 3], "segments": 4, "case": "case-1"}
    page.evaluate("(state) => lens.view.set(state)", wanted)
    page.evaluate("lens.player.seek(21)")
    page.wait_for_function("location.hash.includes('frame=21')")
    page.reload()
    page.wait_for_selector(".lens[data-ready]")
    settled(page, 21)
    assert {name: state(page, name) for name in wanted} == wanted


def test_it_opens_on_what_looks_wrong_first(show: Show, run: RunFolder) -> None:
    page = show(run, as_opened=True)
    settled(page, 15)
    assert state(page, "case") == "case-0"
    assert state(page, "pair") == [1, 2]
    assert state(page, "site") == SITES[-1]


def test_no_case_and_no_pair_are_views_too(show: Show, run: RunFolder) -> None:
    written = (
        "link: {read: (name) => (window.LINK ?? {})[name] ?? null, write: (changes) => { window.LINK = changes; }}"
    )
    page = show(run, options=written)
    page.locator(".case").first.click()
    assert state(page, "case") == "case-0"
    page.locator(".case").first.click()
    page.locator(".pair-panel select").select_option("")
    assert (state(page, "case"), state(page, "pair")) == (None, None)
    page.wait_for_function("window.LINK?.case === '-' && window.LINK?.pair === '-'")


@pytest.mark.parametrize(
    "bad",
    ["frame=-1", "frame=1e9", "site=<b>", "mode=none", "pair=9-9", "patch=0.0.99.0", "patch=a", "solo=x", "case=none"],
)
def test_a_link_that_asks_for_what_is_not_there_is_ignored(show: Show, run: RunFolder, bad: str) -> None:
    name, _, value = bad.partition("=")
    read = f"(name) => name === {name!r} ? {value!r} : null"
    page = show(run, options=f"link: {{read: {read}, write: () => {{}}}}", as_opened=True)
    assert state(page, "frame") == 15
    assert state(page, "mode") == "colors"
    assert state(page, "site") == SITES[-1]


def test_hostile_names_are_shown_as_text(show: Show, tmp_path: Path) -> None:
    evil = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=2</script>'
    names = (evil, "</div><b>plate</b>", "cup & ' \" </script>")
    run = make_run(tmp_path / "run", recorded(tmp_path / "t.mp4", 6), names=names, instruction=evil)
    review = "{id: 'x', case: 'case-0', author: EVIL, verdict: null, tags: [EVIL], note: EVIL, version: 1}"
    options = f"review: {{reviewer: 'me', reviews: [{review}], save: () => {{}}}}".replace(
        "EVIL", "'<img src=x onerror=hacked=3>'"
    )
    page = show(run, options=options)
    page.keyboard.press("n")
    box = page.locator(".marks").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 6, box["y"] + box["height"] * 0.37)
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert page.locator("h2").inner_text() == evil
    assert page.locator(".lens img:not([src^='data:image/png'])").count() == 0
    assert page.locator(".stage .tip .who").inner_text() == evil
    assert evil in page.locator(".case .sentence").first.text_content()
    assert "<img src=x onerror=hacked=3>" in page.locator("blockquote").inner_text()


def test_screen_readers_are_told(show: Show, run: RunFolder) -> None:
    page = show(run)
    page.keyboard.press("n")
    settled(page, 15)
    axis = page.locator("[role=slider][aria-label=Time]")
    assert axis.get_attribute("aria-valuetext") == "frame 15 of 30, 0.75 s"
    assert page.locator(".said").inner_text().startswith("Case 1: ")
    nameless = page.evaluate(
        "[...document.querySelectorAll('.lens button, .lens select, .lens input, .lens textarea')]"
        ".filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert nameless == []
    assert "bowl" in page.locator(".picture").get_attribute("aria-label")
