"""Every way out of a run, in the order in which they are offered. A new one is a line here; the tests run over all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyzer.exports import case_page, lerobot_flags, rerun_recording, tables, view_pictures
from analyzer.exports.exporter import Exporter, ExportRequest, nothing_missing
from analyzer.progress import Progress, Silent
from foundation.errors import BadInput, did_you_mean, quoted
from foundation.files import atomic
from foundation.names import safe_name

EXPORTERS: Sequence[Exporter] = (
    Exporter(
        "png",
        "Picture",
        "The frame in view with its overlay, in the recording's own pixels (the preview's where the recording is gone).",
        "view",
        ".png",
        "image/png",
        view_pictures.write,
        view_pictures.problem,
    ),
    Exporter(
        "mp4",
        "Video",
        "The whole episode as it is looked at, every frame at its recorded time, with the actions.",
        "view",
        ".mp4",
        "video/mp4",
        view_pictures.write,
        view_pictures.problem,
    ),
    Exporter(
        "case",
        "Case as a page",
        "Key frames, traces and evidence of the selected case, with the player: one file to send.",
        "case",
        ".html",
        "text/html",
        case_page.write,
        case_page.problem,
    ),
    Exporter(
        "actions",
        "Actions",
        "Recorded and predicted actions, a row a control step.",
        "episode",
        ".csv",
        "text/csv",
        tables.write_actions,
        tables.actions_problem,
    ),
    Exporter(
        "confusion",
        "Confusion",
        "Of every pair, at every site, in every frame, with intervals.",
        "episode",
        ".csv",
        "text/csv",
        tables.write_confusion,
        tables.confusion_problem,
    ),
    Exporter(
        "cases",
        "Cases",
        "What looks wrong in all episodes, a row a case.",
        "run",
        ".csv",
        "text/csv",
        tables.write_cases,
        nothing_missing,
    ),
    Exporter(
        "rrd",
        "Rerun recording",
        "Video, sites, instances, actions, confusion and cases, for the Rerun viewer.",
        "run",
        ".rrd",
        "application/octet-stream",
        rerun_recording.write,
        rerun_recording.problem,
        exact=False,
    ),
    Exporter(
        "lerobot",
        "LeRobot flags",
        "A command that copies the dataset without the episodes that were flagged, and why they were.",
        "run",
        ".sh",
        "text/x-shellscript",
        lerobot_flags.write,
        lerobot_flags.problem,
    ),
)


def exporter(name: str) -> Exporter:
    """Raises BadInput for a name that is not in the table."""
    found = next((one for one in EXPORTERS if one.name == name), None)
    if found is None:
        known = [one.name for one in EXPORTERS]
        raise BadInput(f"There is no export {quoted(name)}.{did_you_mean(name, known)}")
    return found


def file_name(kind: Exporter, request: ExportRequest) -> str:
    """What the file is called where nobody named it: safe on every file system, whatever the episode is called."""
    view = request.view
    parts = [request.run.path.name] if kind.about == "run" else [request.episode]
    if kind.about == "view":
        parts += [request.site, view.mode]
        if kind.suffix == ".png" and view.frame is not None:
            parts.append(str(view.frame))
    elif kind.about == "case":
        parts.append(view.case or "first-case")
    else:
        parts.append(kind.name)
    return safe_name("-".join(parts)) + kind.suffix


def export(
    name: str, request: ExportRequest, output: Path, *, force: bool = False, progress: Progress | None = None
) -> Path:
    """Write one export to `output`, whole or not at all; the path.

    Args:
        force: replace what stands at `output`.

    Raises:
        BadInput: no such export, it cannot be had of this episode, a wrong ending, or something stands at `output`.
        RunUnreadable, EpisodeUnreadable: the run or the recording is missing or damaged.
        OutputUnwritable: `output` cannot be written.
    """
    kind = exporter(name)
    if output.suffix.lower() != kind.suffix:
        raise BadInput(f"{output}: a file of the export {quoted(name)} ends in {kind.suffix}.")
    if output.is_dir() or (output.exists() and not force):
        what = "is a folder" if output.is_dir() else "exists already; --force replaces it"
        raise BadInput(f"{output} {what}. Or choose another name with -o.")
    missing = kind.problem(request)
    if missing is not None:
        raise BadInput(missing)
    with atomic(output) as temporary:
        kind.write(request, temporary, progress or Silent())
    return output
