"""Tables for spreadsheets and data frames: UTF-8 with a mark at the start, a name a column, empty where not recorded.

A cell that a spreadsheet would run as a formula starts with an apostrophe.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from analyzer.exports.exporter import ExportRequest
from analyzer.findings_folder import FindingsFolder, read_findings
from analyzer.player.manifest import step_times
from analyzer.progress import Progress
from analyzer.report.as_json import cell
from analyzer.run_folder import ACTION_KINDS
from foundation.errors import RunUnreadable


def write_cases(request: ExportRequest, path: Path, progress: Progress) -> None:
    """One row a case of the whole run; an episode without any has one row, which says so."""
    from analyzer.report.as_json import as_csv_text
    from analyzer.report.contents import collect

    text = "\ufeff" + as_csv_text(collect([request.run.path]))
    path.write_bytes(text.encode("utf-8", "backslashreplace"))


def actions_problem(request: ExportRequest) -> str | None:
    try:
        known = any(request.run.actions(request.episode, kind) is not None for kind in ACTION_KINDS)
    except RunUnreadable as error:
        return str(error)
    return None if known else "Actions were neither recorded nor predicted."


def write_actions(request: ExportRequest, path: Path, progress: Progress) -> None:
    """One row a control step: step · time_s · recorded.<name> · predicted.<name> · difference.<name> · uncertainty.<name>."""
    run, record = request.run, request.run.episode(request.episode)
    columns: dict[str, np.ndarray] = {}
    for kind in ACTION_KINDS:
        values = run.actions(record.id, kind)
        space = record.action_space if kind == "recorded" else record.predicted_space
        if values is None or space is None:
            continue
        units = ("bits",) * len(space) if kind == "uncertainty" else space.units
        for index, (name, unit) in enumerate(zip(space.names, units, strict=True)):
            columns[f"{kind}.{name}" + (f" ({unit})" if unit else "")] = values[:, index]
    steps = max((len(values) for values in columns.values()), default=0)
    times = step_times(record, steps)
    rows = (
        [
            step,
            f"{times[step]:.4f}",
            *(_number(values[step]) if step < len(values) else "" for values in columns.values()),
        ]
        for step in range(steps)
    )
    _write(path, ["step", "time_s", *columns], rows)


def confusion_problem(request: ExportRequest) -> str | None:
    try:
        found = read_findings(request.run, request.episode)
    except RunUnreadable as error:
        return str(error)
    if found is None:
        return "The run has not been searched for confusions: python -m analyzer assess RUN does."
    return None if found.pairs else "There is no pair of instances that could be confused."


def write_confusion(request: ExportRequest, path: Path, progress: Progress) -> None:
    """One row a pair, site and analysed frame: its confusion with interval, and the same in the raw features."""
    record = request.run.episode(request.episode)
    folder = FindingsFolder.open(request.run.episode_folder(request.episode))
    values, features = folder.confusion(), folder.confusion(features=True)
    names = {one.id: one.name for one in folder.findings.instances}

    def rows() -> Iterator[Sequence[object]]:
        for p, pair in enumerate(folder.findings.pairs):
            for s, site in enumerate(folder.findings.sites):
                for t, (frame, time) in enumerate(zip(record.frames, record.times_s, strict=True)):
                    yield [
                        frame, f"{time:.4f}", pair.a, names[pair.a], pair.b, names[pair.b], site,
                        *map(_number, values[p, s, t]), _number(features[p, s, t, 0]),
                    ]  # fmt: skip

    head = ["frame", "time_s", "a", "a_name", "b", "b_name", "site", "confusion", "low", "high", "in_features"]
    _write(path, head, rows())


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([cell(name) for name in head])
        writer.writerows([cell(value) for value in row] for row in rows)


def _number(value: float) -> str:
    """Enough figures for float32; "" where there is none."""
    return "" if np.isnan(value) else f"{value:.7g}"
