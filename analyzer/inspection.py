"""What recordings hold, and what they lack: `python -m analyzer inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analyzer import recordings
from analyzer.settings import Settings
from foundation.action_space import ActionSpace
from foundation.errors import LensError
from foundation.names import printable
from videos.episode import Episode, EpisodeSummary

NOT_RECORDED = "not recorded"
LONGEST = 800
"""Characters of one value that are shown."""
DETAILED = 3
"""Up to this many episodes are opened and described; more are listed."""


def inspect(paths: Sequence[Path], wanted: str, settings: Settings) -> dict[str, Any]:
    """Describe episodes: a few in full, many as a table. A damaged one is named with what is wrong, and exit code 2."""
    found = recordings.find(paths, wanted)
    if len(found) > DETAILED:
        return _listing(found, settings)
    described, texts, failed = [], [], 0
    for summary in found:
        try:
            details = _described(recordings.open_recording(summary, settings), summary)
        except LensError as error:
            if len(found) == 1:
                raise
            details = {"id": summary.id, "error": str(error)}
            failed = 2
        described.append(details)
        texts.append("\n".join(f"{key:<13} {_shown(value)}" for key, value in details.items()))
    return {"episodes": described, "text": "\n\n".join(texts), "exit_code": failed}


def _listing(found: Sequence[EpisodeSummary], settings: Settings) -> dict[str, Any]:
    """Many episodes, none of them opened but those that the listing already knows to be damaged."""
    errors: dict[str, str] = {}
    for summary in found:
        if not summary.cameras:
            try:
                recordings.open_recording(summary, settings)
            except LensError as error:
                errors[summary.id] = str(error)
    damaged = [f"damaged: {_shown(error)}" for error in errors.values()]
    return {
        "episodes": [
            _listed(summary) | ({"error": errors[summary.id]} if summary.id in errors else {}) for summary in found
        ],
        "text": "\n".join([_table(found), *damaged]),
        "exit_code": 2 if errors else 0,
    }


def _listed(summary: EpisodeSummary) -> dict[str, Any]:
    return {
        "id": summary.id,
        "format": summary.format,
        "source": str(summary.source),
        "cameras": list(summary.cameras),
        "frames": summary.frames,
        "duration_s": summary.duration_s,
        "instruction": summary.instruction,
        "success": summary.success,
    }


def _described(episode: Episode, summary: EpisodeSummary) -> dict[str, Any]:
    """Plain values, None where the recording says nothing."""
    times = episode.times_s
    space = episode.action_space
    return {
        "id": episode.id,
        "format": episode.format,
        "source": str(summary.source),
        "instruction": episode.instruction,
        "success": episode.success,
        "cameras": {name: f"{camera.size[1]}x{camera.size[0]}" for name, camera in episode.cameras.items()},
        "frames": episode.frame_count,
        "duration_s": round(float(times[-1]), 3),
        "control_hz": episode.control_hz,
        "actions": None if episode.actions is None else list(episode.actions.shape),
        "action_space": None if space is None else _space(space),
        "states": None if episode.states is None else list(episode.states.shape),
        "state_names": None if episode.state_names is None else list(episode.state_names),
        "masks": None if episode.masks is None else sorted(episode.masks),
        "notes": list(episode.notes),
    }


def _space(space: ActionSpace) -> str:
    scales = space.scale or (1.0,) * len(space)
    named = [
        f"{name} [{'' if scale == 1 else f'{scale:g} '}{unit or 'no unit'}]"
        for name, unit, scale in zip(space.names, space.units, scales, strict=True)
    ]
    gripper = "" if space.gripper_open is None else f"; gripper {space.gripper_open:+g} opens"
    return f"{', '.join(named)}; {space.kind}{gripper}"


def _shown(value: Any) -> str:
    if value is None:
        return NOT_RECORDED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{_shown(name)} ({text})" for name, text in value.items())
    if isinstance(value, list):
        return " · ".join(map(_shown, value)) if value else "–"
    # Text out of a recording is shown on one line, its control characters escaped: a terminal obeys them.
    text = printable(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _table(found: Sequence[EpisodeSummary]) -> str:
    rows = [("#", "id", "format", "frames", "seconds", "success", "cameras", "instruction")]
    for position, summary in enumerate(found):
        rows.append(
            (
                str(position),
                _shown(summary.id),
                summary.format,
                "?" if summary.frames is None else str(summary.frames),
                "?" if summary.duration_s is None else f"{summary.duration_s:.1f}",
                "?" if summary.success is None else _shown(summary.success),
                _shown(", ".join(summary.cameras)),
                "?" if summary.instruction is None else _shown(summary.instruction),
            )
        )
    widths = [min(40, max(len(row[column]) for row in rows)) for column in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    return "\n".join([*lines, f"{len(found)} episodes. '?' is not recorded, or not known before the video is opened."])
