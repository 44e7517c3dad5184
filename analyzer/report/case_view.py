"""One case as the page shows it: key frames, plots and evidence, ready to be laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from analyzer.confusion.pair import PairTrace
from analyzer.drawing.outlines import Outlined
from analyzer.failures.case import Case, Evidence
from analyzer.failures.rules import RULES
from analyzer.report.contents import Assessed, headline
from analyzer.report.moments import around, key_frames, pair_of, shown_sites
from analyzer.report.pictures import CLOSE_UP, RECORDING, Film, Footage, Still, Wanted
from analyzer.report.plots.action_curves import action_curves
from analyzer.report.plots.confusion_in_time import confusion_in_time
from analyzer.report.plots.layer_trace import layer_trace
from analyzer.run_actions import RunActions

HOT = 0.5
"""Confusion from which on a caption is set in the colour of warnings: nearer to indistinguishable than to apart."""


@dataclass(frozen=True)
class Head:
    """What stands above a column of pictures."""

    name: str
    when: str


@dataclass(frozen=True)
class Cell:
    """One picture of a case."""

    still: Still
    described: str
    caption: str
    when: str
    hot: bool


@dataclass(frozen=True)
class FilmRow:
    """All key frames, looked at in one way."""

    name: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class EvidenceView:
    """One number a case stands on."""

    name: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True)
class CaseView:
    """What the template `case` takes."""

    anchor: str
    id: str
    frame: int
    """Of the recording, at its first moment."""
    score: str
    kind: str
    claim: str
    detail: str
    facts: tuple[str, ...]
    heads: tuple[Head, ...]
    rows: tuple[FilmRow, ...]
    trace_key: str
    trace: Markup | None
    in_time: Markup | None
    actions: Markup | None
    recorded: bool
    predicted: bool
    actions_missing: str
    evidence: tuple[EvidenceView, ...]
    not_assessed: tuple[str, ...]
    reproduce: str


def wanted_pictures(episode: Assessed, case: Case, confusion: np.ndarray) -> Wanted:
    """Which pictures a case needs; `confusion`: (pairs, sites, frames, 3) of the episode."""
    findings = episode.findings
    number = pair_of(findings, case)
    names = [camera.name for camera in episode.record.cameras]
    camera = next((one.camera for one in findings.instances if one.id in case.instances), names[0])
    site = _main_site(episode, case)
    strength = None if number is None or site is None else confusion[number, findings.sites.index(site), :, 0]
    return Wanted(
        camera=names.index(camera),
        positions=tuple(key_frames(case, len(episode.record.frames), strength)),
        sites=tuple(shown_sites(case, None if number is None else findings.pairs[number], episode.run.site_names)),
        instances=case.instances,
    )


def case_view(
    episode: Assessed, anchor: str, case: Case, number: int, wanted: Wanted, footage: Footage, confusion: np.ndarray
) -> CaseView:
    """Raises RunUnreadable where the run's arrays are missing or damaged."""
    record, findings = episode.record, episode.findings
    at = pair_of(findings, case)
    pair = None if at is None else findings.pairs[at]
    values = None if at is None else confusion[at]
    maps = episode.folder.masks(record.cameras[wanted.camera].name)
    film = tuple(
        FilmRow(
            row.name,
            _row_note(pair, row.name),
            tuple(
                _cell(episode, wanted, row.name, position, still, values)
                for position, still in zip(wanted.positions, row.stills, strict=True)
            ),
        )
        for row in Film(episode.run, record, footage, wanted, maps, outlines(episode, case)).rows()
    )
    view = CaseView(
        anchor=case_anchor(anchor, number),
        id=case.id,
        frame=episode.frame(case.first),
        score=f"{case.score:.2f}",
        kind=kind_title(case.kind),
        claim=headline(case)[0],
        detail=headline(case)[1],
        facts=(f"case {number}", episode.span(case), *_who(episode, case)),
        heads=tuple(_head(episode, case, position, measured=pair is not None) for position in wanted.positions),
        rows=film,
        trace_key="",
        trace=None,
        in_time=None,
        actions=None,
        recorded=False,
        predicted=False,
        actions_missing="",
        evidence=tuple(evidence_view(one) for one in case.evidence),
        not_assessed=case.not_assessed,
        reproduce=episode.reproduce(case),
    )
    if pair is not None and values is not None:
        view = _with_plots(view, episode, case, pair, values)
    return _with_actions(view, episode, case)


def outlines(episode: Assessed, case: Case) -> list[Outlined]:
    """What is drawn around: the instances a case is about."""
    return [Outlined(one.id, str(one.id), one.color) for one in episode.findings.instances if one.id in case.instances]


def case_anchor(episode_anchor: str, number: int) -> str:
    """Where links to a case of an episode lead."""
    return f"{episode_anchor}-case-{number}"


def kind_title(kind: str) -> str:
    return RULES[kind].title if kind in RULES else kind


def evidence_view(one: Evidence) -> EvidenceView:
    unit = f" {one.unit}" if one.unit else ""
    interval = "" if one.low is None or one.high is None else f"{one.low:.3g} … {one.high:.3g}"
    return EvidenceView(one.name, f"{one.value:.3g}{unit}", interval, one.meaning)


def described_trace(episode: Assessed, pair: PairTrace) -> str:
    """The plot in words."""
    told = [f"{site.site} {'not assessed' if site.value is None else f'{site.value:.2f}'}" for site in pair.sites]
    pixels = "not assessed" if pair.pixels is None else f"{pair.pixels:.2f}"
    names = f"{episode.instance_name(pair.a)} and {episode.instance_name(pair.b)}"
    return f"Confusion of {names}: picture {pixels}, {', '.join(told)}"


def _with_plots(view: CaseView, episode: Assessed, case: Case, pair: PairTrace, values: np.ndarray) -> CaseView:
    sites = episode.findings.sites
    words = described_trace(episode, pair)
    others = [other for other in episode.findings.pairs if other is not pair]
    during = _means(values[:, case.first : case.last + 1, 0])
    trace = layer_trace(pair, others, words, during)
    key = "filled: all frames, in the eigenspace, with its interval · open: in the raw features"
    key += " · dashed: mean over the frames of this case" if any(one is not None for one in during) else ""
    key += " · faint: the episode's other pairs" if others else ""
    main = _main_site(episode, case)
    shown = [site for site in shown_sites(case, pair, episode.run.site_names) if site in sites]
    if main is None or len(episode.record.frames) == 1:
        return replace(view, trace=trace, trace_key=key)
    in_time = confusion_in_time(
        values[[sites.index(site) for site in shown]],
        shown,
        shown.index(main),
        episode.record.frames,
        (case.first, case.last),
        f"Confusion at {', '.join(shown)} over the frames, {episode.span(case)} shaded",
    )
    return replace(view, trace=trace, trace_key=key, in_time=in_time)


def _with_actions(view: CaseView, episode: Assessed, case: Case) -> CaseView:
    record = episode.record
    actions = RunActions.read(episode.run, record)
    given = actions.recorded if actions.recorded is not None else actions.predicted
    if given is None or actions.space is None:
        return replace(view, actions_missing="Actions: not recorded, none predicted.")
    first, last = episode.steps[case.first], episode.steps[case.last]
    plot = action_curves(
        actions.recorded,
        actions.predicted,
        actions.space,
        (first, last),
        around(first, last, len(given)),
        f"Actions about control steps {first} to {last}",
    )
    return replace(view, actions=plot, recorded=actions.recorded is not None, predicted=actions.predicted is not None)


def _means(values: np.ndarray) -> list[float | None]:
    """(sites, frames) -> of each site, over the frames that were assessed; None: there are none."""
    return [None if np.isnan(row).all() else float(np.nanmean(row)) for row in values]


def _main_site(episode: Assessed, case: Case) -> str | None:
    """The first of the case's sites that findings have figures of."""
    return next((site for site in case.sites if site in episode.findings.sites), None)


def _who(episode: Assessed, case: Case) -> Sequence[str]:
    names = [f"{id_} {episode.instance_name(id_)}" for id_ in case.instances]
    return [" and ".join(names)] if names else []


def _head(episode: Assessed, case: Case, position: int, *, measured: bool) -> Head:
    """`measured`: how strong the case is was measured frame by frame."""
    names = [name for name, at in (("first", case.first), ("last", case.last)) if at == position]
    between = "strongest" if measured else "in between"
    name = "before" if position < case.first else " and ".join(names) or between
    return Head(name, f"frame {episode.frame(position)} · {episode.seconds(position):.2f} s")


def _row_note(pair: PairTrace | None, site: str) -> str:
    if pair is None:
        return ""
    if site == pair.onset:
        return "merged from here"
    return ""


def _cell(episode: Assessed, wanted: Wanted, row: str, position: int, still: Still, values: np.ndarray | None) -> Cell:
    """`values`: (sites, frames, 3) of the case's pair."""
    when = f"frame {episode.frame(position)}"
    sites = episode.findings.sites
    caption, hot = "", False
    if values is not None and row in sites:
        value = float(values[sites.index(row), position, 0])
        caption = "not assessed here" if np.isnan(value) else f"confusion {value:.2f}"
        hot = value >= HOT
    looks = {RECORDING: "as recorded", CLOSE_UP: "as recorded, close up"}
    described = f"{when}, {looks.get(row, f'the colours of {row} over it')}"
    return Cell(still, described + (f", {caption}" if caption else ""), caption, when, hot)
