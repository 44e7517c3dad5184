"""The report as web pages that stand alone: one file, no script, nothing fetched, readable on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from analyzer.report import inline_player
from analyzer.report.command_lines import run_command
from analyzer.report.contents import Report, ReportedEpisode, count, headline
from analyzer.report.episode_view import EpisodeView, at_a_glance, instruction, outcome_class
from analyzer.report.pictures import Still
from analyzer.report.render_page import render_page
from analyzer.run_folder import RunFolder
from analyzer.settings import PARAMETERS
from foundation.errors import RunUnreadable

_MOST_SENTENCES = 2
TERMS = (
    (
        "confusion",
        "Of two instances at a site and frame, the larger of two figures. Within the frame: clip(2 (1 − AUC), 0, 1), where "
        "AUC is the chance that a patch of one is more like another patch of its own than like one of the other. Over time: "
        "twice the share of the patches of one that are nearer to the other than to what they usually are, at most 1. 0: "
        "always told apart; 1: indistinguishable.",
    ),
    (
        "site",
        "A place in the policy where features are read, in order of depth. “picture” is the recording itself, "
        "measured in its colours alone.",
    ),
    (
        "merged",
        "Told apart early in the policy and taken for the same later: from the onset site on, and up to the end.",
    ),
    ("look-alikes", "Alike in the picture already: no fault of the network's."),
    (
        "interval",
        "What a bootstrap over patches and neighbouring frames gives; values closer to each other than their intervals "
        "are not different.",
    ),
    ("score", "0 … 1: how much a case deserves to be looked at first; the order of cases and of episodes."),
    ("colours", "Two patches have the same colour where the site's eigenspace has them in the same place."),
    (
        "not assessed",
        "The recording or the policy does not allow a judgement. It is never counted as “nothing found”.",
    ),
)


@dataclass(frozen=True)
class RankingRow:
    """A line of the list of episodes."""

    rank: int
    id: str
    run: str
    link: str
    instruction: str
    outcome: str
    outcome_class: str
    score: str
    sentences: tuple[str, ...]
    more: str
    still: Still | None


@dataclass(frozen=True)
class SettingView:
    """One parameter of a run."""

    name: str
    value: str
    changed: bool


@dataclass(frozen=True)
class RunView:
    """How one run was made."""

    name: str
    facts: tuple[str, ...]
    command: str
    settings: tuple[SettingView, ...]
    steadiness: tuple[tuple[str, ...], ...]


def report_page(
    report: Report, views: Sequence[EpisodeView], full: int, *, report_command: str, index_link: str = ""
) -> str:
    """A page about some episodes: all of them listed, the first `full` with everything.

    Args:
        views: of the report's episodes, in their order.
    """
    return render_page(
        "report.html",
        title=report.title,
        summary=report.summary(),
        index_link=index_link,
        ranking=[
            ranking_row(report, episode, view, f"#{episode.anchor}" if number < full else "")
            for number, (episode, view) in enumerate(zip(report.episodes, views, strict=True))
        ],
        episodes=views[:full],
        more_episodes=max(0, len(views) - full),
        runs=_runs(report),
        report_command=report_command,
        terms=TERMS,
        **_player_parts(views),
    )


def index_page(report: Report, rows: Sequence[RankingRow], *, report_command: str) -> str:
    """The list of all episodes, each leading to a page of its own."""
    return render_page(
        "index.html",
        title=report.title,
        summary=report.summary(),
        ranking=rows,
        runs=_runs(report),
        report_command=report_command,
        terms=TERMS,
    )


def glance(report: Report, episode: ReportedEpisode) -> EpisodeView:
    """What a list says of an episode; the run is named where there are several."""
    return at_a_glance(episode, run_name=episode.run_name if len(report.runs) > 1 else None)


def with_player(episode: ReportedEpisode, view: EpisodeView, room: int) -> EpisodeView:
    """The view with its player, where that takes no more than `room` bytes; else it says that it is left out."""
    if episode.record is None:
        return view
    try:
        player = inline_player.player_of(episode.run, episode.id, episode.anchor)
    except RunUnreadable as error:
        return replace(view, problems=(*view.problems, f"The player is left out: {error}"))
    if len(player) > room:
        told = (
            f"The player of this episode is left out: it takes {len(player) / 1e6:.1f} MB, and the page would become too "
            "large. A report into a folder gives every episode a page, and a player, of its own."
        )
        return replace(view, problems=(*view.problems, told))
    return replace(view, player=player, player_anchor=inline_player.player_anchor(episode.anchor))


def _player_parts(views: Sequence[EpisodeView]) -> dict[str, Any]:
    """What a page with a player in it needs besides."""
    if not any(view.player for view in views):
        return {}
    return {"extra_styles": [inline_player.styles()], "scripts": inline_player.scripts()}


def ranking_row(report: Report, episode: ReportedEpisode, view: EpisodeView, link: str) -> RankingRow:
    told = tuple(headline(case)[0] for case in episode.cases[:_MOST_SENTENCES])
    more = len(episode.cases) - len(told)
    return RankingRow(
        rank=episode.rank,
        id=episode.id,
        run=episode.run_name if len(report.runs) > 1 else "",
        link=link,
        instruction=instruction(episode),
        outcome=episode.outcome if episode.record is not None else "",
        outcome_class=outcome_class(episode),
        score="–" if episode.score is None else f"{episode.score:.2f}",
        sentences=told or (episode.state,),
        more=f"and {count(more, 'more case')}" if more > 0 else "",
        still=view.thumbnail,
    )


def _runs(report: Report) -> list[RunView]:
    return [_run(name, run, report) for name, run in report.runs]


def _run(name: str, run: RunFolder, report: Report) -> RunView:
    manifest = run.manifest
    episodes = [one for one in report.episodes if one.run is run and one.record is not None]
    settings = []
    for field, parameter in PARAMETERS.items():
        value = getattr(manifest.settings, field)
        shown = ", ".join(value) if isinstance(value, tuple) else value
        settings.append(SettingView(field, "–" if value in (None, (), "") else str(shown), value != parameter.default))
    return RunView(
        name=name,
        facts=(
            f"policy {manifest.policy.get('name')}",
            f"weights {str(manifest.policy.get('fingerprint'))[:12]}",
            f"sites {', '.join(run.site_names)}",
            *(f"{package} {version}" for package, version in manifest.versions.items()),
        ),
        command=run_command(run),
        settings=tuple(settings),
        steadiness=tuple(row for episode in episodes for row in _steadiness(run, episode.id)),
    )


def _steadiness(run: RunFolder, episode: str) -> list[tuple[str, ...]]:
    rows = []
    for site in run.site_names:
        try:
            record = run.site(episode, site).steadiness
        except RunUnreadable:
            rows.append((episode, site, *["damaged"] * 4))
            continue
        figures = [None] * 4 if record is None else [record.flicker, record.switches, record.drift, record.warped]
        rows.append((episode, site, *("–" if figure is None else f"{figure:.4f}" for figure in figures)))
    return rows
