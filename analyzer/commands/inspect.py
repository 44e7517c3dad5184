"""`inspect`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.commands.flags import add_episodes, add_settings, settings_of
from analyzer.progress import Progress


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="recordings: files, folders, datasets; or one run folder"
    )
    add_episodes(sub)
    add_settings(sub, ("image_fps", "orientation"))


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.inspection import inspect
    from analyzer.run_summary import is_run, summarise

    if len(options.paths) == 1 and is_run(options.paths[0]):
        return summarise(options.paths[0])
    return inspect(options.paths, options.episodes, settings_of(options))


INSPECT = Command("inspect", "say what recordings hold and lack, or how steady a run is", declare, execute)
