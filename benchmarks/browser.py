"""How fast the page answers: python -m benchmarks.browser [RUN] [--frames 12000]. Chromium drives it, through Playwright.

Each figure is measured in the page itself, from the event to the picture: an arrow key until the frame meant is drawn with
its overlay, a change of site until its colours are drawn, a click until similarity is on the screen (eigenvectors already
fetched, and cold), a link until its exact frame is drawn. Memory is what only the tab's process holds. Of ten sessions at
once it is what the server takes, heard at its sockets: ten browsers on this machine would measure themselves. Exactness is
read off the screen, from barcodes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests" / "videos")]

from driving import opened, recorded, serving, standalone  # noqa: E402
from find_browser import find_browser  # noqa: E402
from made_runs import make_run  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: E402
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: E402
from test_frames import PLAYBACK, SEEKS  # noqa: E402
from websockets.sync.client import connect  # noqa: E402
from websockets.typing import Origin, Subprotocol  # noqa: E402

from analyzer.run_folder import RunFolder  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-quic"]
KEYS, SITES, CLICKS, OPENINGS = 120, 60, 12, 10
LIMITS = {"key": 50, "site": 50, "click": 100, "cold click": None, "open": 3000, "panel": 300, "together": 1000}
SESSIONS, PAGES_EACH = 10, 12

DOOR = """
  const root = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).find((r) => r?.querySelector('.lens'));
  const lens = root.querySelector('.lens-root').lens, player = lens.player;
  const pause = (ms = 0) => new Promise((go) => setTimeout(go, ms));
"""
ARROWS = (
    "async (count) => {"
    + DOOR
    + """
  const took = [], last = player.episode.times.length - 1;
  let by = 1;
  for (let i = 0; i < count; i++) {
    if (player.clock.frame + by > last || player.clock.frame + by < 0) by = -by;
    const wanted = player.clock.frame + by, from = performance.now();
    document.dispatchEvent(new KeyboardEvent('keydown', {key: by > 0 ? 'ArrowRight' : 'ArrowLeft', bubbles: true}));
    while (player.stage.drawn !== wanted || player.clock.going !== null) await pause();
    took.push(performance.now() - from);
    await pause(60);
  }
  return took; }"""
)
SWITCHES = (
    "async (count) => {"
    + DOOR
    + """
  const took = [], sites = player.episode.sites;
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    lens.view.set({site: sites[(i * 5 + 1) % sites.length].name});
    took.push(performance.now() - from);
    await pause(60);
  }
  return took; }"""
)
CLICKED = (
    "async ([count, cold]) => {"
    + DOOR
    + """
  const took = [], site = player.episode.site(lens.view.state.site);
  for (let i = 0; i < count; i++) {
    lens.view.set({patch: null, mode: 'colors'});
    await pause(600);
    if (cold) site.eigenvectors.release();
    const [rows, columns] = site.grid, from = performance.now();
    const patch = {frame: player.episode.analysed(player.clock.frame), camera: 0, row: (3 * i) % rows, column: (5 * i) % columns};
    lens.view.set({patch: {...patch, site: site.name}, mode: 'similarity'});
    while (!player.painter.similarities.has(site.name)) await pause();
    took.push(performance.now() - from);
    while (player.painter.similarities.size < player.episode.sites.length) await pause(20);
  }
  return took; }"""
)

MARKED = """(() => {
  const mark = performance.getEntriesByName('lens picture')[0];
  const root = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).find((r) => r?.querySelector('.picture'));
  return mark ? [performance.timeOrigin + mark.startTime, root.querySelector('.picture').dataset.frame] : null; })()"""
VERDICTS = (
    "async (count) => {"
    + DOOR
    + """
  const took = [], buttons = root.querySelector('.review').getElementsByClassName('real');
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    buttons[0].click();
    while (root.querySelector('.save-state').textContent !== 'Saved') await pause();
    took.push(performance.now() - from);
    await pause(500);
  }
  return took; }"""
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "run", nargs="?", type=Path, help="a finished run (default: one of 600 frames, 12 sites, 16 x 16)"
    )
    parser.add_argument("--frames", type=int, default=600, help="of the run that is made (default: 600)")
    parser.add_argument(
        "--only", choices=("opening", "times", "memory", "sessions", "exactness"), default="", help="a part of it"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    browser = find_browser()
    if browser is None:
        sys.exit("There is no Chromium here: install it, or name it in LENS_BROWSER.")
    parts = {
        "opening": lambda address: _opening(browser, address),
        "times": lambda address: _measure(browser, f"{address}/?"),
        "memory": lambda address: {"memory of the tab, stepped, played, clicked": _memory(browser, address)},
        "sessions": _sessions,
    }
    results: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, part in parts.items():
            if options.only not in ("", name):
                continue
            run = options.run
            if name == "sessions":
                run = _many_episodes(Path(scratch) / "ten")
            elif run is None:
                options.run = run = _large_run(Path(scratch), options.frames)
            with serving([run], Path(scratch)) as server:
                measured = part(server.address)
            results |= measured
            if not options.json:
                _print(measured)
        if options.only in ("", "exactness"):
            results |= (measured := _exactness(browser, Path(scratch)))
            if not options.json:
                _print(measured)
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        load = os.getloadavg()[0]
        print(f"load average {load:.1f} on {os.cpu_count()} cores: above 1 a core the times are too long")


def _print(measured: dict[str, str]) -> None:
    for line, figure in measured.items():
        print(f"{line:44} {figure}", flush=True)


def _large_run(folder: Path, frames: int) -> Path:
    episode = recorded(folder / "take.mp4", frames, [4500 * i for i in range(frames)])
    sites = tuple(f"llm.{3 * number}" for number in range(12))
    return make_run(folder / "run", episode, sites=sites, grid=(16, 16)).path


def _opening(browser: str, address: str) -> dict[str, str]:
    """From the command to go there until the exact frame is drawn, of a browser that has nothing cached.

    The page marks the moment itself and is left alone until then: whoever watches it load through the debugger (as
    Playwright does, each request) takes part of the machine that it loads on.
    """
    took = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = _headless(browser, Path(profile), "about:blank")
        try:
            port, _ = _target(Path(profile))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version") as answer:
                door = json.load(answer)["webSocketDebuggerUrl"]
            with connect(door, max_size=None) as chromium:
                for number in range(OPENINGS):
                    frame = 20 + 3 * number
                    context = _ask(chromium, "Target.createBrowserContext")["browserContextId"]
                    start = time.time()
                    about = {
                        "url": f"{address}/?frame={frame}",
                        "browserContextId": context,
                        "width": 1480,
                        "height": 1000,
                    }
                    target = _ask(chromium, "Target.createTarget", **about)["targetId"]
                    with connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", max_size=None) as tab:
                        for _ in range(60):
                            time.sleep(1.0)
                            marked = _evaluate(tab, MARKED)
                            if marked:
                                break
                        took.append(marked[0] - 1000 * start)
                        assert marked[1] == str(frame), f"frame {frame} was asked for, {marked[1]} is shown"
                    _ask(chromium, "Target.disposeBrowserContext", browserContextId=context)
        finally:
            process.kill()
            process.wait()
    return {"link to exact frame, cold browser": _figure(took, LIMITS["open"])}


def _measure(browser: str, address: str) -> dict[str, str]:
    results: dict[str, str] = {}
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1480, "height": 1000})
        page.goto(address)
        page.wait_for_selector(".lens[data-ready]", timeout=60_000)
        page.wait_for_timeout(1500)
        results["arrow key to frame with overlay"] = _figure(page.evaluate(ARROWS, KEYS), LIMITS["key"])
        results["site switch to picture"] = _figure(page.evaluate(SWITCHES, SITES), LIMITS["site"])
        results["click to similarity, first (fetches)"] = _figure(
            page.evaluate(CLICKED, [3, True]), LIMITS["cold click"]
        )
        results["click to similarity"] = _figure(page.evaluate(CLICKED, [CLICKS, False]), LIMITS["click"])
        page.keyboard.press("Home")
        results["verdict to saved on the server and said"] = _figure(page.evaluate(VERDICTS, 10), LIMITS["panel"])
        chromium.close()
    return results


def _many_episodes(folder: Path) -> Path:
    videos = [recorded(folder.with_name(f"take{number}.mp4"), 20) for number in range(SESSIONS)]
    return make_run(folder, *videos).path


def _sessions(address: str) -> dict[str, str]:
    """Each session opens one episode after the other, none at a time the one that another one asks for."""
    start = threading.Barrier(SESSIONS)
    first: list[float] = []
    later: list[float] = []
    wrong: list[tuple[int, int, set[bytes]]] = []

    def session(number: int) -> None:
        socket = address.replace("http", "ws") + "/_stcore/stream"
        with connect(socket, subprotocols=[Subprotocol("streamlit")], origin=Origin(address), max_size=None) as page:
            for turn in range(PAGES_EACH):
                wanted = (number + 3 * turn) % SESSIONS
                asked = BackMsg()
                asked.rerun_script.query_string = f"run=ten&episode=take{wanted}"
                start.wait()
                begun, content = time.perf_counter(), b""
                page.send(asked.SerializeToString())
                while True:
                    content += (part := page.recv(timeout=120, decode=False))
                    if ForwardMsg.FromString(part).WhichOneof("type") == "script_finished":
                        break
                (later if turn else first).append(1000 * (time.perf_counter() - begun))
                shown = set(re.findall(rb"/lens/run/ten/(take\d)/manifest", content))
                if shown != {f"take{wanted}".encode()}:
                    wrong.append((number, turn, shown))

    with ThreadPoolExecutor(SESSIONS) as threads:
        list(threads.map(session, range(SESSIONS)))
    return {
        f"{SESSIONS} new sessions at once, a page each": _figure(first, LIMITS["together"]),
        f"{SESSIONS} open sessions at once, another page": _figure(later, LIMITS["together"]),
        "pages with another session's episode": f"{len(wrong)} of {SESSIONS * PAGES_EACH}   limit 0",
    }


def _exactness(browser: str, scratch: Path) -> dict[str, str]:
    """Seeks and a playback of a recording of barcodes in the player, read off its picture."""
    frames = 150
    run = RunFolder.open(make_run(scratch / "codes", recorded(scratch / "codes.mp4", frames), with_findings=False).path)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=FLAGS)
        page = opened(chromium.new_page(), standalone(run, scratch / "player.html"))
        page.keyboard.press("o")  # no overlay: the picture alone
        page.evaluate(f"window.CODES = {list(range(frames))}")
        wrong = page.evaluate(SEEKS, [200, frames])
        seen = page.evaluate(PLAYBACK, 1)
        chromium.close()
    misread = sum(frame != code for frame, code in seen)
    return {
        "seeks that show another frame": f"{len(wrong)} of 200   limit 0",
        "pictures of a playback that are another frame": f"{misread} of {len(seen)}   limit 0",
    }


def _figure(milliseconds: list[float], limit: int | None) -> str:
    p50, p95, most = np.percentile(milliseconds, [50, 95, 100])
    against = "" if limit is None else f"   limit {limit}: {'met' if p95 <= limit else 'MISSED'}"
    return f"p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   max {most:6.1f} ms   n {len(milliseconds)}{against}"


def _memory(browser: str, address: str) -> str:
    """What the tab holds after stepping, playing and clicking.

    Not under Playwright: while its network domain listens, Chromium keeps every answer (up to 200 MB) in the tab.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = _headless(browser, Path(profile), address)
        try:
            _, target = _target(Path(profile))
            with connect(target, max_size=None) as tab:
                ready = "document.querySelector('.stBidiComponent *') && (() => {" + DOOR + "return player.ready; })()"
                while not _evaluate(tab, f"(() => {{ try {{ return {ready}; }} catch {{ return false; }} }})()"):
                    time.sleep(0.2)
                _evaluate(tab, f"({ARROWS})(60)")
                _evaluate(
                    tab, "(async () => {" + DOOR + "player.clock.play(); await pause(4000); player.clock.pause(); })()"
                )
                _evaluate(tab, f"({CLICKED})([4, false])")
                time.sleep(2)
                size = max(map(_private, _renderers(process.pid)), default=0.0)
        finally:
            process.kill()
            process.wait()
    return f"{size:.0f} MB private to its process   limit 300: {'met' if size <= 300 else 'MISSED'}"


def _headless(browser: str, profile: Path, address: str) -> subprocess.Popen[bytes]:
    command = [browser, "--headless", *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", address]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _target(profile: Path) -> tuple[int, str]:
    """The debugger's port and the address of the first tab's socket."""
    file = profile / "DevToolsActivePort"
    while True:
        time.sleep(0.2)
        if file.exists() and file.read_text():
            port = int(file.read_text().split()[0])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [one for one in json.load(answer) if one["type"] == "page"]
            if pages:
                return port, str(pages[0]["webSocketDebuggerUrl"])


def _ask(socket: Any, method: str, **about: Any) -> Any:
    socket.send(json.dumps({"id": 1, "method": method, "params": about}))
    while True:
        answer = json.loads(socket.recv(timeout=120))
        if answer.get("id") == 1:
            assert "error" not in answer, answer
            return answer["result"]


def _evaluate(tab: Any, expression: str) -> Any:
    about = {"expression": expression, "awaitPromise": True, "returnByValue": True}
    answer = _ask(tab, "Runtime.evaluate", **about)
    assert "exceptionDetails" not in answer, answer
    return answer["result"].get("value")


def _renderers(parent: int) -> list[int]:
    """Ids of the processes below `parent` that draw pages."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if b"--type=renderer" in words and _below(int(path.parent.name), parent):
            found.append(int(path.parent.name))
    return found


def _below(process: int, parent: int) -> bool:
    while process > 1:
        if process == parent:
            return True
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


def _private(process: int) -> float:
    """MB that only this process holds."""
    status = Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("Private_")) / 1024


if __name__ == "__main__":
    main()
