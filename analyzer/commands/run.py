"""`run`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.commands.command import Command
from analyzer.commands.flags import add_cache, add_episodes, add_settings, cache_of, settings_of
from analyzer.progress import Progress
from analyzer.settings import MAX_MINUTES, PARAMETERS
from foundation.errors import BadInput
from foundation.names import printable

if TYPE_CHECKING:
    from analyzer.budget import Estimate, Forecast


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="recordings: files, folders, datasets")
    sub.add_argument("--out", type=Path, help="run folder (default: a new one in runs/)")
    add_episodes(sub)
    sub.add_argument("--resume", action="store_true", help="go on with the run that stands at --out")
    sub.add_argument(
        "--max-minutes",
        type=float,
        default=MAX_MINUTES,
        help=f"refuse to run longer than that (default: {MAX_MINUTES:g})",
    )
    sub.add_argument("--estimate", action="store_true", help="say what it would take, and stop")
    sub.add_argument("--yes", action="store_true", help="run whatever time, disk and memory it takes")
    add_cache(sub)
    add_settings(sub, tuple(PARAMETERS))


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer import budget, recordings
    from analyzer.pipeline import run

    if not options.max_minutes > 0:
        raise BadInput(f"--max-minutes is {options.max_minutes}; give minutes above 0, or --yes for no limit.")
    if options.resume and options.out is None:
        raise BadInput("--resume goes on with a run that exists: name its folder with --out.")
    settings = settings_of(options)
    found = recordings.find(options.paths, options.episodes)
    out = options.out or _free_name(Path("runs") / found[0].id)
    options.after_stop = f"What is finished is kept; the same command with --resume --out {out} goes on from there."

    def approve(work: Estimate) -> None:
        if options.estimate:
            raise _Foreseen(budget.forecast(work, worth=0))
        budget.approve(
            work,
            max_minutes=options.max_minutes,
            yes=options.yes,
            say=lambda line: None if options.quiet else print(printable(line), file=sys.stderr),
        )

    cache = cache_of(options)
    try:
        folder = run(found, settings, out, cache=cache, resume=options.resume, progress=progress, approve=approve)
    except _Foreseen as ahead:
        return asdict(ahead.forecast)
    return {"path": str(folder.path), "episodes": folder.manifest.done, "sites": folder.site_names}


class _Foreseen(Exception):
    """Not an error: the run was only to be estimated."""

    def __init__(self, forecast: Forecast) -> None:
        self.forecast = forecast


def _free_name(path: Path) -> Path:
    """`path`, or the first of path-2, path-3, … that does not exist: nothing is replaced."""
    number = 1
    candidate = path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


RUN = Command("run", "analyse recordings into a run folder", declare, execute)
