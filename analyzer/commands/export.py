"""`export`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.commands.flags import only
from analyzer.progress import Progress

# As in analyzer.exports.catalog, which is not imported before it is needed; a test holds the two together.
NAMES = ("png", "mp4", "case", "actions", "confusion", "cases", "rrd", "lerobot")
MODES = ("colors", "segments", "off")


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, metavar="RUN", help="run folder")
    sub.add_argument(
        "what",
        choices=NAMES,
        metavar="WHAT",
        help="png, mp4: the view; case: a page about one case; actions, confusion: tables of the episode; cases: a table "
        "of the run; rrd: the run for Rerun; lerobot: a command that leaves flagged episodes out of a dataset",
    )
    sub.add_argument("-o", "--output", type=Path, help="the file (default: one named after what is in it, here)")
    sub.add_argument("--force", action="store_true", help="replace the file that stands there")
    sub.add_argument("--episode", help="which episode (default: the only one; of the run: all)")
    sub.add_argument("--site", help="of png and mp4 (default: the deepest)")
    sub.add_argument("--mode", choices=MODES, default="colors", help="of png and mp4 (default: colors)")
    sub.add_argument("--frame", type=int, help="of png (default: the middle one)")
    sub.add_argument("--segments", type=int, default=12, metavar="K", help="of png and mp4 (default: 12)")
    sub.add_argument("--opacity", type=float, default=0.6, help="of png and mp4, 0 … 1 (default: 0.6)")
    sub.add_argument("--case", help="id of a case (default: the first)")


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.exports.catalog import export, exporter, file_name
    from analyzer.exports.exporter import ExportRequest, View
    from analyzer.run_folder import RunFolder

    run = RunFolder.open(options.run)
    kind = exporter(options.what)
    done = run.manifest.done
    episode = options.episode or (done[0] if kind.about == "run" and done else only(done, options.run))
    view = View(options.site, options.mode, options.frame, options.segments, options.opacity, options.case)
    request = ExportRequest(run, episode, view)
    output = options.output or Path(file_name(kind, request))
    return {"path": str(export(kind.name, request, output, force=options.force, progress=progress))}


EXPORT = Command(
    "export", "take a view, a case, tables, a Rerun recording or LeRobot flags out of a run", declare, execute
)
