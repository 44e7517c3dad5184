"""`compare`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.commands.flags import names_in
from analyzer.progress import Progress
from foundation.names import printable


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="one run folder or two")
    sub.add_argument("--episodes", default="", help="one of each side, A,B; or one that both have")
    sub.add_argument("--sites", default="", help="one of each side, A,B; or one for both (default: all)")
    sub.add_argument("-o", "--output", type=Path, help=".html, .md or .json (default: text on stdout)")


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.comparison.write import write_comparison

    told = write_comparison(options.runs, names_in(options.episodes), names_in(options.sites), options.output)
    # Text out of recordings is shown on the lines it belongs to, its control characters written out.
    return told | ({"text": "\n".join(map(printable, told["text"].splitlines()))} if "text" in told else {})


COMPARE = Command("compare", "say how two episodes, two policies or two sites differ", declare, execute)
