"""Which episodes of a LeRobot dataset are better left out of training, as a command that LeRobot itself understands.

An episode is flagged when a person called one of its cases, or the episode, real; or when it has a case of a score of at
least `LEAST_SCORE` that nobody called an artefact. Each flag comes with its reason.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from analyzer.exports.exporter import ExportRequest
from analyzer.findings_folder import read_findings
from analyzer.progress import Progress
from analyzer.report.contents import headline
from analyzer.reviews import EpisodeReviews
from analyzer.run_folder import RunFolder
from foundation.errors import BadInput, RunUnreadable
from foundation.names import printable, safe_name

LEAST_SCORE = 0.5
"""As much a reason to look as not: from here on a case is flagged without a person's word."""
FORMAT = "lerobot"


@dataclass(frozen=True)
class Flag:
    """An episode that had better be left out."""

    episode: str
    index: int
    """In its dataset."""
    reason: str
    """Hostile text in it."""


def problem(request: ExportRequest) -> str | None:
    if _datasets(request.run):
        return None
    return "None of the run's episodes comes from a LeRobot dataset, so there is nothing to flag in one."


def write(request: ExportRequest, path: Path, progress: Progress) -> None:
    """A shell script: reasons as comments, and one command a dataset."""
    datasets = _datasets(request.run)
    if not datasets:
        raise BadInput(problem(request) or "")
    lines = [
        "#!/bin/sh",
        f"# Episodes that {_comment(request.run.path.name)} flags: called real by a person, or with a case of score",
        f"# {LEAST_SCORE:g} or more that nobody called an artefact. Read the reasons, then run this file.",
        "# LeRobot writes what is left to a dataset of its own; the original stays as it is. It reads datasets of v3.0.",
    ]
    for root, episodes in datasets.items():
        flags = flagged(request.run, episodes)
        lines += ["", f"# {_comment(root)}: {len(flags)} of {len(episodes)} analysed episodes are flagged."]
        lines += [f"#   {flag.index} ({_comment(flag.episode)}): {_comment(flag.reason)}" for flag in flags]
        if flags:
            lines.append(command(root, [flag.index for flag in flags]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="backslashreplace")


def command(root: str, indices: list[int]) -> str:
    """Of LeRobot's own tool: a copy of the dataset at `root` without these episodes."""
    name = f"local/{safe_name(Path(root).name)}"
    parts = [
        *("lerobot-edit-dataset", "--repo_id", name, "--root", root, "--new_repo_id", f"{name}_without_flagged"),
        *("--operation.type", "delete_episodes", "--operation.episode_indices", json.dumps(sorted(indices))),
    ]
    return " ".join(shlex.quote(printable(part)) for part in parts)


def flagged(run: RunFolder, episodes: dict[str, int]) -> list[Flag]:
    """Of the episodes (id -> index in the dataset), by index. Raises RunUnreadable where findings are damaged."""
    found = []
    for episode, index in sorted(episodes.items(), key=lambda one: one[1]):
        reason = _reason(run, episode)
        if reason is not None:
            found.append(Flag(episode, index, reason))
    return found


def _reason(run: RunFolder, episode: str) -> str | None:
    findings = read_findings(run, episode)
    cases = {case.id: case for case in findings.cases} if findings is not None else {}
    reviews = EpisodeReviews(run.path, episode).current()
    for review in reviews:
        if review.verdict == "real":
            about = headline(cases[review.case])[0] if review.case in cases else "the episode as a whole"
            return f"called real by {review.author}: {about}"
    artefacts = {review.case for review in reviews if review.verdict == "artefact"}
    if "" in artefacts:
        return None
    worst = max((case for case in cases.values() if case.id not in artefacts), key=lambda c: c.score, default=None)
    if worst is None or worst.score < LEAST_SCORE:
        return None
    return f"score {worst.score:.2f}: {headline(worst)[0]}"


def _datasets(run: RunFolder) -> dict[str, dict[str, int]]:
    """Folder of a dataset -> {episode: its index}."""
    found: dict[str, dict[str, int]] = {}
    for episode in run.manifest.done:
        try:
            record = run.episode(episode)
        except RunUnreadable:
            continue  # the page says so where it is opened
        where, _, number = record.locator.rpartition("#")
        if record.format == FORMAT and number.isdecimal():
            root = Path(record.source) / where if where not in ("", ".") else Path(record.source)
            found.setdefault(str(root), {})[episode] = int(number)
    return found


def _comment(text: object) -> str:
    """On one line, so that it stays a comment."""
    return printable(text)
