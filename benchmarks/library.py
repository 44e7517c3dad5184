"""How fast the library opens and filters: python -m benchmarks.library [EPISODES]. Chromium drives it.

The episodes are copies of one with findings, each with scores and kinds of its own (files that are not read again are
linked). Opened cold: nothing was ever read. Opened again: another server, which finds what the first one kept.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests" / "videos")]

from driving import recorded, serving  # noqa: E402
from find_browser import find_browser  # noqa: E402
from made_runs import make_run  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-quic"]
FRAMES = 135
KINDS = ("confused", "target-switch", "closed-on-nothing", "stall", "oscillation", "uncertain")
LIMITS = {"open": 3000, "filter": 300}
FILTERS = """async () => {
  const root = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).find((r) => r?.querySelector('.library'));
  const drawn = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
  const took = [];
  const change = async (field, value, name) => {
    const from = performance.now();
    field.value = value;
    field.dispatchEvent(new Event(name));
    await drawn();
    took.push(performance.now() - from);
    await new Promise((go) => setTimeout(go, 100));
  };
  const search = root.querySelector('input[type=search]');
  for (const text of ['e', 'ep', 'ep_1', 'ep_12', '', 'bowl', 'nothing of that name', '']) await change(search, text, 'input');
  for (const [field, value] of [['kind', 'stall'], ['outcome', 'false'], ['reviewed', 'no'], ['kind', ''], ['outcome', '']])
    await change(root.querySelector(`select[name=${field}]`), value, 'change');
  return took; }"""


def many(folder: Path, count: int) -> None:
    """A run of `count` episodes in `folder`."""
    with tempfile.TemporaryDirectory() as scratch:
        one = make_run(folder, recorded(Path(scratch) / "take.mp4", FRAMES))
    source = one.episode_folder("take")
    record = json.loads((source / "episode.json").read_text())
    found = json.loads((source / "findings" / "findings.json").read_text())
    chance = random.Random(0)
    names = [f"ep_{number:05d}" for number in range(count)]
    for name in names:
        target = folder / "episodes" / name
        (target / "findings").mkdir(parents=True)
        about = {
            "id": name,
            "success": chance.choice([True, False, None]),
            "instruction": f"task {chance.randrange(20)}",
        }
        cases = [{**case, "score": chance.random(), "kind": chance.choice(KINDS)} for case in found["cases"]]
        (target / "episode.json").write_text(json.dumps({**record, **about}, indent=1))
        (target / "findings" / "findings.json").write_text(json.dumps({**found, "cases": cases}, indent=1))
        for file in ("preview.mp4", "findings/confusion.npy"):
            os.link(source / file, target / file)
    one.manifest.planned = one.manifest.done = names
    one.write_manifest()


def opened(browser: Browser, address: str) -> tuple[float, float, list[float]]:
    """Milliseconds until rows are there and until all are, and of each filter."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    start = time.perf_counter()
    page.goto(f"{address}/library")
    page.wait_for_selector(".lens.library.loaded .row", timeout=120_000)
    rows = time.perf_counter() - start
    page.locator(".lens.library .reading").wait_for(state="hidden", timeout=300_000)
    whole = time.perf_counter() - start
    took = page.evaluate(FILTERS)
    page.close()
    return rows * 1000, whole * 1000, took


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        many(Path(home) / "run", count)
        browser = driver.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for how in ("cold", "again"):
            with serving([Path(home) / "run"], Path(home)) as server:
                rows, whole, took = opened(browser, server.address)
                print(
                    f"{count} episodes, {how}: rows after {rows:.0f} ms, all after {whole:.0f} ms (limit {LIMITS['open']})"
                )
                rows, whole, _ = opened(browser, server.address)
                print(f"  the next page of that server: rows after {rows:.0f} ms, all after {whole:.0f} ms")
                print(
                    f"  filter: median {sorted(took)[len(took) // 2]:.0f} ms, worst {max(took):.0f} ms (limit {LIMITS['filter']})"
                )
        browser.close()
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
