"""A plain video, with what lies beside it under the same name: actions in a table, the rest in a JSON file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foundation.errors import EpisodeUnreadable, quoted
from videos.confinement import inside
from videos.episode import Episode, EpisodeSummary
from videos.readers.reader import ReadOptions, id_of, locator_of, path_of
from videos.recorded_steps import RecordedSteps, steps_from_csv, steps_from_mapping, steps_from_parquet
from videos.side_files import opened_npz, read_json_object
from videos.video_file import VideoFile

CAMERA = "camera"
"""The name of the only camera: a plain video does not say which it is."""


def _steps_from_npz(path: Path) -> RecordedSteps:
    with opened_npz(path) as arrays:
        return steps_from_mapping(path, arrays)


_TABLES: dict[str, Callable[[Path], RecordedSteps]] = {
    ".csv": steps_from_csv,
    ".npz": _steps_from_npz,
    ".parquet": steps_from_parquet,
}


def find(root: Path, path: Path) -> list[EpisodeSummary]:
    facts = _facts(root, path)
    return [
        EpisodeSummary(
            id=id_of(root, path),
            source=root,
            format="video",
            locator=locator_of(root, path),
            cameras=(CAMERA,),
            instruction=facts.get("instruction"),
            success=facts.get("success"),
        )
    ]


def read(summary: EpisodeSummary, options: ReadOptions) -> Episode:
    path = path_of(summary.source, summary.locator)
    video = VideoFile(path)
    facts = _facts(summary.source, path)
    steps, steps_file = _steps(summary.source, path)
    notes = list(video.notes)
    if steps_file is None:
        notes.append("No actions lie beside the video (same name, .csv, .npz, .parquet or .json).")
    elif steps.actions is not None and steps.frame_steps is None and len(steps.actions) != len(video):
        raise EpisodeUnreadable(
            f"{steps_file}: {len(steps.actions)} actions for the {len(video)} frames of {path.name}. "
            "One row a frame is expected, or `frame_step`: the row of each frame."
        )
    return Episode(
        id=summary.id,
        source=summary.source,
        format=summary.format,
        cameras={CAMERA: video},
        instruction=facts.get("instruction"),
        actions=steps.actions,
        action_space=steps.action_space,
        states=steps.states,
        state_names=steps.state_names,
        frame_steps=steps.frame_steps,
        success=facts.get("success"),
        control_hz=facts.get("control_hz"),
        notes=tuple(notes),
    )


def _steps(root: Path, video: Path) -> tuple[RecordedSteps, Path | None]:
    """The steps beside `video` and the file they come from, if there is one."""
    found = [p for suffix in _TABLES if (p := video.with_suffix(suffix)).is_file()]
    meta = video.with_suffix(".json")
    fields = read_json_object(inside(root, meta)) if meta.is_file() else {}
    if "actions" in fields or "action" in fields:
        found.append(meta)
    if len(found) > 1:
        raise EpisodeUnreadable(
            f"{video}: actions lie beside it more than once ({', '.join(p.name for p in found)}). Keep one of them."
        )
    if not found:
        return RecordedSteps(), None
    file = inside(root, found[0])
    return (steps_from_mapping(file, fields) if file == meta else _TABLES[file.suffix](file)), file


def _facts(root: Path, video: Path) -> dict[str, Any]:
    """Instruction, success and control_hz out of the JSON file beside `video`; what it does not say is not there."""
    meta = video.with_suffix(".json")
    if not meta.is_file():
        return {}
    fields = read_json_object(inside(root, meta))
    return facts_of(meta, fields)


def facts_of(path: Path, fields: Mapping[str, Any]) -> dict[str, Any]:
    """`instruction`, `success` and `control_hz` of a JSON object read from `path`, each checked; null is "not there"."""
    instruction = fields.get("instruction", fields.get("language"))
    success, control_hz = fields.get("success"), fields.get("control_hz")
    if not isinstance(instruction, str | None):
        raise EpisodeUnreadable(f"{path}: instruction must be text; got {quoted(instruction)}.")
    if not isinstance(success, bool | None):
        raise EpisodeUnreadable(f"{path}: success must be true or false; got {quoted(success)}.")
    if control_hz is not None:
        if isinstance(control_hz, bool) or not isinstance(control_hz, int | float) or not 0 < control_hz < 1e6:
            raise EpisodeUnreadable(f"{path}: control_hz must be a positive number; got {quoted(control_hz)}.")
        control_hz = float(control_hz)
    facts = {"instruction": instruction, "success": success, "control_hz": control_hz}
    return {name: value for name, value in facts.items() if value is not None}
