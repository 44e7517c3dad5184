"""The two things that are compared: two episodes, one episode as two policies see it, or two sites of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analyzer.instances.instance import Instance
from analyzer.report.contents import Assessed, reported
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import BadInput, RunUnreadable, did_you_mean, quoted


@dataclass(frozen=True, eq=False)
class Side:
    """One episode of one run, looked at from some of its sites."""

    letter: str
    """ "A" or "B"."""
    run: RunFolder
    record: EpisodeRecord
    assessed: Assessed | None
    problem: str
    """Why there are no findings; "" where there are."""
    sites: tuple[str, ...]
    """In order of depth."""

    @property
    def policy(self) -> str:
        return str(self.run.manifest.policy.get("name"))

    @property
    def instances(self) -> tuple[Instance, ...]:
        return () if self.assessed is None else self.assessed.findings.instances

    @property
    def described(self) -> str:
        at = f" at {self.sites[0]}" if len(self.sites) == 1 else ""
        return f"{self.record.id}, seen by {self.policy}{at} ({self.run.path})"


@dataclass(frozen=True, eq=False)
class Sides:
    """Both, and what they have in common."""

    a: Side
    b: Side

    @property
    def same_findings(self) -> bool:
        """One episode of one run: only the sites differ."""
        return self.a.run.path.resolve() == self.b.run.path.resolve() and self.a.record.id == self.b.record.id

    @property
    def same_recording(self) -> bool:
        """They show the same pictures, of at least one camera."""
        return bool(self.cameras)

    @property
    def same_basis(self) -> bool:
        """Eigenvectors of the one mean the same as those of the other, site by site."""
        return self.a.run.path.resolve() == self.b.run.path.resolve() and (
            self.same_findings or self.a.run.manifest.settings.basis == "run"
        )

    @property
    def cameras(self) -> list[tuple[int, int]]:
        """Positions in both records of the cameras with the same recorded content."""
        known = {fingerprint: number for number, fingerprint in enumerate(self.b.record.fingerprints)}
        shared = enumerate(self.a.record.fingerprints)
        return [(number, known[fingerprint]) for number, fingerprint in shared if fingerprint in known]

    @property
    def frames(self) -> list[tuple[int, int]]:
        """Positions among the analysed frames of both, where both looked at the same frame of the recording."""
        known = {frame: position for position, frame in enumerate(self.b.record.frames)}
        shared = enumerate(self.a.record.frames)
        return [(position, known[frame]) for position, frame in shared if frame in known]

    @property
    def question(self) -> str:
        if self.same_findings:
            return "two sites of one episode"
        if not self.same_recording:
            return "two episodes"
        prints = [side.run.manifest.policy.get("fingerprint") for side in (self.a, self.b)]
        return (
            "one episode, in two runs of one policy" if prints[0] == prints[1] else "one episode, seen by two policies"
        )


def sides(paths: Sequence[Path], episodes: Sequence[str] = (), sites: Sequence[str] = ()) -> Sides:
    """From what a person names.

    Args:
        paths: one run or two.
        episodes: none (each run has one, or they share one), one (of that id in both), or one of each.
        sites: none (all of them), one (the same on both sides), or one of each.

    Raises:
        BadInput: it is not clear what is meant, or both sides are the same.
        RunUnreadable: a run is damaged or has no such episode.
    """
    if not 1 <= len(paths) <= 2:
        raise BadInput(f"compare takes one run or two, not {len(paths)}.")
    if len(episodes) > 2 or len(sites) > 2:
        raise BadInput("--episodes and --sites take two names at most: one of each side.")
    runs = [RunFolder.open(path) for path in paths]
    runs = [runs[0], runs[-1]]
    ids = list(episodes) if len(episodes) == 2 else list(episodes) * 2 if episodes else _only(runs)
    wanted = list(sites) if len(sites) == 2 else list(sites) * 2 if sites else [None, None]
    return beside((runs[0], runs[1]), (ids[0], ids[1]), (wanted[0], wanted[1]))


def beside(
    runs: tuple[RunFolder, RunFolder], episodes: tuple[str, str], sites: tuple[str | None, str | None] = (None, None)
) -> Sides:
    """An episode of each run. `sites`: None is all of the run's.

    Raises BadInput where both sides are the same or a site is not there, RunUnreadable where a run is damaged.
    """
    made = []
    for letter, run, id_, site in zip("AB", runs, episodes, sites, strict=True):
        if site is not None and site not in run.site_names:
            raise BadInput(f"{run.path}: the run has no site {quoted(site)}.{did_you_mean(site, run.site_names)}")
        made.append(_side(letter, run, id_, (site,) if site is not None else tuple(run.site_names)))
    both = Sides(*made)
    if both.same_findings and both.a.sites == both.b.sites:
        raise BadInput(
            "Both sides are the same. Name two runs, or one run with two --episodes or two --sites, e.g. "
            f"--sites {','.join(runs[0].site_names[-2:])}."
        )
    return both


def _side(letter: str, run: RunFolder, id_: str, sites: tuple[str, ...]) -> Side:
    record = run.episode(id_)
    found = reported(run.path.name, run, id_)
    if found.damaged:
        raise RunUnreadable(found.problem)
    return Side(letter, run, record, found.assessed, found.problem, sites)


def _only(runs: Sequence[RunFolder]) -> list[str]:
    """The episode of each run, where there is no doubt."""
    done = [run.manifest.done for run in runs]
    for run, ids in zip(runs, done, strict=True):
        if not ids:
            raise BadInput(f"{run.path}: the run has no finished episode yet. Go on with it: run … --resume.")
    if all(len(ids) == 1 for ids in done):
        return [done[0][0], done[1][0]]
    shared = [id_ for id_ in done[0] if id_ in done[1]]
    if len(shared) == 1:
        return shared * 2
    raise BadInput(f"Name the episodes with --episodes A,B (or one that both have).{did_you_mean('', done[0])}")
