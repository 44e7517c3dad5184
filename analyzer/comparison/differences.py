"""What differs between two sides: pair by pair, case by case, site by site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.comparison.agreement import Residual, residuals
from analyzer.comparison.matching import Match, match
from analyzer.comparison.sides import Side, Sides
from analyzer.confusion.pair import PairTrace, SiteConfusion
from analyzer.failures.case import Case
from analyzer.report.case_view import kind_title
from analyzer.report.contents import headline
from analyzer.run_folder import SteadinessRecord

CONFUSED = ("merged", "look-alikes")


@dataclass(frozen=True)
class SiteDifference:
    """A pair at a site of A and at the one of B that it is compared with."""

    site_a: str
    site_b: str
    a: SiteConfusion | None
    b: SiteConfusion | None

    @property
    def change(self) -> float | None:
        """B - A; None: one of them was not assessed."""
        if self.a is None or self.b is None or self.a.value is None or self.b.value is None:
            return None
        return self.b.value - self.a.value

    @property
    def differs(self) -> bool:
        """The intervals have nothing in common."""
        if self.a is None or self.b is None or None in (self.a.low, self.a.high, self.b.low, self.b.high):
            return False
        assert self.a.low is not None
        assert self.a.high is not None
        assert self.b.low is not None
        assert self.b.high is not None
        return self.a.low > self.b.high or self.b.low > self.a.high


@dataclass(frozen=True)
class PairDifference:
    """Two things that both sides show."""

    first: str
    second: str
    """Names, hostile text."""
    a: PairTrace
    b: PairTrace
    sites: tuple[SiteDifference, ...]

    @property
    def parts_at(self) -> SiteDifference | None:
        """The first of the compared sites at which the two sides differ; None: they do not."""
        return next((one for one in self.sites if one.differs), None)

    @property
    def largest(self) -> SiteDifference | None:
        """Where the values are furthest apart."""
        known = [one for one in self.sites if one.change is not None]
        return max(known, key=lambda one: (one.differs, abs(one.change or 0.0)), default=None)

    def differs(self, *, one_trace: bool) -> bool:
        """Beyond the intervals, or in what is said of the whole trace."""
        return self.parts_at is not None or (not one_trace and self.a.verdict != self.b.verdict)

    @property
    def worth(self) -> tuple[bool, bool, float]:
        """Sorts what differs most to the front."""
        largest = self.largest
        change = 0.0 if largest is None or largest.change is None else abs(largest.change)
        return (self.parts_at is None, self.a.verdict == self.b.verdict, -change)

    def sentence(self, *, one_trace: bool) -> str:
        """One plain sentence. `one_trace`: both sides are places on the same trace, so that verdicts say nothing."""
        names = f"{self.first} and {self.second}"
        at = self.largest
        if one_trace:
            figures = "; ".join(
                f"{_figure(one.a)} at {one.site_a}, {_figure(one.b)} at {one.site_b}" for one in self.sites
            )
            return f"{names}: confusion {figures}."
        told = f"{names}: {_verdict(self.a)} in A, {_verdict(self.b)} in B"
        if at is None:
            return f"{told}; their confusion cannot be compared (not assessed on one of the sides)."
        where = at.site_a if at.site_a == at.site_b else f"{at.site_a} (A) and {at.site_b} (B)"
        figures = f"{_figure(at.a)} in A, {_figure(at.b)} in B"
        if self.parts_at is None:
            return f"{told}; no difference beyond the intervals (furthest apart at {where}: {figures})."
        begins = self.parts_at.site_a
        parts = f"the traces part at {begins}" if len(self.sites) > 1 else "the intervals are apart"
        return f"{told}; {parts}; at {where} confusion is {figures}."


@dataclass(frozen=True)
class CaseDifference:
    """A case that one side has, and whether the other has one of its kind about the same things."""

    side: str
    case: Case
    also: bool


@dataclass(frozen=True)
class SteadinessDifference:
    """Of a site of A and the one of B that it is compared with."""

    site_a: str
    site_b: str
    a: SteadinessRecord | None
    b: SteadinessRecord | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that is told of two sides."""

    sides: Sides
    compared: tuple[tuple[str, str], ...]
    """(site of A, site of B) that are set beside each other."""
    how: str
    """Why these, in words."""
    matches: tuple[Match, ...]
    pairs: tuple[PairDifference, ...]
    """What differs most, first."""
    cases: tuple[CaseDifference, ...]
    steadiness: tuple[SteadinessDifference, ...]
    residuals: tuple[Residual, ...]
    not_assessed: tuple[str, ...]

    def _pair_sentences(self) -> list[str]:
        """Pairs that differ beyond the intervals, or in what is said of them."""
        one_trace = self.sides.same_findings
        return [one.sentence(one_trace=one_trace) for one in self.pairs if one.differs(one_trace=one_trace)]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it comes to, the most telling first."""
        told = [_outcomes(self.sides), *self._pair_sentences()]
        same = sum(not one.differs(one_trace=self.sides.same_findings) for one in self.pairs)
        if same:
            told.append(
                f"{same} of {len(self.pairs)} pairs {'differs' if same == 1 else 'differ'} by no more than the intervals."
            )
        told += _lone_things(self.sides, self.matches)
        told += [
            f"Only {one.side} has this case ({kind_title(one.case.kind)}, score {one.case.score:.2f}): {headline(one.case)[0]}"
            for one in self.cases
            if not one.also
        ]
        if self.residuals:
            told.append(_agreement(self.residuals))
        return tuple(sentence for sentence in told if sentence)

    @property
    def summary(self) -> tuple[str, ...]:
        """What is about the two sides as a whole: outcomes, things that one alone has, how far the bases agree."""
        agreement = _agreement(self.residuals) if self.residuals else ""
        told = (_outcomes(self.sides), *_lone_things(self.sides, self.matches), agreement)
        return tuple(sentence for sentence in told if sentence)


def compare(sides: Sides) -> Comparison:
    """Raises RunUnreadable where a run is damaged."""
    a, b = sides.a, sides.b
    not_assessed = [f"Findings of {side.letter}: {side.problem}" for side in (a, b) if side.problem]
    turned = residuals(sides) if sides.same_recording and sides.frames else []
    compared, how = _beside_each_other(sides, turned)
    if not turned and not sides.same_basis:
        not_assessed.append(
            "How far the two bases agree: the sides show different pictures, so there is no common spot."
        )
    matches, problem = ([], "") if a.assessed is None or b.assessed is None else match(sides)
    if problem:
        not_assessed.append(problem)
    return Comparison(
        sides=sides,
        compared=tuple(compared),
        how=how,
        matches=tuple(matches),
        pairs=tuple(sorted(_pairs(sides, matches, compared), key=lambda one: one.worth)),
        cases=tuple(_cases(sides, matches)),
        steadiness=tuple(
            SteadinessDifference(
                site_a, site_b, a.run.site(a.record.id, site_a).steadiness, b.run.site(b.record.id, site_b).steadiness
            )
            for site_a, site_b in compared
        ),
        residuals=tuple(turned),
        not_assessed=tuple(not_assessed),
    )


def _beside_each_other(sides: Sides, turned: Sequence[Residual]) -> tuple[list[tuple[str, str]], str]:
    """Which site of A is set beside which of B."""
    a, b = sides.a, sides.b
    if len(a.sites) == len(b.sites) == 1:
        return [(a.sites[0], b.sites[0])], "the sites that were asked for"
    shared = [site for site in a.sites if site in b.sites]
    if shared:
        return [(site, site) for site in shared], "sites of the same name"
    if turned:
        best = {site: min((one for one in turned if one.a == site), key=lambda one: one.value).b for site in a.sites}
        return list(best.items()), "for each site of A the one of B whose structure is closest (least residual)"
    return [(a.sites[-1], b.sites[-1])], "the deepest site of each: they have no site of the same name"


def _pairs(sides: Sides, matches: Sequence[Match], compared: Sequence[tuple[str, str]]) -> list[PairDifference]:
    if sides.a.assessed is None or sides.b.assessed is None:
        return []
    other = {one.a: one.b for one in matches}
    traces = {frozenset((pair.a, pair.b)): pair for pair in sides.b.assessed.findings.pairs}
    differences = []
    for pair in sides.a.assessed.findings.pairs:
        if pair.a not in other or pair.b not in other:
            continue
        there = traces.get(frozenset((other[pair.a], other[pair.b])))
        if there is None:
            continue
        at_a, at_b = ({site.site: site for site in one.sites} for one in (pair, there))
        sites = [SiteDifference(s, t, at_a.get(s), at_b.get(t)) for s, t in compared]
        first, second = (sides.a.assessed.instance_name(id_) for id_ in (pair.a, pair.b))
        differences.append(PairDifference(first, second, pair, there, tuple(sites)))
    return differences


def _cases(sides: Sides, matches: Sequence[Match]) -> list[CaseDifference]:
    """Cases of both sides; between two sites of one episode there are none to compare."""
    if sides.same_findings or sides.a.assessed is None or sides.b.assessed is None:
        return []
    to_b, to_a = {one.a: one.b for one in matches}, {one.b: one.a for one in matches}
    found = []
    for side, other, names in ((sides.a, sides.b, to_b), (sides.b, sides.a, to_a)):
        assert side.assessed is not None
        assert other.assessed is not None
        there = {(case.kind, frozenset(case.instances)) for case in other.assessed.findings.cases}
        for case in side.assessed.findings.cases:
            about = frozenset(names.get(id_, -1) for id_ in case.instances)
            found.append(CaseDifference(side.letter, case, (case.kind, about) in there))
    return found


def _outcomes(sides: Sides) -> str:
    if sides.same_recording:
        return ""
    told = {True: "success", False: "failure", None: "outcome not recorded"}
    a, b = sides.a.record, sides.b.record
    wording = "Both were asked the same" if a.instruction == b.instruction else "They were asked different things"
    return f"A: {told[a.success]}, {len(a.frames)} frames. B: {told[b.success]}, {len(b.frames)} frames. {wording}."


def _lone_things(sides: Sides, matches: Sequence[Match]) -> list[str]:
    """What one side has and the other has not, among the objects."""
    told = []
    for side, known in ((sides.a, {one.a for one in matches}), (sides.b, {one.b for one in matches})):
        alone = [f"{one.id} {one.name}" for one in side.instances if one.role == "object" and one.id not in known]
        other = "B" if side is sides.a else "A"
        if alone and sides.b.assessed is not None and sides.a.assessed is not None:
            told.append(f"Objects of {side.letter} with no counterpart in {other}: {', '.join(alone)}.")
    return told


def _agreement(turned: Sequence[Residual]) -> str:
    least, most = min(turned, key=lambda one: one.value), max(turned, key=lambda one: one.value)
    told = f"The bases agree best between {least.a} (A) and {least.b} (B): residual {least.value:.2f} of 1"
    if most is least:
        return f"{told}, on {least.spots} common spots."
    return f"{told}; least between {most.a} and {most.b}: {most.value:.2f}."


def _verdict(pair: PairTrace) -> str:
    return f"merged at {pair.onset}" if pair.onset else pair.verdict


def _figure(one: SiteConfusion | None) -> str:
    if one is None or one.value is None:
        return "not assessed"
    if one.low is None or one.high is None:
        return f"{one.value:.2f}"
    return f"{one.value:.2f} ({one.low:.2f}–{one.high:.2f})"


def side_name(side: Side) -> str:
    return f"{side.letter}: {side.described}"
