"""`python -m analyzer report`: from runs to a file, or to a folder of pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.progress import Progress, Silent
from analyzer.report.as_json import as_csv_text, as_json_text
from analyzer.report.command_lines import report_command
from analyzer.report.contents import Report, collect
from analyzer.report.gate import Gate, stopped
from analyzer.report.markdown import as_markdown
from foundation.errors import BadInput
from foundation.files import atomic

SUFFIXES = (".html", ".md", ".json", ".csv")
MOST_CASES = 10
"""Shown in full on a page: more is not looked at, and makes a file that mail refuses."""
MOST_EPISODES = 24
"""With a section of their own on a page; the others are in its list. In a folder each has a page."""


@dataclass(frozen=True)
class ReportRequest:
    """What is reported and how."""

    runs: tuple[Path, ...]
    output: Path
    """.html, .md, .json or .csv for one file; a folder for an index and a page an episode."""
    episodes: str = ""
    """Ids, separated by commas; empty: all."""
    cases: int = MOST_CASES
    """That are shown in full on one page."""
    gates: tuple[Gate, ...] = ()
    player: bool = False
    """Put the interactive player into pages."""

    def __post_init__(self) -> None:
        if not 0 <= self.cases <= 1000:
            raise BadInput(f"--cases is {self.cases}; allowed: 0 to 1000 cases shown in full on a page.")
        if self.output.suffix.lower() not in (*SUFFIXES, "") and not self.output.is_dir():
            raise BadInput(
                f"{self.output}: a report ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}; or name a folder for "
                "an index and a page an episode."
            )


def write_report(request: ReportRequest, progress: Progress | None = None) -> dict[str, Any]:
    """Write the report; what came of it as plain values, `exit_code` among them.

    Exit codes: 0; 1 where a gate stops a case; 2 where an episode is damaged, so that the report is not about all of it.

    Raises:
        RunUnreadable, BadInput: see `collect`.
        OutputUnwritable: the output cannot be written.
    """
    progress = progress or Silent()
    report = collect(request.runs, request.episodes)
    suffix = request.output.suffix.lower() if not request.output.is_dir() else ""
    path, damaged = request.output, [episode.problem for episode in report.damaged]
    if suffix == ".html":
        damaged = _page(report, request, progress)
    elif suffix == ".md":
        _write(path, as_markdown(report, request.cases))
    elif suffix == ".json":
        _write(path, as_json_text(report))
    elif suffix == ".csv":
        # The mark at the start is what makes spreadsheets read UTF-8.
        _write(path, "\ufeff" + as_csv_text(report))
    else:
        path = path / "index.html"
        damaged = _folder(report, request, progress)
    stops = [case for episode in report.episodes for case in stopped(episode.cases, request.gates)]
    return {
        "path": str(path),
        "summary": report.summary(),
        "episodes": len(report.episodes),
        "cases": report.case_count,
        "stopped": [case.sentence for case in stops],
        "damaged": damaged,
        "exit_code": 2 if damaged else 1 if stops else 0,
    }


def _page(report: Report, request: ReportRequest, progress: Progress) -> list[str]:
    """One page; what of the runs turned out to be damaged."""
    from analyzer.report.episode_view import in_full
    from analyzer.report.inline_player import ROOM
    from analyzer.report.page import glance, report_page, with_player

    progress.stage("laying out", len(report.episodes), "episode")
    views, left, room = [], request.cases, ROOM
    for number, episode in enumerate(report.episodes):
        view = glance(report, episode)
        if number < MOST_EPISODES:
            view = in_full(view, episode, left)
            if request.player:
                view = with_player(episode, view, room)
        views.append(view)
        left -= len(view.cases)
        room -= len(view.player or "")
        progress.advance(1)
    runs = [run for _, run in report.runs]
    page = report_page(report, views, MOST_EPISODES, report_command=report_command(runs, request.output))
    _write(request.output, page)
    return [problem for view in views if view.damaged for problem in view.problems]


def _folder(report: Report, request: ReportRequest, progress: Progress) -> list[str]:
    """index.html and <episode>.html, written one episode at a time; what of the runs turned out to be damaged."""
    from analyzer.report.episode_view import in_full
    from analyzer.report.inline_player import ROOM
    from analyzer.report.page import RankingRow, glance, index_page, ranking_row, report_page, with_player

    runs = [run for _, run in report.runs]
    command = report_command(runs, request.output)
    progress.stage("laying out", len(report.episodes), "episode")
    rows: list[RankingRow] = []
    damaged: list[str] = []
    for episode in report.episodes:
        # "index" is taken.
        name = f"{episode.anchor}.html" if episode.anchor.lower() != "index" else "index-1.html"
        view = in_full(glance(report, episode), episode, request.cases)
        if request.player:
            view = with_player(episode, view, ROOM)
        page = report_page(report.of(episode), [view], 1, report_command=command, index_link="index.html")
        _write(request.output / name, page)
        rows.append(ranking_row(report, episode, view, name))
        damaged += view.problems if view.damaged else ()
        progress.advance(1)
    _write(request.output / "index.html", index_page(report, rows, report_command=command))
    return damaged


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        # A name need not be valid Unicode.
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
