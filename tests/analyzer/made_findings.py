"""Findings with a known answer for the episode "take" of `tiny_run`, without instances being looked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from analyzer.confusion.pair import PairTrace, SiteConfusion
from analyzer.failures.case import Case, Event, Evidence
from analyzer.findings_folder import FOLDER, Findings, FindingsArrays, write_findings
from analyzer.instances.instance import Instance
from analyzer.instances.label_maps import LabelMaps
from analyzer.run_folder import RunFolder

BOWL, PLATE, CUP = 1, 2, 3
COLORS = {BOWL: (220, 60, 60), PLATE: (60, 120, 220), CUP: (60, 190, 90)}
VALUES = {(BOWL, PLATE): (0.1, 0.9), (BOWL, CUP): (0.9, 0.95), (PLATE, CUP): (0.1, 0.1)}
"""Of each pair at the two sites of `tiny_run`."""


def findings(names: tuple[str, str, str] = ("bowl", "plate", "cup"), **changes: Any) -> Findings:
    """Three things in the first camera; bowl and plate merge at the second site, bowl and cup look alike."""
    frames = 4
    instances = tuple(
        Instance(id_, name, "agentview", COLORS[id_], "mask", "object", (60,) * frames, 1)
        for id_, name in zip((BOWL, PLATE, CUP), names, strict=True)
    )
    pairs = tuple(_pair(a, b, values) for (a, b), values in VALUES.items())
    case = Case(
        id="merged-1-2",
        kind="merged",
        score=0.86,
        sentence=f"From frame 3 the policy cannot tell {names[0]} (1) from {names[1]} (2) at vision.11.",
        first=1,
        last=2,
        instances=(BOWL, PLATE),
        sites=("vision.11",),
        evidence=(
            Evidence("confusion at vision.11", 0.9, "", 0.85, 0.95, "2 (1 - AUC) over patches of both"),
            Evidence("confusion at vision.3", 0.1, ""),
        ),
        not_assessed=("What the action depends on: the policy does not act.",),
        reproduce="python -m analyzer render runs/x --frames 3",
    )
    made = Findings(
        instances=instances,
        pairs=pairs,
        sites=("vision.3", "vision.11"),
        events=(Event("merged", 1, 2, 0.9, 0.7, "", (BOWL, PLATE), "vision.11"),),
        cases=(case,),
        not_assessed=("Camera wrist: nothing was found in it.",),
    )
    return replace(made, **changes)


def arrays(made: Findings, frames: int = 4, size: tuple[int, int] = (48, 64)) -> FindingsArrays:
    """A block of 8 x 10 pixels for each instance, one beside the other; confusion as the pairs say, all the time."""
    labels = np.zeros(size, np.uint8)
    for number, instance in enumerate(made.instances):
        labels[10:18, 4 + 20 * number : 14 + 20 * number] = instance.id
    confusion = np.full((len(made.pairs), len(made.sites), frames, 3), np.nan, np.float32)
    for p, pair in enumerate(made.pairs):
        for s, site in enumerate(pair.sites):
            if site.value is not None:
                confusion[p, s, :] = (site.value, site.low, site.high)
    return FindingsArrays(
        maps={"agentview": LabelMaps.compress([labels] * frames)} if made.instances else {},
        thumbnails={one.id: np.full((8, 10, 3), one.color, np.uint8) for one in made.instances},
        confusion=confusion,
        confusion_features=confusion,
    )


def give(run: RunFolder, made: Findings | None = None, episode: str = "take") -> Findings:
    """Write findings beside a run's episode."""
    made = made or findings()
    write(run, episode, made, arrays(made, len(run.episode(episode).frames)))
    return made


def write(run: RunFolder, episode: str, made: Findings, beside: FindingsArrays) -> None:
    """Write findings with arrays of one's own."""
    write_findings(run.episode_folder(episode) / FOLDER, made, beside)


def _pair(a: int, b: int, values: tuple[float, float]) -> PairTrace:
    sites = tuple(
        SiteConfusion(site, value, value - 0.05, value + 0.05, value)
        for site, value in zip(("vision.3", "vision.11"), values, strict=True)
    )
    verdict = "look-alikes" if values[0] > 0.5 else "merged" if values[1] > 0.5 else "apart"
    onset = "vision.11" if verdict == "merged" else None
    return PairTrace(a, b, sites, pixels=0.9 if verdict == "look-alikes" else 0.2, verdict=verdict, onset=onset)
