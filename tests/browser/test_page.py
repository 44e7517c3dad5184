"""The Streamlit page around the player: links, what goes to the server and comes back, and what survives its death."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from driving import Server, opened, recorded, serving
from made_runs import make_run
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from analyzer.reviews import EpisodeReviews
from analyzer.run_folder import RunFolder
from foundation.names import safe_name


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server on a folder in which runs may still appear."""
    folder = tmp_path_factory.mktemp("shelf")
    with serving([folder], tmp_path_factory.mktemp("server")) as server:
        yield server, folder


def two_takes(folder: Path, recordings: Path) -> RunFolder:
    return make_run(folder, *(recorded(recordings / f"take{number}.mp4", 8) for number in range(2)))


@pytest.fixture
def own(shelf: tuple[Server, Path], tmp_path: Path, request: pytest.FixtureRequest) -> tuple[str, RunFolder]:
    """The address of a run of two episodes that the test may write to."""
    server, folder = shelf
    run = two_takes(folder / safe_name(request.node.name), tmp_path)
    return f"{server.address}/?run={run.path.name}", run


def reviews(run: RunFolder, episode: str = "take0") -> EpisodeReviews:
    return EpisodeReviews(run.path, episode)


def saved(page: Any) -> None:
    page.wait_for_function(
        "[...document.querySelectorAll('*')].some((e) => e.shadowRoot?.querySelector('.save-state')?.textContent === 'Saved')",
        timeout=8000,
    )


def test_a_link_opens_the_page_on_its_frame_and_the_page_keeps_it(page: Any, server: Server) -> None:
    opened(page, f"{server.address}/?run=run&episode=take&frame=12&mode=segments&site=vision.7")
    assert page.locator(".picture").get_attribute("data-frame") == "12"
    assert page.locator(".site[aria-checked=true] .site-name").inner_text() == "vision.7"
    assert page.locator(".segmented [aria-checked=true]").first.inner_text() == "Segments"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("location.search.includes('frame=13')")
    page.reload()
    page.wait_for_selector(".lens[data-ready]")
    page.wait_for_function("location.search.includes('frame=13') && location.search.includes('site=vision.7')")
    assert page.locator(".picture").get_attribute("data-frame") == "13"


def test_a_message_that_is_too_long_ends_its_connection_and_nothing_else(server: Server) -> None:
    socket = server.address.replace("http", "ws") + "/_stcore/stream"
    with connect(socket, subprotocols=[Subprotocol("streamlit")], origin=Origin(server.address)) as sender:
        # The head alone of a message of 25 MB: who still sends when it is refused may meet the reset connection first.
        sender.socket.sendall(b"\x82\xff" + (25 << 20).to_bytes(8, "big") + bytes(4))
        with suppress(ConnectionClosed):
            list(sender)  # until it is closed
    assert sender.close_code == 1009, "too big (RFC 6455, 7.4.1)"
    with urllib.request.urlopen(f"{server.address}/_stcore/health") as answer:
        assert answer.status == 200


def test_an_unknown_run_or_episode_is_said_plainly(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/?run=%3Cb%3Enone")
    page.get_by_text("There is no run").wait_for()
    page.goto(f"{server.address}/?run=run&episode=none")
    page.get_by_text("has no episode").wait_for()
    assert page.get_by_text("Traceback").count() == 0


def test_a_verdict_tags_and_a_note_are_saved_at_once(page: Any, own: tuple[str, RunFolder]) -> None:
    address, run = own
    opened(page, f"{address}&episode=take0")
    page.get_by_role("radio", name="real").click()
    page.get_by_label("Add a tag").fill("bowl <b>")
    page.get_by_label("Add a tag").press("Enter")
    page.get_by_label("Note").fill("took the plate </textarea>")
    saved(page)
    (review,) = reviews(run).current()
    assert (review.case, review.verdict, review.tags) == ("case-0", "real", ("bowl <b>",))
    assert review.note == "took the plate </textarea>"
    page.reload()
    page.wait_for_selector(".lens[data-ready]")
    assert page.get_by_label("Note").input_value() == "took the plate </textarea>"
    assert page.locator(".case .verdict").inner_text() == "real"


def test_a_note_survives_the_death_of_the_server(page: Any, tmp_path: Path) -> None:
    run = two_takes(tmp_path / "run", tmp_path)
    with serving([run.path], tmp_path) as server:
        opened(page, server.address)
        page.get_by_label("Note").fill("first")
        saved(page)  # and then it is killed, as kill -9 does
    assert [review.note for review in reviews(run).current()] == ["first"]
    # Typed while nobody listens: it goes out once there is somebody again.
    page.get_by_label("Note").fill("first, and second")
    page.wait_for_timeout(500)
    with serving([run.path], tmp_path, port=server.port):
        opened(page, server.address)
        for _ in range(100):
            notes = [review.note for review in reviews(run).current()]
            if notes == ["first, and second"]:
                break
            page.wait_for_timeout(100)
        assert notes == ["first, and second"]


def test_two_pages_lose_nothing_to_each_other(page: Any, own: tuple[str, RunFolder]) -> None:
    address, run = own
    other = page.context.new_page()
    for tab in (page, other):
        opened(tab, f"{address}&episode=take0")
    for number in range(12):
        for tab, name in ((page, "a"), (other, "b")):
            tab.get_by_label("Note").fill(f"{name}{number}")
            tab.wait_for_timeout(60)
    for tab in (page, other):
        tab.get_by_label("Note").blur()
        saved(tab)
    assert sorted(review.note for review in reviews(run).current()) == ["a11", "b11"]


NOTES = """async ([name, first, count]) => {
  const root = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).find((r) => r?.querySelector('.lens'));
  const { view } = root.querySelector('.lens-root').lens, note = root.querySelector('.review textarea');
  for (let number = 0; number < count; number++) {
    view.set({case: `case-${first + number}`});
    note.value = `${name} on ${number}`;
    note.dispatchEvent(new Event('input'));
    note.dispatchEvent(new Event('blur'));
    await new Promise((go) => setTimeout(go, 20));
  }
}"""


@pytest.mark.parametrize("count", [25, pytest.param(100, marks=pytest.mark.slow)])
def test_two_pages_writing_many_notes_each_lose_none(page: Any, own: tuple[str, RunFolder], count: int) -> None:
    address, run = own
    path = run.episode_folder("take0") / "findings" / "findings.json"
    stored = json.loads(path.read_text())
    cases = [{**stored["cases"][0], "id": f"case-{number}"} for number in range(2 * count)]
    path.write_text(json.dumps({**stored, "cases": cases}))
    other = page.context.new_page()
    for tab in (page, other):
        opened(tab, f"{address}&episode=take0")
    players = [
        tab.evaluate_handle(
            "[...document.querySelectorAll('*')].find((e) => e.shadowRoot?.querySelector('.lens-root')).shadowRoot.querySelector('.lens')"
        )
        for tab in (page, other)
    ]
    for tab in (page, other):
        # Each on cases of its own: of the same person's note on the same case, the one who has seen it makes another version.
        tab.evaluate(
            f"about => {{ ({NOTES})(about) }}", ["mine", 0, count] if tab is page else ["theirs", count, count]
        )
    wanted = {f"{name} on {number}" for name in ("mine", "theirs") for number in range(count)}
    end = time.monotonic() + 60
    while time.monotonic() < end and {review.note for review in reviews(run).current()} != wanted:
        page.wait_for_timeout(200)
    assert {review.note for review in reviews(run).current()} == wanted
    nothing_waits = "!Object.keys(localStorage).some((key) => key.startsWith('trajectory-lens/outbox'))"
    for tab in (page, other):
        tab.wait_for_selector(".lens[data-ready] .review")
        tab.wait_for_function(nothing_waits)
    assert all(player.evaluate("(it) => it.isConnected") for player in players), "the same players all along"


def test_what_cannot_be_saved_is_said_and_stays_on_the_page(page: Any, own: tuple[str, RunFolder]) -> None:
    address, run = own
    (run.path / "reviews").write_text("in the way")
    opened(page, f"{address}&episode=take0")
    page.get_by_label("Note").fill("do not lose me")
    page.locator(".save-state.failed").wait_for()
    assert "Not saved" in page.locator(".save-state").inner_text()
    assert page.get_by_label("Note").input_value() == "do not lose me"
    (run.path / "reviews").unlink()
    saved(page)
    assert [review.note for review in reviews(run).current()] == ["do not lose me"]


def test_a_damaged_episode_is_said_plainly(page: Any, own: tuple[str, RunFolder]) -> None:
    address, run = own
    (run.episode_folder("take0") / "episode.json").write_text("{}")
    page.goto(f"{address}&episode=take0")
    page.get_by_text("This episode cannot be shown").wait_for()
    assert "damaged" in page.locator(".lens").inner_text()


def test_up_and_down_go_from_episode_to_episode(page: Any, own: tuple[str, RunFolder]) -> None:
    address, _ = own
    opened(page, f"{address}&episode=take0&frame=3")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("location.search.includes('episode=take1')")
    page.locator(".facts", has_text="take1").wait_for()
    page.wait_for_selector(".picture[data-frame='4']")
    page.keyboard.press("ArrowUp")
    page.wait_for_function("location.search.includes('episode=take0')")


def test_the_page_asks_nobody_else_for_anything(page: Any, server: Server) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2] if "://" in request.url else ""))
    opened(page, server.address)
    page.wait_for_timeout(500)
    assert {host for host in hosts if not host.startswith("127.0.0.1")} <= {""}


def test_the_theme_follows_the_browser_while_it_is_open(page: Any, server: Server) -> None:
    page.emulate_media(color_scheme="light")
    opened(page, server.address)
    shown = page.locator(".lens")
    for scheme, color in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(16, 18, 22)")):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        assert shown.evaluate("(e) => getComputedStyle(e).backgroundColor") == color
