"""All that a page must know of two episodes before it sets them side by side: one JSON object.

a, b        {run, episode, manifest}: names, and where the player's manifest of that side is
question    what is compared, in words
same_recording · same_episode    whether both sides show the same pictures, and are one episode of one run
colors      {how, told, source}: how: "shared" (one basis), "agreed" (B painted as A would; `source` with
            SITE_A and SITE_B in it leads to such an array), "own" (nothing in common)
clocks[]    {name, how, end_s, knots [[shared, a, b]], matched [[kind, s]], moments {at[], a[], b[]}}
missing     clock -> why it is not there
differences where the list of differences is; of one episode's two sites with ?a=SITE&b=SITE
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from analyzer.comparison.differences import Comparison
from analyzer.comparison.moments import told_differences
from analyzer.comparison.shared_clock import SharedClock, Take, gripper_events, shared_clocks
from analyzer.comparison.sides import Side, Sides
from analyzer.failures.signals import openness
from analyzer.player.manifest import finite, frame_times, step_times
from analyzer.report.command_lines import compare_command
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import RunUnreadable

LEAST_S = 0.2
"""What the gripper is told for a shorter time is no event to align by."""
_COLORS = {
    "sites": "One run: a site's colours follow those of its reference, as far as the two have the same structure.",
    "shared": "One basis for both: the same colour means the same thing on both sides.",
    "agreed": "Two bases: B is painted in the colours of A, turned onto it on the spots that both look at.",
    "own": "Each side has colours of its own: the pictures and the bases differ. Analyse both recordings in one run to "
    "give them one basis.",
}


def pair_manifest(
    runs: tuple[RunFolder, RunFolder], episodes: tuple[str, str], addresses: Mapping[str, str]
) -> dict[str, Any]:
    """See the top of this module.

    Args:
        addresses: of "a", "b", "colors" and "differences".

    Raises:
        RunUnreadable: there is no such episode, or its record is damaged.
    """
    records = [run.episode(id_) for run, id_ in zip(runs, episodes, strict=True)]
    a, b = (
        Side(letter, run, record, None, "", tuple(run.site_names))
        for letter, run, record in zip("AB", runs, records, strict=True)
    )
    both = Sides(a, b)
    how = "shared" if both.same_basis else "agreed" if both.same_recording and both.frames else "own"
    clocks, missing = shared_clocks(take(a.run, a.record), take(b.run, b.record))
    if both.same_recording and len(records[0].frames) and records[0].frame_count == records[1].frame_count:
        # Whatever is aligned, it is the same frame of the same recording.
        clocks, missing = [clocks[0]], {}
    return {
        "a": {"run": runs[0].path.name, "episode": episodes[0], "manifest": addresses["a"]},
        "b": {"run": runs[1].path.name, "episode": episodes[1], "manifest": addresses["b"]},
        "question": both.question,
        "same_recording": both.same_recording,
        "same_episode": both.same_findings,
        "colors": {
            "how": how,
            "told": _COLORS["sites" if both.same_findings else how],
            "source": addresses["colors"] if how == "agreed" else None,
        },
        "clocks": [_clock(clock) for clock in clocks],
        "missing": missing,
        "differences": addresses["differences"],
    }


def differences_manifest(comparison: Comparison) -> dict[str, Any]:
    """{differences[], sentences[], not_assessed[], residuals[], how, command}: what `compare` says, as places to go to."""
    both = comparison.sides
    content = {
        "differences": [asdict(one) for one in told_differences(comparison)],
        "summary": list(comparison.summary),
        "not_assessed": list(comparison.not_assessed),
        "residuals": [asdict(one) for one in comparison.residuals],
        "compared": [list(one) for one in comparison.compared],
        "how": comparison.how,
        "command": compare_command(
            (both.a.run, both.b.run), (both.a.record.id, both.b.record.id), (both.a.sites, both.b.sites)
        ),
    }
    return dict(finite(content))


def take(run: RunFolder, record: EpisodeRecord) -> Take:
    """What the shared clocks need of an episode."""
    times, end = frame_times(run, record)
    try:
        recorded = run.actions(record.id)
    except RunUnreadable:
        recorded = None  # said by the player
    steps = (
        len(recorded) if recorded is not None else None if record.frame_steps is None else max(record.frame_steps) + 1
    )
    step_s = None if steps is None else np.maximum.accumulate(step_times(record, steps))
    events = None
    if recorded is not None and step_s is not None and record.action_space is not None:
        opened = openness(recorded, record.action_space)
        events = None if opened is None else gripper_events(opened, step_s, least_s=LEAST_S)
    return Take(times - times[0], max(float(end - times[0]), float(times[-1] - times[0]) + 1e-3), step_s, events)


def _clock(clock: SharedClock) -> dict[str, Any]:
    return {
        "name": clock.name,
        "how": clock.how,
        "end_s": _milli(clock.end_s),
        "knots": [[_milli(value) for value in knot] for knot in clock.knots],
        "matched": [[kind, _milli(at)] for kind, at in clock.matched],
        "moments": {
            "at": [_milli(one.at_s) for one in clock.moments],
            "a": [one.a for one in clock.moments],
            "b": [one.b for one in clock.moments],
        },
    }


def _milli(seconds: float) -> float:
    return round(seconds, 4)
