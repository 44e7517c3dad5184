"""`assess`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.commands.command import Command
from analyzer.commands.flags import add_cache, add_settings, cache_of, only
from analyzer.progress import Progress
from foundation.names import printable

if TYPE_CHECKING:
    from analyzer.pointing import PointedObject


def declare(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, metavar="RUN", help="run folder")
    sub.add_argument("--episode", help="which episode (default: all of the run)")
    add_settings(sub, ("instances",))
    sub.add_argument(
        "--objects",
        type=Path,
        metavar="FILE.json",
        help="objects that you point at, on top of those that are found and those that were pointed at in the page",
    )
    sub.add_argument(
        "--no-policy",
        action="store_true",
        help="do not load the policy; raw features and what the actions depend on are not assessed",
    )
    add_cache(sub)


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.assessment import assess_run
    from analyzer.run_folder import RunFolder

    run = RunFolder.open(options.run)
    episodes = [options.episode] if options.episode else run.manifest.done
    objects: Sequence[PointedObject] = ()
    if options.objects is not None:
        from analyzer.pointed_objects import read_objects

        episodes = [options.episode or only(run.manifest.done, options.run)]
        objects = read_objects(options.objects)
    options.after_stop = "Findings that were made stay; the others are as they were."
    cases = assess_run(
        run,
        episodes,
        cache=cache_of(options),
        instances=options.instances,
        without_policy=options.no_policy,
        progress=progress,
        objects=objects,
    )
    told = [f"{episode}: {printable(case.sentence)}" for episode, found in cases.items() for case in found[:1]]
    return {
        "path": str(run.path),
        "cases": {episode: [asdict(case) for case in found] for episode, found in cases.items()},
        "text": "\n".join(told) or "No case was found.",
    }


ASSESS = Command(
    "assess", "make the findings of a finished run again: confused objects, events, cases", declare, execute
)
