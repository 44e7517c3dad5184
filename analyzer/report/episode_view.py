"""One episode as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup
from PIL import Image

from analyzer.report.case_view import CaseView, case_view, kind_title, outlines, wanted_pictures
from analyzer.report.contents import Assessed, ReportedEpisode, count
from analyzer.report.dependence_view import DependenceView, dependence_view
from analyzer.report.episode_timeline import episode_timeline
from analyzer.report.pictures import Film, Footage, Still, Wanted, still
from analyzer.report.plots.pair_matrix import Named, pair_matrix
from analyzer.report.plots.svg import rgb
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import EpisodeUnreadable, RunUnreadable

_MOST_PAIRS = 24


@dataclass(frozen=True)
class CastMember:
    """An instance with its face."""

    id: int
    name: str
    role: str
    colour: str
    still: Still | None


@dataclass(frozen=True)
class ShortCase:
    """A case beyond those that are shown in full."""

    score: str
    kind: str
    when: str
    sentence: str


@dataclass(frozen=True)
class EpisodeView:
    """What the template `episode` takes."""

    anchor: str
    id: str
    instruction: str
    outcome: str
    outcome_class: str
    facts: tuple[str, ...]
    problems: tuple[str, ...]
    damaged: bool
    """Something of it could not be read."""
    player: Markup | None = None
    player_anchor: str = ""
    cast: tuple[CastMember, ...] = ()
    timeline: Markup | None = None
    cases: tuple[CaseView, ...] = ()
    more_title: str = ""
    more_cases: tuple[ShortCase, ...] = ()
    matrix: Markup | None = None
    matrix_note: str = ""
    dependence: DependenceView | None = None
    not_assessed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    thumbnail: Still | None = None


def at_a_glance(episode: ReportedEpisode, *, run_name: str | None) -> EpisodeView:
    """What a list says of an episode, with its picture. `run_name`: None where the report is about one run."""
    record = episode.record
    view = EpisodeView(
        anchor=episode.anchor,
        id=episode.id,
        instruction=instruction(episode),
        outcome=episode.outcome,
        outcome_class=outcome_class(episode),
        facts=(*([run_name] if run_name else []), *_facts(episode)),
        problems=(episode.problem,) if episode.problem else (),
        damaged=episode.damaged,
        notes=() if record is None else record.notes,
    )
    if record is None:
        return view
    try:
        return replace(view, thumbnail=_thumbnail(episode.run, record, episode.assessed))
    except (RunUnreadable, EpisodeUnreadable) as error:
        return replace(view, problems=(*view.problems, str(error)), damaged=True)


def in_full(view: EpisodeView, episode: ReportedEpisode, most_cases: int) -> EpisodeView:
    """`view` with all that was found; what cannot be read is told in its `problems`.

    Args:
        most_cases: that are shown in full; the others are listed.
    """
    if episode.assessed is None:
        return view
    try:
        return _with_findings(view, episode.assessed, most_cases)
    except (RunUnreadable, EpisodeUnreadable) as error:
        told = view.problems if str(error) in view.problems else (*view.problems, str(error))
        return replace(view, problems=told, damaged=True)


def instruction(episode: ReportedEpisode) -> str:
    if episode.record is None:
        return ""
    return f"“{episode.record.instruction}”" if episode.record.instruction else "instruction: not recorded"


def outcome_class(episode: ReportedEpisode) -> str:
    success = None if episode.record is None else episode.record.success
    return {True: "good", False: "bad", None: "muted"}[success]


def _facts(episode: ReportedEpisode) -> list[str]:
    record = episode.record
    if record is None:
        return []
    analysed = "" if len(record.frames) == record.frame_count else f" ({len(record.frames)} analysed)"
    actions = [
        name for name, space in (("recorded", record.action_space), ("predicted", record.predicted_space)) if space
    ]
    return [
        f"{count(record.frame_count, 'frame')}{analysed}, {record.duration_s:.1f} s",
        f"{'camera' if len(record.cameras) == 1 else 'cameras'}: {', '.join(camera.name for camera in record.cameras)}",
        f"actions: {' and '.join(actions) if actions else 'not recorded'}",
        f"recording: {record.source}",
    ]


def _with_findings(view: EpisodeView, episode: Assessed, most_cases: int) -> EpisodeView:
    findings = episode.findings
    confusion = episode.confusion()
    shown, others = findings.cases[:most_cases], findings.cases[most_cases:]
    wanted = [wanted_pictures(episode, case, confusion) for case in shown]
    footage = Footage.read(episode.run, episode.record, wanted)
    cases = tuple(
        case_view(episode, view.anchor, case, number, pictures, footage, confusion)
        for number, (case, pictures) in enumerate(zip(shown, wanted, strict=True), start=1)
    )
    problems = list(view.problems)
    if footage.from_preview:
        problems.append(
            "The recording is gone or has changed since it was analysed: pictures are from the run's smaller preview."
        )
    if not findings.instances:
        problems.append("No object was found in this episode, so nothing could be compared.")
    elif not findings.cases:
        problems.append("Nothing was found: no case in this episode.")
    return replace(
        view,
        problems=tuple(problems),
        cast=tuple(_member(episode, number) for number in range(len(findings.instances))),
        timeline=episode_timeline(episode, view.anchor, len(shown)),
        cases=cases,
        more_title=f"{count(len(others), 'more case')}, not shown in full",
        more_cases=tuple(
            ShortCase(f"{case.score:.2f}", kind_title(case.kind), episode.span(case), case.sentence) for case in others
        ),
        matrix=_matrix(episode) if findings.pairs else None,
        matrix_note=""
        if len(findings.pairs) <= _MOST_PAIRS
        else f"The {_MOST_PAIRS} most confused of {len(findings.pairs)} pairs; all of them are in the JSON report.",
        dependence=None if findings.dependence is None else dependence_view(episode, findings.dependence),
        not_assessed=findings.not_assessed,
    )


def _thumbnail(run: RunFolder, record: EpisodeRecord, assessed: Assessed | None) -> Still:
    """The first case at its strongest, with what it is about outlined; without one, the recording halfway through."""
    if assessed is None or not assessed.findings.cases:
        wanted = Wanted(0, (len(record.frames) // 2,), (), ())
        return Film(run, record, Footage.read(run, record, [wanted]), wanted, None, ()).thumbnail()
    case = assessed.findings.cases[0]
    wanted = wanted_pictures(assessed, case, assessed.confusion())
    # Of before, first, strongest and last, the one before the last.
    wanted = replace(wanted, positions=wanted.positions[-2:][:1], sites=())
    maps = assessed.folder.masks(record.cameras[wanted.camera].name)
    return Film(run, record, Footage.read(run, record, [wanted]), wanted, maps, outlines(assessed, case)).thumbnail()


def _member(episode: Assessed, number: int) -> CastMember:
    instance = episode.findings.instances[number]
    seen = sum(area > 0 for area in instance.area)
    role = f"{instance.role} · in {seen} of {count(len(instance.area), 'frame')}"
    path = episode.folder.thumbnail(instance.id)
    face = None
    if path.is_file():
        try:
            with Image.open(path) as opened:
                small = opened.convert("RGB")
                small.thumbnail((96, 96))
                face = still(np.asarray(small))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise RunUnreadable(f"{path}: damaged ({error}). Make the findings again.") from error
    return CastMember(instance.id, instance.name, role, rgb(instance.color), face)


def _matrix(episode: Assessed) -> Markup:
    findings = episode.findings

    def worst(number: int) -> float:
        return max((site.value for site in findings.pairs[number].sites if site.value is not None), default=-1.0)

    order = sorted(range(len(findings.pairs)), key=lambda number: (-worst(number), number))[:_MOST_PAIRS]
    names = {one.id: Named(f"{one.id} {one.name}", one.color) for one in findings.instances}
    words = f"Confusion of {len(order)} pairs of instances at {len(findings.sites)} sites"
    return pair_matrix([findings.pairs[number] for number in order], names, findings.sites, words)
