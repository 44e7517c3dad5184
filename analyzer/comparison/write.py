"""`python -m analyzer compare`: the differences as text, Markdown, JSON or a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analyzer.comparison.differences import Comparison, PairDifference, compare, side_name
from analyzer.comparison.sides import sides
from analyzer.report.markdown import escaped
from foundation.errors import BadInput
from foundation.files import atomic

SUFFIXES = (".html", ".md", ".json")
SCHEMA = "trajectory-lens/comparison/1"


def write_comparison(
    paths: Sequence[Path], episodes: Sequence[str], sites: Sequence[str], output: Path | None
) -> dict[str, Any]:
    """Compare, write to `output` where there is one, and give what was found as plain values and as text.

    Raises:
        BadInput, RunUnreadable: see `sides`.
        OutputUnwritable: `output` cannot be written.
    """
    if output is not None and output.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{output}: a comparison ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    comparison = compare(sides(paths, episodes, sites))
    told = {"comparison": as_json(comparison), "text": as_text(comparison)}
    if output is None:
        return told
    if output.suffix.lower() == ".html":
        from analyzer.comparison.page import comparison_page

        written = comparison_page(comparison)
    elif output.suffix.lower() == ".md":
        written = as_markdown(comparison)
    else:
        written = json.dumps(told["comparison"], indent=1, allow_nan=False) + "\n"
    with atomic(output) as temporary:
        temporary.write_bytes(written.encode("utf-8", "backslashreplace"))
    return {"path": str(output), "comparison": told["comparison"]}


def as_text(comparison: Comparison) -> str:
    """For a terminal; text out of recordings in it is still hostile."""
    both = comparison.sides
    lines = [f"Comparing {both.question}.", f"  {side_name(both.a)}", f"  {side_name(both.b)}", ""]
    lines += [f"* {sentence}" for sentence in comparison.sentences]
    if comparison.pairs:
        lines += ["", f"Confusion, A | B, {comparison.how}:", *_table(comparison)]
    lines += ["", "Steadiness, A | B (0 is steadiest):", *_steadiness(comparison)]
    if comparison.not_assessed:
        lines += ["", "Not assessed:", *(f"* {sentence}" for sentence in comparison.not_assessed)]
    return "\n".join(lines)


def as_markdown(comparison: Comparison) -> str:
    """For a pull request."""
    both = comparison.sides
    parts = [
        f"## Comparing {both.question}",
        f"- {escaped(side_name(both.a))}\n- {escaped(side_name(both.b))}",
        "\n".join(f"- {escaped(sentence)}" for sentence in comparison.sentences),
    ]
    if comparison.pairs:
        head = "| A \\| B | " + " | ".join(escaped(_beside(*one)) for one in comparison.compared) + " | verdict |"
        rule = "|---|" + "--:|" * len(comparison.compared) + "---|"
        rows = [
            f"| {escaped(f'{pair.first} and {pair.second}')} | "
            + " | ".join(cell.replace("|", "\\|") for cell in _cells(pair))
            + f" | {_verdicts(pair)} |"
            for pair in comparison.pairs
        ]
        parts.append("\n".join([head, rule, *rows]))
    if comparison.not_assessed:
        parts.append("**Not assessed**\n\n" + "\n".join(f"- {escaped(one)}" for one in comparison.not_assessed))
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(comparison: Comparison) -> dict[str, Any]:
    both = comparison.sides
    return {
        "schema": SCHEMA,
        "question": both.question,
        "a": _side_json(comparison, "a"),
        "b": _side_json(comparison, "b"),
        "sentences": list(comparison.sentences),
        "compared_sites": [list(one) for one in comparison.compared],
        "compared_because": comparison.how,
        "matches": [asdict(one) for one in comparison.matches],
        "pairs": [
            {
                "names": [pair.first, pair.second],
                "a": {"instances": [pair.a.a, pair.a.b], "verdict": pair.a.verdict, "onset": pair.a.onset},
                "b": {"instances": [pair.b.a, pair.b.b], "verdict": pair.b.verdict, "onset": pair.b.onset},
                "parts_at": None if pair.parts_at is None else pair.parts_at.site_a,
                "sites": [{**asdict(site), "change": site.change, "differs": site.differs} for site in pair.sites],
            }
            for pair in comparison.pairs
        ],
        "cases": [
            {"side": one.side, "id": one.case.id, "kind": one.case.kind, "score": one.case.score, "also": one.also}
            for one in comparison.cases
        ],
        "steadiness": [asdict(one) for one in comparison.steadiness],
        "residuals": [asdict(one) for one in comparison.residuals],
        "not_assessed": list(comparison.not_assessed),
    }


def _side_json(comparison: Comparison, letter: str) -> dict[str, Any]:
    side = getattr(comparison.sides, letter)
    return {
        "run": str(side.run.path),
        "episode": side.record.id,
        "policy": side.policy,
        "sites": list(side.sites),
        "success": side.record.success,
        "instruction": side.record.instruction,
    }


def _table(comparison: Comparison) -> list[str]:
    rows = [["", *(_beside(*one) for one in comparison.compared), "verdict"]]
    rows += [[f"{pair.first} and {pair.second}", *_cells(pair), _verdicts(pair)] for pair in comparison.pairs]
    return _aligned(rows)


def _steadiness(comparison: Comparison) -> list[str]:
    rows = [["", "flicker", "switches", "drift", "warped"]]
    for one in comparison.steadiness:
        figures = [
            " | ".join(_number(None if record is None else getattr(record, name), 4) for record in (one.a, one.b))
            for name in rows[0][1:]
        ]
        rows.append([_beside(one.site_a, one.site_b), *figures])
    return _aligned(rows)


def _cells(pair: PairDifference) -> list[str]:
    """A | B at each of the compared sites; a star where the intervals are apart."""
    return [
        " | ".join(_number(None if side is None else side.value, 2) for side in (one.a, one.b))
        + (" *" if one.differs else "")
        for one in pair.sites
    ]


def _verdicts(pair: PairDifference) -> str:
    a, b = pair.a.verdict, pair.b.verdict
    return a if a == b else f"{a} → {b}"


def _beside(site_a: str, site_b: str) -> str:
    return site_a if site_a == site_b else f"{site_a} ~ {site_b}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
