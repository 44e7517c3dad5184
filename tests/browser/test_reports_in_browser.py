"""Reports as a browser shows them: from a file, asking for nothing, running nothing but the player."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import opened
from made_runs import make_run

from analyzer.report.write import ReportRequest, write_report
from analyzer.run_folder import RunFolder
from videos.episode import Episode

HOSTILE = '"><script>window.ran=1</script><img src=x onerror="window.ran=1">'


def written(run: RunFolder, to: Path, *, player: bool = False) -> str:
    write_report(ReportRequest((run.path,), to, player=player))
    return to.as_uri()


def asked_for(page: Any) -> list[str]:
    """The addresses a page asks for, from now on; what its policy refuses is among them as "refused: …"."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: asked.append(f"refused: {said.text}") if "policy" in said.text.lower() else None)
    return asked


def test_a_report_asks_for_nothing(page: Any, run: RunFolder, tmp_path: Path) -> None:
    asked = asked_for(page)
    address = written(run, tmp_path / "report.html")
    page.goto(address)
    assert page.locator(".case").count() > 0
    assert [one for one in asked if not one.startswith("data:image/")] == [address]
    assert page.locator("script").count() == 0
    broken = page.evaluate("[...document.images].filter(image => !image.complete || !image.naturalWidth).length")
    assert broken == 0


def test_hostile_text_is_read_not_run(page: Any, take: Episode, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", take, names=(HOSTILE, "plate", "cup"), instruction=HOSTILE)
    page.goto(written(run, tmp_path / "report.html"))
    assert HOSTILE in page.locator(".quote").first.inner_text()
    opened(page, written(run, tmp_path / "player.html", player=True))
    assert page.evaluate("window.ran") is None


def test_the_player_goes_to_a_case(page: Any, run: RunFolder, tmp_path: Path) -> None:
    asked = asked_for(page)
    address = opened(page, written(run, tmp_path / "report.html", player=True)).url
    button = page.locator("[data-shows]").first
    wanted = button.get_attribute("data-frame")
    assert wanted != "0"
    button.click()
    page.wait_for_function(f"document.querySelector('.picture').dataset.frame === '{wanted}'")
    assert [one for one in asked if not one.startswith(("data:image/", "blob:"))] == [address]


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_nothing_runs_over_the_edge(page: Any, run: RunFolder, tmp_path: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(written(run, tmp_path / "report.html"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_page(page: Any, run: RunFolder, tmp_path: Path, scheme: str) -> None:
    """WCAG's contrast of at least 4.5 for every text of the page but marks that only repeat a figure."""
    page.emulate_media(color_scheme=scheme)
    page.goto(written(run, tmp_path / "report.html"))
    weak = page.evaluate(
        """() => {
          const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
          const light = (color) => rgb(color).map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const ground = light(getComputedStyle(document.body).backgroundColor);
          const found = new Set();
          for (const element of document.querySelectorAll("main :not(svg, svg *)")) {
            if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
            const ink = light(getComputedStyle(element).color);
            const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
            if (contrast < 4.5) found.add(`${element.className || element.tagName}: ${contrast.toFixed(2)}`);
          }
          return [...found];
        }"""
    )
    assert weak == []
