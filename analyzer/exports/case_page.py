"""One case as a page that stands alone, with the player in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from analyzer.exports.exporter import ExportRequest
from analyzer.failures.case import Case
from analyzer.findings_folder import FindingsFolder, read_findings
from analyzer.progress import Progress
from foundation.errors import BadInput, RunUnreadable, did_you_mean, quoted


def problem(request: ExportRequest) -> str | None:
    try:
        found = read_findings(request.run, request.episode)
    except RunUnreadable as error:
        return str(error)
    if found is None:
        return "The run has not been searched for cases: python -m analyzer assess RUN does."
    return None if found.cases else "Nothing was found in this episode: there is no case to export."


def write(request: ExportRequest, path: Path, progress: Progress) -> None:
    from analyzer.report.command_lines import report_command
    from analyzer.report.contents import collect, headline
    from analyzer.report.episode_view import in_full
    from analyzer.report.inline_player import ROOM
    from analyzer.report.page import glance, report_page, with_player

    progress.stage("laying out", 2, "part")
    whole = collect([request.run.path], request.episode)
    (episode,) = whole.episodes
    if episode.assessed is None:
        raise RunUnreadable(episode.problem)
    case = _case(request, episode.assessed.findings.cases)
    folder = episode.assessed.folder
    # Everything of the episode, but of its cases this one.
    alone = FindingsFolder(folder.path, replace(folder.findings, cases=(case,)))
    episode = replace(episode, assessed=replace(episode.assessed, folder=alone), anchor="episode")
    report = replace(whole.of(episode), title=f"{headline(case)[0]}")
    view = in_full(glance(report, episode), episode, 1)
    progress.advance(1)
    view = with_player(episode, view, ROOM)
    command = report_command([request.run], Path("report.html"))
    page = report_page(report, [view], 1, report_command=command)
    path.write_bytes(page.encode("utf-8", "backslashreplace"))
    progress.advance(1)


def _case(request: ExportRequest, cases: tuple[Case, ...]) -> Case:
    if not cases:
        raise BadInput("Nothing was found in this episode: there is no case to export.")
    if request.view.case is None:
        return cases[0]
    for case in cases:
        if case.id == request.view.case:
            return case
    known = [case.id for case in cases]
    raise BadInput(f"There is no case {quoted(request.view.case)}.{did_you_mean(request.view.case, known)}")
