"""`view`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.progress import Progress


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="run folders, or folders of them (default: runs/)"
    )
    sub.add_argument(
        "--recordings",
        action="append",
        type=Path,
        metavar="FOLDER",
        help="folder of recordings that may be analysed from the page; may be given again (default: the samples)",
    )
    sub.add_argument("--port", type=int, default=8501, help="default: 8501")
    sub.add_argument(
        "--address", default="127.0.0.1", help="who may connect; 0.0.0.0 is everybody (default: 127.0.0.1)"
    )
    sub.add_argument("--browser", action="store_true", help="open the page in the browser")


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.view import view

    options.after_stop = "The page is closed."
    code = view(
        options.runs,
        port=options.port,
        address=options.address,
        browser=options.browser,
        recordings=options.recordings or (),
    )
    return {"exit_code": code}


VIEW = Command("view", "review runs in the browser", declare, execute)
