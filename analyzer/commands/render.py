"""`render`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.commands.flags import add_paint, names_in, numbers_in, only, paint_of
from analyzer.progress import Progress, counted

STYLES = ("overlay", "segments", "side-by-side", "grid")


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, metavar="RUN", help="run folder")
    sub.add_argument("--episode", help="which episode (default: the only one)")
    sub.add_argument(
        "--site", "--sites", default="", help="site to draw; for grid several, separated by commas (default: all)"
    )
    sub.add_argument("--style", choices=STYLES, default="overlay", help="default: overlay")
    sub.add_argument(
        "-o", "--output", type=Path, help=".mp4 for a video, .png for a still (default: a video in the run folder)"
    )
    sub.add_argument("--camera", default="", help="cameras, separated by commas (default: all of the run)")
    sub.add_argument("--frames", default="", help="frames of a .png, e.g. 0,45,90 (default: spread over the episode)")
    sub.add_argument(
        "--columns", type=int, default=6, help="frames of a grid .png where --frames names none (default: 6)"
    )
    add_paint(sub, "what side-by-side and grid show (default: colors)")


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.render import RenderRequest, render
    from analyzer.run_folder import RunFolder

    run = RunFolder.open(options.run)
    request = RenderRequest(
        style=options.style,
        sites=names_in(options.site),
        cameras=names_in(options.camera),
        frames=tuple(numbers_in(options.frames, "--frames")),
        columns=options.columns,
        **paint_of(options),
    )
    episode = options.episode or only(run.manifest.done, options.run)
    output = options.output or options.run / f"{episode}-{options.style}.mp4"
    advance = counted(progress, "rendering", "frame")
    return {"path": str(render(run, episode, request, output, advance)), "episode": episode}


RENDER = Command("render", "draw a run over its video", declare, execute)
