"""`sheet`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analyzer.commands.command import Command
from analyzer.commands.flags import add_cache, add_episodes, add_paint, add_settings, cache_of, paint_of, settings_of
from analyzer.progress import Progress

PARAMETERS_OF_A_SHEET = (
    *("policy", "camera", "stride", "input_size", "densify", "recipe", "instruction", "image_fps", "orientation"),
    *("device", "dtype", "batch", "n_eigenvectors", "n_landmarks", "affinity", "mean_affinity", "density"),
    *("n_segments", "palette", "seed"),
)
"""The parameters that shape a sheet; of several cameras it shows the first."""


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="recordings, pictures, folders of them; or one run folder"
    )
    sub.add_argument("-o", "--output", type=Path, required=True, help="the .png")
    sub.add_argument("--site", help="site to draw (default: the deepest)")
    add_episodes(sub)
    sub.add_argument("--columns", type=int, default=4, help="frames of every clip, spread over it (default: 4)")
    sub.add_argument("--out", type=Path, help="keep the run in this folder (default: keep the features alone)")
    add_paint(sub, "what is laid over the pictures (default: colors)")
    add_cache(sub)
    add_settings(sub, PARAMETERS_OF_A_SHEET)


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.sheet import SheetRequest, sheet

    request = SheetRequest(output=options.output, site=options.site, columns=options.columns, **paint_of(options))
    options.after_stop = "Features that were read stay in the cache; the same command goes on from there."
    return sheet(
        options.paths,
        options.episodes,
        settings_of(options),
        request,
        cache=cache_of(options),
        out=options.out,
        progress=progress,
    )


SHEET = Command("sheet", "lay many clips or pictures side by side at one site, in one joint basis", declare, execute)
