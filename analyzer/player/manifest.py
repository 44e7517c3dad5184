"""All a player must know of an episode before it fetches anything: one JSON object, made from a run folder.

The page gets it over HTTP with addresses in it, the report carries it inline with the files themselves in it; the player
does not know the difference. `sources` decides: a name of `analyzer.player.artifacts` -> a string (an address) or
{"base64": …} / {"gzip": …} (the content).

    run · episode · policy · instruction · success · source · notes[] · warnings[]
    video     {source, width, height, times[], end_s} of every recording frame; source null: there is no preview
    frames[]  recording frames that were analysed · times[] theirs
    cameras[] {name, size [h, w], model_size [h, w], rect [x, y, w, h] in the preview, matrix [a, b, c, d, e, f]}
              matrix: model pixels -> the camera's pixels, x' = a x + c y + e, y' = b x + d y + f
    sites[]   {name, grid [rows, cols], palette[], merges[], segments, eigenvalues[], reach, depends_on_instruction, sources}
    actions   {times[], steps, series[] {name, unit, kind, recorded[]|null, predicted[]|null, uncertainty[]|null}}
    findings  what `analyzer.findings_folder.Findings` holds, {sources, thumbnails, kinds {rule: {title, meaning}}};
              null: not looked for
    labels    {source, grid [rows, cols]} of the instances in each camera's picture
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.failures.rules import RULES
from analyzer.findings_folder import read_findings
from analyzer.player.artifacts import LABELS, SITE_ARRAYS, Artifact, artifacts
from analyzer.player.labels import label_size
from analyzer.run_folder import CameraRecord, EpisodeRecord, RunFolder
from foundation.errors import EpisodeUnreadable, RunUnreadable
from foundation.names import safe_name
from videos.pts_table import PtsTable, pts_table

Source = str | dict[str, str]


def manifest(run: RunFolder, episode: str, sources: Callable[[Artifact], Source | None]) -> dict[str, Any]:
    """The manifest of one episode; see the top of this module.

    Args:
        sources: where the player finds an artifact; None: it shall do without.

    Raises:
        RunUnreadable: there is no such episode, or its record is damaged.
    """
    record = run.episode(episode)
    known = artifacts(run, episode)
    warnings: list[str] = []

    def source(name: str) -> Source | None:
        return sources(known[name]) if name in known else None

    found = _findings(run, record, source, warnings)
    labels = None
    try:
        labels = source(LABELS) if found is not None else None
    except RunUnreadable as error:
        warnings.append(f"Outlines of instances are left out: {error}")
    return {
        "run": run.path.name,
        "episode": record.id,
        "policy": str(run.manifest.policy["name"]),
        "instruction": record.instruction,
        "success": record.success,
        "source": record.source,
        "notes": list(record.notes),
        "warnings": warnings,
        "video": _video(record, known.get("preview.mp4"), source("preview.mp4"), warnings),
        "frames": list(record.frames),
        "times": list(record.times_s),
        "cameras": [_camera(camera) for camera in record.cameras],
        "sites": list(filter(None, (_site(run, episode, name, source, warnings) for name in run.site_names))),
        "actions": _actions(run, record, warnings),
        "findings": found,
        "labels": None
        if found is None or labels is None
        else {"source": labels, "grid": label_size([(c.height, c.width) for c in record.cameras], len(record.frames))},
    }


def as_json(content: dict[str, Any]) -> str:
    """Strict JSON that may stand inside a <script> of a page: no NaN, and nothing in it ends the script."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _video(
    record: EpisodeRecord, preview: Artifact | None, source: Source | None, warnings: list[str]
) -> dict[str, Any]:
    size = {
        "width": max(camera.in_preview[0] + camera.in_preview[2] for camera in record.cameras),
        "height": max(camera.in_preview[1] + camera.in_preview[3] for camera in record.cameras),
    }
    guess, end = _guessed_times(record), record.duration_s
    if preview is None or source is None:
        warnings.append(
            "The run has no preview video: patches are shown without pictures. Analyse the recording again."
        )
        return {"source": None, **size, "times": _numbers(guess), "end_s": float(end)}
    try:
        table = _preview_table(record, preview.path)
    except EpisodeUnreadable as error:
        warnings.append(f"The preview video cannot be used ({error}). Analyse the recording again.")
        return {"source": None, **size, "times": _numbers(guess), "end_s": float(end)}
    # The preview shows all cameras of the recording, also those that were not analysed.
    size, times = {"width": table.size[1], "height": table.size[0]}, table.seconds - table.seconds[0]
    return {"source": source, **size, "times": _numbers(times), "end_s": float(max(end, times[-1] + 1e-3))}


def frame_times(run: RunFolder, record: EpisodeRecord) -> tuple[np.ndarray, float]:
    """(frames,) seconds at which each frame of the recording is shown, and when the last one ends, as the player has it."""
    try:
        seconds = _preview_table(record, run.preview(record.id)).seconds
        times = seconds - seconds[0]
    except EpisodeUnreadable:
        times = _guessed_times(record)
    return times, float(max(record.duration_s, times[-1] + 1e-3))


def _guessed_times(record: EpisodeRecord) -> np.ndarray:
    """Every frame of the recording has a time, also those that were not analysed."""
    return np.interp(
        np.arange(record.frame_count), (*record.frames, record.frame_count), (*record.times_s, record.duration_s)
    )


def _preview_table(record: EpisodeRecord, path: Path) -> PtsTable:
    table = pts_table(path)
    if len(table.seconds) != record.frame_count:
        raise EpisodeUnreadable(f"it has {len(table.seconds)} frames, the recording {record.frame_count}")
    return table


def _camera(camera: CameraRecord) -> dict[str, Any]:
    (a, c, e), (b, d, f), last = camera.to_recording
    if last[:2] != (0.0, 0.0) or last[2] == 0.0:
        raise RunUnreadable(f"camera {camera.name!r}: the way from model to recording pixels is no affine map.")
    return {
        "name": camera.name,
        "size": [camera.height, camera.width],
        "model_size": list(camera.model_size),
        "rect": list(camera.in_preview),
        "matrix": [value / last[2] for value in (a, b, c, d, e, f)],
    }


def _site(
    run: RunFolder, episode: str, name: str, source: Callable[[str], Source | None], warnings: list[str]
) -> dict[str, Any] | None:
    sources = {array: source(f"sites/{safe_name(name)}/{array}.npy") for array in SITE_ARRAYS}
    try:
        record = run.site(episode, name)
    except RunUnreadable as error:
        warnings.append(f"Site {name} is left out: {error}")
        return None
    if sources["colors"] is None and sources["segments"] is None:
        warnings.append(f"Site {name} is left out: its arrays are missing.")
        return None
    return {
        "name": name,
        "grid": list(record.grid),
        "palette": [list(color) for color in record.palette],
        "merges": [list(merge) for merge in record.merges],
        "segments": record.segments,
        "eigenvalues": list(record.eigenvalues),
        "reach": record.reach,
        "depends_on_instruction": bool(run.manifest.policy["sites"][name].get("depends_on_instruction")),
        "sources": sources,
    }


def _actions(run: RunFolder, record: EpisodeRecord, warnings: list[str]) -> dict[str, Any] | None:
    try:
        recorded, predicted = run.actions(record.id, "recorded"), run.actions(record.id, "predicted")
        uncertainty = run.actions(record.id, "uncertainty")
    except RunUnreadable as error:
        warnings.append(f"Actions are left out: {error}")
        return None
    series: list[dict[str, Any]] = []
    if recorded is not None and record.action_space is not None:
        space = record.action_space
        for index, (name, unit) in enumerate(zip(space.names, space.units, strict=True)):
            series.append(_series(name, unit, space.kind, recorded[:, index]))
    if predicted is not None and record.predicted_space is not None:
        space = record.predicted_space
        same = space == record.action_space and recorded is not None
        for index, (name, unit) in enumerate(zip(space.names, space.units, strict=True)):
            # In another convention than the recording's the two do not belong on one axis.
            row = series[index] if same else _series(name, unit, space.kind, None)
            row["predicted"] = _numbers(predicted[:, index])
            row["uncertainty"] = None if uncertainty is None else _numbers(uncertainty[:, index])
            if not same:
                series.append(row)
    if not series:
        return None
    steps = max(len(row["recorded"] or row["predicted"] or ()) for row in series)
    return {"times": _numbers(step_times(record, steps)), "steps": _frame_steps(record), "series": series}


def _series(name: str, unit: str, kind: str, recorded: np.ndarray | None) -> dict[str, Any]:
    values = None if recorded is None else _numbers(recorded)
    return {"name": name, "unit": unit, "kind": kind, "recorded": values, "predicted": None, "uncertainty": None}


def _frame_steps(record: EpisodeRecord) -> list[int]:
    return list(record.frames if record.frame_steps is None else record.frame_steps)


def step_times(record: EpisodeRecord, steps: int) -> np.ndarray:
    """(steps,) seconds of the control steps: those of the frames that show them, and in even strides between and beyond."""
    known, first = np.unique(_frame_steps(record), return_index=True)
    times = np.array(record.times_s, np.float64)[first]
    stride = 1 / record.control_hz if record.control_hz else None
    if stride is None:
        stride = (
            (times[-1] - times[0]) / (known[-1] - known[0]) if len(known) > 1 else record.duration_s / max(1, steps)
        )
    wanted = np.arange(steps)
    inside = np.interp(wanted, known, times)
    return np.where(
        wanted < known[0],
        times[0] + (wanted - known[0]) * stride,
        np.where(wanted > known[-1], times[-1] + (wanted - known[-1]) * stride, inside),
    )


def _findings(
    run: RunFolder, record: EpisodeRecord, source: Callable[[str], Source | None], warnings: list[str]
) -> dict[str, Any] | None:
    try:
        stored = read_findings(run, record.id)
        if stored is None:
            return None
        frames = len(record.frames)
        if any(len(instance.area) != frames for instance in stored.instances):
            raise RunUnreadable("Findings of other frames than were analysed. Make them again.")
        if max([event.last for event in stored.events] + [case.last for case in stored.cases], default=0) >= frames:
            raise RunUnreadable(f"Findings beyond the {frames} analysed frames. Make them again.")
    except RunUnreadable as error:
        warnings.append(f"Findings are left out: {error}")
        return None
    found = asdict(stored)
    names = ("confusion", "confusion_features", "attribution")
    found["sources"] = {name: source(f"findings/{name}.npy") for name in names}
    found["thumbnails"] = {
        str(instance.id): source(f"findings/instances/{instance.id}.png") for instance in stored.instances
    }
    found["kinds"] = {name: {"title": rule.title, "meaning": rule.meaning} for name, rule in RULES.items()}
    return dict(finite(found))


def _numbers(values: np.ndarray) -> list[float | None]:
    """JSON knows no NaN."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]


def finite(value: Any) -> Any:
    """`value` with null in place of every number that is not finite."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
