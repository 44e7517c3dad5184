"""Every difference as something to go to: what is told, about whom, and at which frame it shows best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.comparison.differences import Comparison, PairDifference, SiteDifference
from analyzer.comparison.sides import Side, Sides
from analyzer.failures.case import Case
from analyzer.report.case_view import kind_title
from analyzer.report.contents import headline


@dataclass(frozen=True)
class ToldDifference:
    """One line of the list beside two players."""

    sentence: str
    """Hostile text in it."""
    kind: str
    """ "pair" or a kind of case."""
    title: str
    """The kind in words."""
    differs: bool
    """Beyond the intervals; a case: on one side alone."""
    side: str | None
    """ "a" or "b" that has the case alone; None: it is about both."""
    frame: tuple[str, int] | None
    """("a" or "b", frame of that recording) where it shows best; None: at no frame."""
    pair_a: tuple[int, int] | None
    pair_b: tuple[int, int] | None
    """Instances of each side."""
    site_a: str | None
    site_b: str | None
    case: str | None
    """Id of the side's case."""
    values: tuple[float | None, float | None] = (None, None)
    """Confusion in A and in B, where they are furthest apart."""


def told_differences(comparison: Comparison) -> list[ToldDifference]:
    """What differs most, first: pairs, then the cases of one side alone, then pairs that do not differ.

    Raises RunUnreadable where a run is damaged.
    """
    both = comparison.sides
    one_trace = both.same_findings
    confusion = {side.letter: side.assessed.confusion() for side in (both.a, both.b) if side.assessed is not None}
    pairs = [_pair(both, one, confusion, one_trace=one_trace) for one in comparison.pairs]
    cases = [_case(both.a if one.side == "A" else both.b, one.case) for one in comparison.cases if not one.also]
    return [*(one for one in pairs if one.differs), *cases, *(one for one in pairs if not one.differs)]


def confusion_of(side: Side, values: np.ndarray, site: str, a: int, b: int) -> np.ndarray:
    """(frames,) of a pair at a site, out of the side's (pairs, sites, frames, 3); NaN: not assessed."""
    assert side.assessed is not None
    findings = side.assessed.findings
    number = next(n for n, one in enumerate(findings.pairs) if {one.a, one.b} == {a, b})
    if site not in findings.sites:
        return np.full(len(side.record.frames), np.nan)
    return np.asarray(values[number, findings.sites.index(site), :, 0])


def _pair(both: Sides, pair: PairDifference, confusion: dict[str, np.ndarray], *, one_trace: bool) -> ToldDifference:
    at = pair.largest
    return ToldDifference(
        sentence=pair.sentence(one_trace=one_trace),
        kind="pair",
        title="how alike two things are",
        differs=pair.differs(one_trace=one_trace),
        side=None,
        frame=None if at is None else _strongest(both, pair, at, confusion),
        pair_a=(pair.a.a, pair.a.b),
        pair_b=(pair.b.a, pair.b.b),
        site_a=None if at is None else at.site_a,
        site_b=None if at is None else at.site_b,
        case=None,
        values=(None, None) if at is None else (_value(at, "a"), _value(at, "b")),
    )


def _value(at: SiteDifference, letter: str) -> float | None:
    one = at.a if letter == "a" else at.b
    return None if one is None else one.value


def _strongest(
    both: Sides, pair: PairDifference, at: SiteDifference, confusion: dict[str, np.ndarray]
) -> tuple[str, int] | None:
    """In the same pictures where the two are furthest apart, else where the side that confuses more does so most."""
    a = confusion_of(both.a, confusion["A"], at.site_a, pair.a.a, pair.a.b)
    b = confusion_of(both.b, confusion["B"], at.site_b, pair.b.a, pair.b.b)
    if both.same_recording and both.frames:
        shared = np.array(both.frames)
        apart = np.abs(b[shared[:, 1]] - a[shared[:, 0]])
        if not np.isnan(apart).all():
            return "a", both.a.record.frames[int(shared[int(np.nanargmax(apart)), 0])]
    peaks = [(-np.inf if np.isnan(one).all() else float(np.nanmax(one))) for one in (a, b)]
    if max(peaks) == -np.inf:
        return None
    letter, side, values = ("a", both.a, a) if peaks[0] >= peaks[1] else ("b", both.b, b)
    return letter, side.record.frames[int(np.nanargmax(values))]


def _case(side: Side, case: Case) -> ToldDifference:
    letter = side.letter.lower()
    pair = _known_pair(side, case)
    return ToldDifference(
        sentence=f"Only {side.letter}: {headline(case)[0]}",
        kind=case.kind,
        title=kind_title(case.kind),
        differs=True,
        side=letter,
        frame=(letter, side.record.frames[case.first]),
        pair_a=pair if letter == "a" else None,
        pair_b=pair if letter == "b" else None,
        site_a=case.sites[-1] if letter == "a" and case.sites else None,
        site_b=case.sites[-1] if letter == "b" and case.sites else None,
        case=case.id,
    )


def _known_pair(side: Side, case: Case) -> tuple[int, int] | None:
    assert side.assessed is not None
    about = set(case.instances)
    return next(((one.a, one.b) for one in side.assessed.findings.pairs if {one.a, one.b} <= about), None)
