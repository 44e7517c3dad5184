"""A report for a pull request: Markdown without pictures, as code hosts show it."""

from __future__ import annotations

import re

from analyzer.failures.case import Case
from analyzer.report.case_view import evidence_view, kind_title
from analyzer.report.command_lines import run_command
from analyzer.report.contents import Assessed, Report, count, headline
from analyzer.report.moments import pair_of
from foundation.names import printable

_LISTED = 60
"""Episodes in the table: a comment has a limit, and nobody reads more."""
_BREAK = "<!-- -->"
"""Shows as nothing, and keeps an @name, a #number or an address from becoming a link or a mention."""


def as_markdown(report: Report, most_cases: int) -> str:
    """Summary, ranked episodes, the first `most_cases` cases with their evidence."""
    parts = [f"## {escaped(report.title)}", escaped(report.summary()), _ranking(report)]
    left = most_cases
    for episode in report.episodes:
        if episode.assessed is not None:
            shown = episode.cases[: max(0, left)]
            parts += [_case(episode.assessed, case) for case in shown]
            left -= len(shown)
    hidden = report.case_count - (most_cases - left)
    if hidden > 0:
        parts.append(f"*{count(hidden, 'more case')}; all of them are in the JSON and CSV reports.*")
    unassessed = [
        f"- {_code(episode.id)}: {escaped(sentence)}"
        for episode in report.episodes
        if episode.assessed is not None
        for sentence in episode.assessed.findings.not_assessed
    ]
    if unassessed:
        parts.append("**Not assessed**\n\n" + "\n".join(unassessed[:_LISTED]))
    for name, run in report.runs:
        made = f"<sub>{escaped(name)}: policy {escaped(str(run.manifest.policy.get('name')))}, analysed with</sub>"
        parts.append(f"{made}\n\n{_fenced(run_command(run))}")
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Hostile text as plain words of a line: no markup, no HTML, no mention, no link."""
    plain = re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", printable(text))
    plain = re.sub(r"^(\s*\d*)([-+=#.)])(?=\s|[-=#]|$)", r"\1\\\2", plain)
    plain = re.sub(r"([@#])(?=\w)", rf"\1{_BREAK}", plain)
    return re.sub(r"(?i)(https?|ftp|mailto|www)(?=[:.])", rf"\1{_BREAK}", plain)


def _ranking(report: Report) -> str:
    lines = ["| # | episode | outcome | score | what was found |", "|--:|---|---|--:|---|"]
    for episode in report.episodes[:_LISTED]:
        told = headline(episode.cases[0])[0] if episode.cases else episode.state
        score = "–" if episode.score is None else f"{episode.score:.2f}"
        name = _code(episode.id) + (f" ({escaped(episode.run_name)})" if len(report.runs) > 1 else "")
        outcome = episode.outcome if episode.record is not None else "–"
        lines.append(f"| {episode.rank} | {name} | {outcome} | {score} | {escaped(told)} |")
    if len(report.episodes) > _LISTED:
        lines.append(f"| | and {len(report.episodes) - _LISTED} more | | | |")
    return "\n".join(lines)


def _case(episode: Assessed, case: Case) -> str:
    about = f"{kind_title(case.kind)} · score {case.score:.2f} · {_code(episode.record.id)} {episode.span(case)}"
    claim, detail = headline(case)
    parts = [f"### {escaped(claim)}", about, *([escaped(detail)] if detail else []), *_trace(episode, case)]
    evidence = []
    for view in map(evidence_view, case.evidence):
        interval = f" ({view.interval})" if view.interval else ""
        meaning = f": {escaped(view.meaning)}" if view.meaning else ""
        evidence.append(f"- {escaped(view.name)} **{escaped(view.value)}**{interval}{meaning}")
    evidence += [f"- not assessed: {escaped(sentence)}" for sentence in case.not_assessed]
    if evidence:
        parts.append("\n".join(evidence))
    if case.reproduce:
        parts.append(_fenced(episode.reproduce(case)))
    return "\n\n".join(parts)


def _trace(episode: Assessed, case: Case) -> list[str]:
    """The pair along the policy, as a table of two lines."""
    number = pair_of(episode.findings, case)
    if number is None:
        return []
    pair = episode.findings.pairs[number]
    names = ["picture", *(site.site for site in pair.sites)]
    values = [pair.pixels, *(site.value for site in pair.sites)]
    head = "| confusion at | " + " | ".join(escaped(name) for name in names) + " |"
    rule = "|---|" + "--:|" * len(names)
    shown = ["–" if value is None else f"{value:.2f}" for value in values]
    marked = [f"**{value}**" if name == pair.onset else value for name, value in zip(names, shown, strict=True)]
    return [f"{head}\n{rule}\n| | " + " | ".join(marked) + " |"]


def _code(text: str) -> str:
    """Inline code, whatever backticks are in it; a bar would end a cell of a table."""
    shown = printable(text).replace("|", "¦")
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _fenced(text: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}sh\n{printable(text)}\n{fence}"
