"""`--fail-on`: findings that a build must not pass with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from analyzer.failures.case import Case
from foundation.errors import BadInput, did_you_mean, quoted

ANY = "any"


@dataclass(frozen=True)
class Gate:
    """Cases of a kind with at least a score."""

    kind: str
    """Of `Case.kind`, or `ANY`."""
    score: float

    @classmethod
    def parse(cls, text: str, kinds: Collection[str]) -> Self:
        """ "merged", "merged:0.6", "any:0.6" or "0.6".

        Raises:
            BadInput: no such kind, or no score of 0 … 1.
        """
        kind, colon, score = text.strip().partition(":")
        if not colon and _number(kind) is not None:
            kind, score = ANY, kind
        elif not colon:
            score = "0"
        least = _number(score)
        if least is None or not 0.0 <= least <= 1.0:
            raise BadInput(
                f"--fail-on: {quoted(score)} is no score; write KIND, KIND:SCORE or SCORE, with a score of 0 … 1, "
                "e.g. --fail-on any:0.6."
            )
        if kind != ANY and kind not in kinds:
            raise BadInput(f"--fail-on: there is no kind {quoted(kind)}.{did_you_mean(kind, [ANY, *kinds])}")
        return cls(kind, least)

    def stops(self, case: Case) -> bool:
        return self.kind in (ANY, case.kind) and case.score >= self.score


def stopped(cases: Sequence[Case], gates: Sequence[Gate]) -> list[Case]:
    """The cases that any of the gates does not let through."""
    return [case for case in cases if any(gate.stops(case) for gate in gates)]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value else None
