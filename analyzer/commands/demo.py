"""`demo`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.commands.flags import add_cache, cache_of
from analyzer.progress import Progress


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--out", type=Path, default=Path("runs/demo"), help="run folder (default: runs/demo)")
    add_cache(sub)


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.demo import demo

    options.after_stop = "What is finished is kept; the same command goes on from there."
    return demo(options.out, cache_of(options), progress)


DEMO = Command("demo", "analyse the bundled failed episode and render its overlay", declare, execute)
