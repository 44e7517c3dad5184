"""`report`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.progress import Progress
from foundation.names import printable


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    sub.add_argument(
        "-o",
        "--output",
        type=Path,
        help=".html, .md, .json or .csv; a folder: an index and a page an episode (default: report.html in the first run)",
    )
    sub.add_argument("--episodes", default="", help="ids of episodes, separated by commas (default: all)")
    sub.add_argument("--cases", type=int, default=10, metavar="N", help="shown in full on a page (default: 10)")
    sub.add_argument("--player", action="store_true", help="put the interactive player into pages")
    sub.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="KIND[:SCORE]",
        help="exit with 1 where a case of that kind ('any': of every kind) has at least that score; may be given again",
    )


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.failures.rules import RULES
    from analyzer.report.gate import Gate
    from analyzer.report.write import ReportRequest, write_report

    request = ReportRequest(
        runs=tuple(options.runs),
        output=options.output or options.runs[0] / "report.html",
        episodes=options.episodes,
        cases=options.cases,
        gates=tuple(Gate.parse(text, RULES) for text in options.fail_on),
        player=options.player,
    )
    told = write_report(request, progress)
    progress.close()
    for why, sentences in (("damaged", told["damaged"]), ("over --fail-on", told["stopped"])):
        for sentence in sentences:
            print(f"{why}: {printable(sentence)}", file=sys.stderr)
    return told


REPORT = Command("report", "write what was found as a page, Markdown, JSON or CSV; a gate for CI", declare, execute)
