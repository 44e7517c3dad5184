"""A comparison as a web page that stands alone, as reports do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from analyzer.comparison.agreement import AgreedColors
from analyzer.comparison.differences import Comparison, PairDifference, SiteDifference, side_name
from analyzer.comparison.moments import confusion_of
from analyzer.comparison.sides import Side, Sides
from analyzer.drawing.outlines import Outlined
from analyzer.report.command_lines import compare_command
from analyzer.report.pictures import Film, Footage, Row, Still, Wanted
from analyzer.report.plots.dumbbells import Dumbbell, Value, dumbbells
from analyzer.report.plots.residual_matrix import residual_matrix
from analyzer.report.render_page import render_page
from foundation.errors import EpisodeUnreadable

_MOST_PAIRS = 24
_MOST_FILMS = 3
_MOST_SITES = 16
"""In the picture of residuals."""


@dataclass(frozen=True)
class FilmView:
    """Both sides' looks at one pair."""

    title: str
    rows: tuple[FilmRow, ...]
    columns: int


@dataclass(frozen=True)
class FilmRow:
    """One look of one side."""

    side: str
    name: str
    note: str
    stills: tuple[tuple[Still, str], ...]
    """Picture and what is written below it."""


def comparison_page(comparison: Comparison) -> str:
    """Raises RunUnreadable where a run is damaged."""
    both = comparison.sides
    films, problems = [], []
    for pair in _worth_showing(comparison):
        try:
            films.append(_film(both, pair))
        except EpisodeUnreadable as error:
            problems.append(str(error))
    return render_page(
        "compare.html",
        title=f"Comparing {both.question}",
        sides=[side_name(both.a), side_name(both.b)],
        sentences=comparison.sentences,
        how=comparison.how,
        pairs=_pairs(comparison) if comparison.pairs else None,
        films=films,
        residuals=_residuals(comparison) if comparison.residuals else None,
        steadiness=[
            (one.site_a if one.site_a == one.site_b else f"{one.site_a} ~ {one.site_b}", *_figures(one.a, one.b))
            for one in comparison.steadiness
        ],
        not_assessed=(*comparison.not_assessed, *problems),
        command=compare_command(
            (both.a.run, both.b.run), (both.a.record.id, both.b.record.id), (both.a.sites, both.b.sites)
        ),
    )


def _worth_showing(comparison: Comparison) -> list[PairDifference]:
    differing = [one for one in comparison.pairs if one.differs(one_trace=comparison.sides.same_findings)]
    return [one for one in (differing or comparison.pairs) if one.largest is not None][:_MOST_FILMS]


def _pairs(comparison: Comparison) -> Markup:
    rows = []
    for pair in comparison.pairs[:_MOST_PAIRS]:
        at = pair.largest
        a, b = (Value(None, None, None) if at is None else _value(at, letter) for letter in "ab")
        where = "not assessed" if at is None else at.site_a if at.site_a == at.site_b else f"{at.site_a} ~ {at.site_b}"
        rows.append(Dumbbell(f"{pair.first} and {pair.second}", a, b, where, pair.parts_at is not None))
    return dumbbells(rows, f"Confusion of {len(rows)} pairs on both sides, where they differ most")


def _value(at: SiteDifference, letter: str) -> Value:
    one = at.a if letter == "a" else at.b
    return Value(None, None, None) if one is None else Value(one.value, one.low, one.high)


def _residuals(comparison: Comparison) -> Markup:
    a, b = (list(side.sites[-_MOST_SITES:]) for side in (comparison.sides.a, comparison.sides.b))
    values = {(one.a, one.b): one.value for one in comparison.residuals}
    return residual_matrix(
        a, b, values, "Residual between sites of A and sites of B: 0 the same structure, 1 unrelated"
    )


def _figures(*records: object) -> list[str]:
    return [
        " | ".join("–" if (value := getattr(one, name, None)) is None else f"{value:.4f}" for one in records)
        for name in ("flicker", "switches", "drift", "warped")
    ]


def _film(both: Sides, pair: PairDifference) -> FilmView:
    """Three moments of each side: where the pair is most confused, and its first and last frame in sight."""
    at = pair.largest
    assert at is not None
    moments = _moments(both, pair, at)
    rows: list[FilmRow] = []
    for side, positions, site, trace in (
        (both.a, moments[0], at.site_a, pair.a),
        (both.b, moments[1], at.site_b, pair.b),
    ):
        assert side.assessed is not None
        instances = [one for one in side.instances if one.id in (trace.a, trace.b)]
        names = [camera.name for camera in side.record.cameras]
        camera = names.index(instances[0].camera)
        wanted = Wanted(camera, tuple(positions), (site,), (trace.a, trace.b))
        footage = Footage.read(side.run, side.record, [wanted])
        outlines = [Outlined(one.id, str(one.id), one.color) for one in instances]
        film = Film(side.run, side.record, footage, wanted, side.assessed.folder.masks(names[camera]), outlines)
        frames = [f"frame {side.record.frames[position]}" for position in positions]
        recorded = film.close_up()
        if side is both.a or not both.same_recording:
            note = "recording" if both.same_recording else f"recording {side.letter}"
            rows.append(FilmRow(note, "", "", tuple(zip(recorded.stills, frames, strict=True))))
        captions = _captions(side, site, trace.a, trace.b, positions)
        seen, note = _seen(both, side, film, camera, at)
        rows.append(FilmRow(side.letter, site, note, tuple(zip(seen.stills, captions, strict=True))))
    return FilmView(f"{pair.first} and {pair.second}", tuple(rows), max(len(row.stills) for row in rows))


def _seen(both: Sides, side: Side, film: Film, camera: int, at: SiteDifference) -> tuple[Row, str]:
    """B in the colours of A where they have bases of their own but the same pictures."""
    if side is both.a or both.same_basis or not both.same_recording:
        own = side is both.b and not both.same_basis and not both.same_recording
        return film.site(at.site_a if side is both.a else at.site_b), "in its own colours" if own else ""
    agreed = AgreedColors.fit(both, at.site_a, at.site_b)
    if agreed is None:
        return film.site(at.site_b), "in its own colours"

    def colors(position: int) -> np.ndarray:
        with side.run.array(side.record.id, at.site_b, "eigenvectors") as array:
            return agreed(array.read(position, position + 1)[0, camera])

    grid = side.run.site(side.record.id, at.site_b).grid
    return film.painted(at.site_b, colors, grid), f"in the colours of A (residual {agreed.alignment.residual:.2f})"


def _moments(both: Sides, pair: PairDifference, at: SiteDifference) -> tuple[list[int], list[int]]:
    """Positions among the analysed frames of A and of B; the same frames where both show the same pictures."""
    a = _confusion(both.a, at.site_a, pair.a.a, pair.a.b)
    b = _confusion(both.b, at.site_b, pair.b.a, pair.b.b)
    if not both.same_recording:
        return _three(a), _three(b)
    shared = np.array(both.frames)
    chosen = shared[_three(np.abs(b[shared[:, 1]] - a[shared[:, 0]]))]
    return [int(one) for one in chosen[:, 0]], [int(one) for one in chosen[:, 1]]


def _three(strength: np.ndarray) -> list[int]:
    """First, strongest and last of the (frames,) that are known, three where there are three."""
    known = np.flatnonzero(~np.isnan(strength))
    if not len(known):
        return sorted({0, len(strength) // 2, len(strength) - 1})
    strongest = int(known[np.argmax(strength[known])])
    return sorted({int(known[0]), strongest, int(known[-1])})


def _confusion(side: Side, site: str, a: int, b: int) -> np.ndarray:
    """(frames,) of a pair at a site."""
    assert side.assessed is not None
    return confusion_of(side, side.assessed.confusion(), site, a, b)


def _captions(side: Side, site: str, a: int, b: int, positions: Sequence[int]) -> list[str]:
    values = _confusion(side, site, a, b)
    return ["not assessed here" if np.isnan(values[at]) else f"confusion {values[at]:.2f}" for at in positions]
