"""Two episodes side by side: what is on the screen belongs together, and the address brings all of it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import Server, recorded, serving
from made_runs import make_run
from recordings import barcode, write_clip

from videos.catalog import open_episode
from videos.episode import Episode

HOSTILE = "<img src=x onerror=\"document.title='hacked'\">"
ROOT = (
    """[...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.lens-root')).find((e) => e?.lens)"""
)
READ_BOTH = """
  const pair = ROOT.lens.pair;
  const read = (side) => { const canvas = side.stage.picture, context = canvas.getContext('2d');
    const [x, y, w, h] = side.episode.cameras[0].rect.map((one) => one * canvas.width / side.stage.size.width);
    let code = 0; for (let bit = 0; bit < 8; bit++) {
      const [r, g, b] = context.getImageData(Math.floor(x + (2 * bit + 1) / 16 * w), Math.floor(y + 0.25 * h), 1, 1).data;
      const v = (r + g + b) / 3; if (v > 90 && v < 165) return -1; code = 2 * code + (v > 127 ? 1 : 0); }
    return code; };
  const wanted = (at) => [pair.clock.moments.a[at], pair.clock.moments.b[at]].join();
  const shown = () => [read(pair.a), read(pair.b)].join();
""".replace("ROOT", ROOT)
SEEKS = (
    "async (count) => {"
    + READ_BOTH
    + """
  const wrong = []; let state = 7;
  for (let i = 0; i < count; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const at = Math.floor(state / 65536) % pair.clock.count;
    pair.clock.seek(at);
    while (pair.clock.going !== null || pair.clock.at !== at) await new Promise((go) => setTimeout(go, 2));
    if (shown() !== wanted(at)) wrong.push([at, shown(), wanted(at)]);
  }
  return wrong; }"""
)
PLAYBACK = (
    "async () => {"
    + READ_BOTH
    + """
  const seen = [], show = pair.clock.onmoment;
  pair.clock.seek(0); while (pair.clock.going !== null || pair.clock.at !== 0) await new Promise((go) => setTimeout(go, 2));
  pair.clock.onmoment = (at) => { show(at); seen.push([at, shown(), wanted(at)]); };
  pair.clock.play();
  while (pair.clock.playing) await new Promise((go) => setTimeout(go, 20));
  return seen; }"""
)


def acted(home: Path, name: str, frames: int, rate: int, held: list[tuple[int, int]], *, success: bool) -> Episode:
    """A recording of barcodes whose gripper is closed from … to … ."""
    folder = home / name
    write_clip(
        folder / "agentview.mp4",
        [barcode(n, 96, 128) for n in range(frames)],
        [90000 // rate * n for n in range(frames)],
    )
    action = np.sin(np.arange(frames * 7).reshape(frames, 7) / 5)
    action[:, 6] = -1
    for first, last in held:
        action[first:last, 6] = 1
    np.savez(folder / "data.npz", action=action)
    about = {"language": f"put {HOSTILE} down", "success": success, "length": frames}
    (folder / "meta.json").write_text(json.dumps(about))
    return open_episode(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """both: a failure and a shorter, slower success; coarse: the failure at other sites on another grid; copy: the failure
    again; plain: a video alone, not searched."""
    home = tmp_path_factory.mktemp("compared")
    missed = acted(home, "missed", 60, 20, [(10, 20), (35, 50)], success=False)
    worked = acted(home, "worked", 44, 15, [(16, 36)], success=True)
    make_run(home / "runs" / "both", missed, worked, names=(HOSTILE, "plate", "cup"))
    make_run(home / "runs" / "coarse", missed, sites=("vision.5", "vision.9"), grid=(3, 4))
    make_run(home / "runs" / "copy", missed)
    make_run(home / "runs" / "plain", recorded(home / "clip.mp4", 30), with_findings=False, sites=("vision.3",))
    return home / "runs"


@pytest.fixture(scope="module")
def shelf(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving([runs], tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def beside(page: Any, shelf: Server) -> Any:
    """Opens the page on two episodes and waits until both are there, and what differs."""

    def beside(a: str, b: str, more: str = "") -> Any:
        (run, episode), (run_b, episode_b) = a.split("/"), b.split("/")
        page.goto(f"{shelf.address}/compare?run={run}&episode={episode}&run_b={run_b}&episode_b={episode_b}{more}")
        return settled(page)

    return beside


def settled(page: Any) -> Any:
    page.set_default_timeout(60_000)
    page.wait_for_selector(".lens.compare[data-ready]")
    page.wait_for_function(ROOT + ".lens.pair.differences.found || " + ROOT + ".querySelector('.about .alarm')")
    page.wait_for_function(ROOT + ".lens.pair.clock.going === null")
    return page


def value(page: Any, expression: str) -> Any:
    return page.evaluate(f"() => {{ const pair = {ROOT}.lens.pair; return {expression}; }}")


def test_what_is_shown_together_belongs_together_on_every_clock(beside: Any) -> None:
    page = beside("both/missed", "both/worked", "&clock=time&mode=off&outlines=off")
    for clock, seeks in (("time", 40), ("step", 40), ("phase", 100)):
        page.evaluate(f"{ROOT}.lens.pair.align('{clock}')")
        assert value(page, "pair.told.name") == clock
        assert page.evaluate(SEEKS, seeks) == []


@pytest.mark.parametrize("clock", ["time", "phase"])
def test_playing_never_sets_a_frame_beside_one_that_it_does_not_belong_to(beside: Any, clock: str) -> None:
    page = beside("both/missed", "both/worked", f"&clock={clock}&mode=off&outlines=off")
    seen = page.evaluate(PLAYBACK)
    assert [one for one in seen if one[1] != one[2]] == []
    assert seen[-1][0] == value(page, "pair.clock.count") - 1
    assert len(seen) > 5


def test_closings_of_the_gripper_meet_in_phase(beside: Any) -> None:
    page = beside("both/missed", "both/worked")
    assert value(page, "pair.told.matched.map(([kind]) => kind)") == ["close", "open"]
    at = value(page, "pair.told.matched[0][1]")
    page.evaluate(f"{ROOT}.lens.pair.seekTo({at + 0.003})")
    page.wait_for_function(ROOT + ".lens.pair.clock.going === null")
    assert value(page, "[pair.clock.moments.a[pair.clock.at], pair.clock.moments.b[pair.clock.at]]") == [10, 16]
    page.get_by_role("radio", name="Time", exact=True).click()
    page.wait_for_function("location.search.includes('clock=time')")
    page.wait_for_function(ROOT + ".lens.pair.clock.going === null")
    assert value(page, "pair.clock.moments.a[pair.clock.at]") == 10, "A stays where it was"
    assert value(page, "pair.clock.moments.b[pair.clock.at]") == 7


def test_the_address_brings_everything_back(beside: Any) -> None:
    page = beside(
        "both/missed", "both/worked", "&clock=step&at=21&mode=segments&site=vision.3&site_b=vision.7&segments=4"
    )
    page.get_by_role("button", name="without a difference").click()
    page.locator(".differences .case").nth(1).click()
    page.wait_for_function("location.search.includes('difference=1')")
    page.get_by_role("slider", name="Opacity").fill("0.35")
    page.wait_for_function("location.search.includes('opacity=35')")
    state = """[pair.told.name, pair.clock.at, pair.differences.chosen, ...['a', 'b'].map((s) => JSON.stringify(
        Object.fromEntries(Object.entries(pair[s].view.state).filter(([k]) => k !== 'outlines'))))]"""
    page.wait_for_timeout(500)
    before = value(page, state)
    assert "-" in (page.url.split("pair_b=")[1])
    page.goto(page.url)
    settled(page)
    assert value(page, state) == before


def test_a_difference_leads_both_sides_to_where_it_shows(beside: Any) -> None:
    page = beside("both/missed", "coarse/missed")
    # The page opens on what differs most.
    assert page.locator(".differences .case.chosen").count() == 1
    assert value(page, "[pair.a.view.state.pair, pair.b.view.state.pair]") == [[1, 2], [1, 2]]
    assert value(page, "pair.clock.at") >= 30
    page.keyboard.press("n")
    page.wait_for_function("location.search.includes('difference=1')")
    assert HOSTILE in page.locator(".differences .sentence").first.inner_text()
    assert page.title() != "hacked"
    assert page.locator(".differences img").count() == 0


def test_b_is_painted_as_a_would_or_in_its_own_colours(beside: Any) -> None:
    page = beside("both/missed", "copy/missed", "&site=vision.7&site_b=vision.7&at=9&mode=colors&opacity=100")
    drawn = "pair.b.episode.site('vision.7').colors"
    page.wait_for_function(f"() => {{ const pair = {ROOT}.lens.pair; return pair.agreed?.size && {drawn}.shape; }}")
    assert value(page, f"{drawn} !== pair.b.own.get('vision.7')")
    assert value(page, f"{drawn}.shape") == value(page, "pair.a.episode.site('vision.7').colors.shape")
    page.get_by_role("button", name="B in the colours of A").click()
    assert value(page, f"{drawn} === pair.b.own.get('vision.7')")


@pytest.mark.parametrize(
    ("b", "words"),
    [("both/worked", None), ("coarse/missed", None), ("plain/clip", "No basis and no picture in common")],
)
def test_a_clicked_patch_is_looked_for_on_both_sides(beside: Any, b: str, words: str | None) -> None:
    page = beside("both/missed", b)
    page.locator(".column.a .marks").click(position={"x": 60, "y": 60})
    page.wait_for_function(ROOT + ".lens.pair.a.painter.similarities.size === 1")
    if words:
        page.locator(".column.b .stage-message", has_text=words).wait_for()
    else:
        page.wait_for_function(ROOT + ".lens.pair.b.painter.similarities.size === 1")
    page.wait_for_function("location.search.includes('patch=') && location.search.includes('mode=similarity')")
    assert "patch_b=" not in page.url
    page.goto(page.url)
    settled(page)
    page.wait_for_function(ROOT + ".lens.pair.a.painter.similarities.size === 1")


def test_what_is_missing_is_said(beside: Any) -> None:
    page = beside("both/missed", "plain/clip", "&clock=time")
    assert "not recorded in B" in page.get_by_role("radio", name="Step").get_attribute("title")
    assert page.get_by_role("radio", name="Step").is_disabled()
    assert "nobody has looked for confusion" in page.locator(".missing").first.inner_text()
    assert "Analyse both recordings in one run" in page.locator(".colors-panel").inner_text()
    page.keyboard.press("End")
    page.locator(".column.b .over-note").wait_for()
    assert "B has ended" in page.locator(".column.b .over-note").inner_text()
    assert page.locator(".column.a .over-note:visible").count() == 0


def test_two_sites_of_one_episode(beside: Any) -> None:
    page = beside("both/missed", "both/missed")
    assert value(page, "[pair.a.view.state.site, pair.b.view.state.site]") == ["vision.3", "vision.11"]
    assert "frame by frame" in page.locator(".clock-bar").inner_text()
    page.locator(".column.b .site").first.click()
    page.get_by_text("Both sides show the same site").wait_for()
    page.locator(".column.b .site").nth(1).click()
    page.locator(".differences .sentence", has_text="at vision.7").first.wait_for()


def test_a_bad_address_is_said_plainly(page: Any, shelf: Server) -> None:
    page.set_default_timeout(60_000)
    for address, words in (
        ("run=none&episode=x&run_b=both", "There is no run"),
        ("run=both&episode=missed&run_b=both&episode_b=%3Cb%3Enone", "has no episode"),
        ("run=plain&episode=clip&run_b=plain&episode_b=clip", "Both sides are the same"),
    ):
        page.goto(f"{shelf.address}/compare?{address}")
        page.get_by_text(words).first.wait_for()
        assert page.get_by_text("Traceback").count() == 0


def test_a_damaged_side_is_said_plainly(page: Any, shelf: Server, runs: Path) -> None:
    page.set_default_timeout(60_000)
    path = runs / "copy" / "episodes" / "missed" / "episode.json"
    content = path.read_bytes()
    path.write_text("{}")
    try:
        page.goto(f"{shelf.address}/compare?run=both&episode=missed&run_b=copy&episode_b=missed")
        page.get_by_text("These two cannot be shown side by side").wait_for()
        assert "damaged" in page.locator(".lens").inner_text()
    finally:
        path.write_bytes(content)


def test_from_the_review_page_by_way_of_what_is_offered(page: Any, shelf: Server) -> None:
    page.set_default_timeout(60_000)
    page.goto(f"{shelf.address}/?run=both&episode=missed&site=vision.7")
    page.wait_for_selector(".lens[data-ready]", timeout=20_000)
    page.get_by_role("button", name="Set another episode, run or site beside this one").click()
    page.get_by_text("Compare missed with").wait_for()
    page.get_by_role("button", name="worked · success").click()
    settled(page)
    assert "episode_b=worked" in page.url
    page.get_by_role("button", name="⇄").click()
    page.wait_for_function("location.search.includes('episode=worked')")
    settled(page)
    assert page.locator(".column.b .side-name").inner_text() == "missed"


def test_two_lines_of_the_library(page: Any, shelf: Server) -> None:
    page.set_default_timeout(60_000)
    page.goto(f"{shelf.address}/library")
    page.locator(".row", has_text="worked").get_by_role("button", name="Compare").click()
    page.get_by_text("choose another").wait_for()
    page.locator(".row", has_text="coarse").get_by_role("button", name="Compare with this").click()
    settled(page)
    assert "episode=worked" in page.url
    assert "run_b=coarse" in page.url


def test_nothing_sticks_out(beside: Any) -> None:
    page = beside("both/missed", "both/worked")
    for width in (820, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
