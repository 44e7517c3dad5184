"""What a report says, before it is laid out: the episodes of some runs, ranked, with their findings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analyzer.failures.case import Case
from analyzer.findings_folder import Findings, FindingsFolder
from analyzer.report.command_lines import assess_command
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import BadInput, RunUnreadable, did_you_mean, quoted
from foundation.names import printable, safe_name


@dataclass(frozen=True, eq=False)
class Assessed:
    """An episode with its findings."""

    run: RunFolder
    record: EpisodeRecord
    folder: FindingsFolder

    @property
    def findings(self) -> Findings:
        return self.folder.findings

    @property
    def steps(self) -> tuple[int, ...]:
        """The control step of every analysed frame."""
        return self.record.frames if self.record.frame_steps is None else self.record.frame_steps

    def frame(self, position: int) -> int:
        """Number in the recording of an analysed frame."""
        return self.record.frames[position]

    def seconds(self, position: int) -> float:
        """Time of an analysed frame."""
        return self.record.times_s[position]

    def span(self, case: Case) -> str:
        """When a case happens, in the recording's frames and in seconds."""
        first, last = self.frame(case.first), self.frame(case.last)
        start, end = self.seconds(case.first), self.seconds(case.last)
        if first == last:
            return f"frame {first} ({start:.2f} s)"
        return f"frames {first}–{last} ({start:.2f}–{end:.2f} s)"

    def instance_name(self, id_: int) -> str:
        """Hostile text where the recording named it."""
        return next((one.name for one in self.findings.instances if one.id == id_), f"instance {id_}")

    def confusion(self) -> np.ndarray:
        """(pairs, sites, frames, 3); RunUnreadable where it does not fit the episode."""
        values = self.folder.confusion()
        expected = (len(self.findings.pairs), len(self.findings.sites), len(self.record.frames), 3)
        if values.shape != expected:
            raise RunUnreadable(f"{self.folder.path}: confusion.npy has the shape {values.shape}, not {expected}.")
        return values

    def reproduce(self, case: Case) -> str:
        """The case's command line, with the run's own path where it says RUN."""
        path = shlex.quote(printable(self.run.path))
        return re.sub(r"\bRUN\b", lambda _: path, case.reproduce, count=1)


@dataclass(frozen=True, eq=False)
class ReportedEpisode:
    """One episode of one run; what could not be read of it is told in `problem`."""

    run: RunFolder
    run_name: str
    """Unique in the report."""
    id: str
    rank: int
    """From 1: the one to look at first."""
    anchor: str
    """Its name in links and file names, unique in the report."""
    record: EpisodeRecord | None
    """None: not analysed yet, or damaged."""
    assessed: Assessed | None
    """None: nobody looked for findings, or they are damaged."""
    problem: str = ""
    """A plain sentence where the record or the findings are missing or damaged."""
    damaged: bool = False

    @property
    def cases(self) -> tuple[Case, ...]:
        return () if self.assessed is None else self.assessed.findings.cases

    @property
    def score(self) -> float | None:
        """Of its first case; None: nothing was found, or nothing was looked for."""
        return max((case.score for case in self.cases), default=None)

    @property
    def outcome(self) -> str:
        success = None if self.record is None else self.record.success
        return {True: "success", False: "failure", None: "outcome not recorded"}[success]

    @property
    def state(self) -> str:
        """What the report says of an episode without a case."""
        if self.assessed is None:
            return self.problem
        return "Nothing was found." if self.assessed.findings.instances else "No object was found, so nothing compared."


@dataclass(frozen=True, eq=False)
class Report:
    """Everything a report is made from."""

    title: str
    runs: tuple[tuple[str, RunFolder], ...]
    """Name in the report, run."""
    episodes: tuple[ReportedEpisode, ...]
    """The one to look at first, first."""

    @property
    def case_count(self) -> int:
        return sum(len(episode.cases) for episode in self.episodes)

    @property
    def damaged(self) -> tuple[ReportedEpisode, ...]:
        return tuple(episode for episode in self.episodes if episode.damaged)

    def of(self, episode: ReportedEpisode) -> Report:
        """The same report about one of its episodes alone."""
        title = episode.id if len(self.runs) == 1 else f"{episode.id} ({episode.run_name})"
        return Report(title, ((episode.run_name, episode.run),), (episode,))

    def summary(self) -> str:
        """One sentence: how many episodes, failures and cases."""
        outcomes = [episode.record.success for episode in self.episodes if episode.record is not None]
        told = [f"{count(outcomes.count(False), 'failure')}"] if outcomes.count(False) else []
        told += [f"{count(outcomes.count(True), 'success', 'successes')}"] if outcomes.count(True) else []
        told += [f"{outcomes.count(None)} without a recorded outcome"] if outcomes.count(None) else []
        without = sum(episode.assessed is None for episode in self.episodes)
        found = count(self.case_count, "case") if without < len(self.episodes) else "no findings"
        missing = f"; {without} not assessed" if 0 < without < len(self.episodes) else ""
        return f"{count(len(self.episodes), 'episode')} ({', '.join(told) or 'none analysed'}), {found}{missing}."


def collect(paths: Sequence[Path], wanted: str = "") -> Report:
    """Read runs and rank their episodes: the highest score first, among equals failures first.

    A damaged episode is kept, with what is wrong; a damaged run.json is an error.

    Args:
        wanted: ids of the episodes to report, separated by commas; empty: all.

    Raises:
        RunUnreadable: a path is no run, or its run.json is damaged.
        BadInput: `wanted` names none of the runs' episodes.
    """
    if not paths:
        raise BadInput("Name at least one run folder to report.")
    named = _named([RunFolder.open(path) for path in dict.fromkeys(paths)])
    listed = [(name, run, episode) for name, run in named for episode in run.manifest.planned]
    picked = [part.strip() for part in wanted.split(",") if part.strip()]
    known = [episode for _, _, episode in listed]
    for part in picked:
        if part not in known:
            raise BadInput(f"--episodes: there is no {quoted(part)}.{did_you_mean(part, known)}")
    episodes = [reported(name, run, episode) for name, run, episode in listed if not picked or episode in picked]
    ranked = sorted(episodes, key=_worth)
    anchors = _anchors(ranked, several=len(named) > 1)
    return Report(
        title=", ".join(name for name, _ in named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else ""),
        runs=tuple(named),
        episodes=tuple(
            replace(episode, rank=rank, anchor=anchor)
            for rank, (episode, anchor) in enumerate(zip(ranked, anchors, strict=True), start=1)
        ),
    )


def headline(case: Case) -> tuple[str, str]:
    """A case's sentence up to its colon, and what follows: the claim, and what it rests on."""
    claim, colon, detail = case.sentence.partition(": ")
    return (f"{claim}.", detail[:1].upper() + detail[1:]) if colon else (case.sentence, "")


def count(number: int, one: str, many: str = "") -> str:
    """ "1 case", "2 cases"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def reported(name: str, run: RunFolder, id_: str) -> ReportedEpisode:
    """One episode without a rank; what is missing or damaged is told in its `problem`."""
    nothing = ReportedEpisode(run, name, id_, 0, "", None, None)
    if id_ not in run.manifest.done:
        return replace(nothing, problem="Not analysed yet: the run is not finished.")
    try:
        record = run.episode(id_)
        nothing = replace(nothing, record=record)
        if not FindingsFolder.exists(run.episode_folder(id_)):
            told = f"No findings: nobody has looked for confusion here yet. {assess_command(run)} does."
            return replace(nothing, problem=told)
        folder = FindingsFolder.open(run.episode_folder(id_))
        _check(folder, record)
    except RunUnreadable as error:
        return replace(nothing, problem=str(error), damaged=True)
    return replace(nothing, assessed=Assessed(run, record, folder))


def _check(folder: FindingsFolder, record: EpisodeRecord) -> None:
    """Raise RunUnreadable where findings speak of frames or cameras that the episode does not have."""
    findings, frames = folder.findings, len(record.frames)
    cameras = {camera.name for camera in record.cameras}
    about = [*(event.last for event in findings.events), *(case.last for case in findings.cases)]
    if any(last >= frames for last in about) or any(
        len(instance.area) != frames or instance.camera not in cameras for instance in findings.instances
    ):
        raise RunUnreadable(f"{folder.path}: these are findings of another episode. Make them again.")


def _worth(episode: ReportedEpisode) -> tuple[float, bool, int, bool, str, str]:
    """Sorts what deserves to be looked at first to the front."""
    score = -1.0 if episode.score is None else episode.score
    failed = episode.record is not None and episode.record.success is False
    return (-score, not failed, -len(episode.cases), episode.assessed is None, episode.run_name, episode.id)


def _named(runs: Sequence[RunFolder]) -> list[tuple[str, RunFolder]]:
    """The folder's name for each run, or its whole path where two share one."""
    names = [run.path.resolve().name for run in runs]
    return [(name if names.count(name) == 1 else str(run.path), run) for name, run in zip(names, runs, strict=True)]


def _anchors(episodes: Sequence[ReportedEpisode], *, several: bool) -> list[str]:
    taken: set[str] = set()
    anchors = []
    for episode in episodes:
        wanted = safe_name(f"{episode.run_name}-{episode.id}" if several else episode.id)
        free, number = wanted, 1
        while free.lower() in taken:  # file systems may not tell case apart
            number += 1
            free = f"{wanted}-{number}"
        taken.add(free.lower())
        anchors.append(free)
    return anchors
