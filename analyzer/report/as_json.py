"""A report as plain values, as `schema.json` beside this file describes them, and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from typing import Any

from analyzer.confusion.pair import PairTrace
from analyzer.failures.case import Case, Event
from analyzer.instances.instance import Instance
from analyzer.report.command_lines import run_command
from analyzer.report.contents import Assessed, Report, ReportedEpisode
from analyzer.run_folder import RunFolder
from foundation.errors import RunUnreadable
from foundation.names import printable

SCHEMA = "trajectory-lens/report/1"


def as_json(report: Report) -> dict[str, Any]:
    """Frames are numbers in the recording, times are seconds from its first frame; null: not recorded, not assessed."""
    return _finite(
        {
            "schema": SCHEMA,
            "title": report.title,
            "summary": report.summary(),
            "runs": [_run(name, run) for name, run in report.runs],
            "episodes": [_episode(episode) for episode in report.episodes],
        }
    )


def as_json_text(report: Report) -> str:
    return json.dumps(as_json(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


COLUMNS = (
    "rank",
    "run",
    "episode",
    "success",
    "instruction",
    "case",
    "kind",
    "score",
    "sentence",
    "first_frame",
    "last_frame",
    "first_s",
    "last_s",
    "instances",
    "sites",
    "evidence",
    "not_assessed",
    "reproduce",
)


def as_csv_text(report: Report) -> str:
    """One row a case; an episode without any has one row, whose sentence says so."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for episode in report.episodes:
        for case in episode.cases or (None,):
            writer.writerow([cell(value) for value in _row(episode, case)])
    return out.getvalue()


def _row(episode: ReportedEpisode, case: Case | None) -> list[object]:
    record, assessed = episode.record, episode.assessed
    head = [
        episode.rank,
        episode.run_name,
        episode.id,
        None if record is None else record.success,
        None if record is None else record.instruction,
    ]
    if case is None or assessed is None:
        unassessed = "" if assessed is None else " ".join(assessed.findings.not_assessed)
        return [*head, None, None, None, episode.state, *[None] * 7, unassessed, None]
    return [
        *head,
        case.id,
        case.kind,
        f"{case.score:.4g}",
        case.sentence,
        assessed.frame(case.first),
        assessed.frame(case.last),
        f"{assessed.seconds(case.first):.3f}",
        f"{assessed.seconds(case.last):.3f}",
        "; ".join(assessed.instance_name(one) for one in case.instances),
        "; ".join(case.sites),
        "; ".join(f"{one.name} = {one.value:.4g}{f' {one.unit}' if one.unit else ''}" for one in case.evidence),
        " ".join(case.not_assessed),
        assessed.reproduce(case),
    ]


def cell(value: object) -> object:
    """Text on one line; what a spreadsheet would run as a formula starts with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return value
    text = printable(value)
    try:
        float(text)
    except ValueError:
        return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
    return text


def _run(name: str, run: RunFolder) -> dict[str, Any]:
    return {
        "name": name,
        "path": str(run.path),
        "policy": run.manifest.policy,
        "settings": run.manifest.settings.as_json(),
        "versions": run.manifest.versions,
        "reproduce": run_command(run),
    }


def _episode(episode: ReportedEpisode) -> dict[str, Any]:
    record, assessed = episode.record, episode.assessed
    return {
        "rank": episode.rank,
        "run": episode.run_name,
        "id": episode.id,
        "state": "damaged" if episode.damaged else "assessed" if assessed is not None else "not assessed",
        "problem": episode.problem or None,
        "score": episode.score,
        "recording": None
        if record is None
        else {
            "source": record.source,
            "format": record.format,
            "instruction": record.instruction,
            "success": record.success,
            "cameras": [camera.name for camera in record.cameras],
            "frames": record.frame_count,
            "analysed_frames": len(record.frames),
            "duration_s": record.duration_s,
            "control_hz": record.control_hz,
            "actions_recorded": record.action_space is not None,
            "actions_predicted": record.predicted_space is not None,
            "notes": list(record.notes),
        },
        "steadiness": _steadiness(episode),
        "findings": None if assessed is None else _findings(assessed),
    }


def _steadiness(episode: ReportedEpisode) -> dict[str, Any] | None:
    if episode.record is None:
        return None
    try:
        records = {site: episode.run.site(episode.id, site).steadiness for site in episode.run.site_names}
    except RunUnreadable:
        return None  # told where the site itself is needed
    return {site: None if record is None else asdict(record) for site, record in records.items()}


def _findings(assessed: Assessed) -> dict[str, Any]:
    findings = assessed.findings
    return {
        "instances": [_instance(assessed, instance) for instance in findings.instances],
        "pairs": [_pair(pair) for pair in findings.pairs],
        "events": [_event(assessed, event) for event in findings.events],
        "cases": [_case(assessed, case) for case in findings.cases],
        "dependence": None if findings.dependence is None else asdict(findings.dependence),
        "not_assessed": list(findings.not_assessed),
    }


def _instance(assessed: Assessed, instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "name": instance.name,
        "camera": instance.camera,
        "color": list(instance.color),
        "origin": instance.origin,
        "role": instance.role,
        "visible_frames": sum(area > 0 for area in instance.area),
        "key_frame": assessed.frame(instance.key_frame),
    }


def _pair(pair: PairTrace) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        "verdict": pair.verdict,
        "onset": pair.onset,
        "pixels": pair.pixels,
        "sites": [asdict(site) for site in pair.sites],
    }


def _event(assessed: Assessed, event: Event) -> dict[str, Any]:
    return {
        "rule": event.rule,
        **_when(assessed, event.first, event.last),
        "value": event.value,
        "threshold": event.threshold,
        "unit": event.unit,
        "instances": list(event.instances),
        "site": event.site,
    }


def _case(assessed: Assessed, case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "kind": case.kind,
        "score": case.score,
        "sentence": case.sentence,
        **_when(assessed, case.first, case.last),
        "instances": list(case.instances),
        "sites": list(case.sites),
        "evidence": [asdict(one) for one in case.evidence],
        "not_assessed": list(case.not_assessed),
        "reproduce": assessed.reproduce(case),
    }


def _when(assessed: Assessed, first: int, last: int) -> dict[str, Any]:
    return {
        "first_frame": assessed.frame(first),
        "last_frame": assessed.frame(last),
        "first_s": assessed.seconds(first),
        "last_s": assessed.seconds(last),
    }


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: both become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
