"""Which frames and sites are shown of a case: few enough to be taken in at a glance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.confusion.pair import PairTrace
from analyzer.failures.case import Case
from analyzer.findings_folder import Findings

MOST_SITES = 4
_LEAD = 0.15
"""Of the episode, before the case begins: the frame that shows how it was."""


def pair_of(findings: Findings, case: Case) -> int | None:
    """Position among the findings' pairs of the one that a case is about; None: it is not about the sight of a pair."""
    if not case.sites:
        return None
    wanted = set(case.instances)
    return next((n for n, pair in enumerate(findings.pairs) if {pair.a, pair.b} <= wanted), None)


def key_frames(case: Case, frame_count: int, strength: np.ndarray | None) -> list[int]:
    """Up to four positions among the analysed frames: before the case, its first, its strongest and its last frame.

    Args:
        strength: (frames,) how strong the case is at each, NaN where not known; None: not measured frame by frame.
    """
    middle = (case.first + case.last) // 2
    if strength is not None and not np.isnan(strength[case.first : case.last + 1]).all():
        middle = case.first + int(np.nanargmax(strength[case.first : case.last + 1]))
    before = max(0, case.first - max(1, round(_LEAD * frame_count)))
    return sorted({before, case.first, middle, case.last} & set(range(frame_count)))


def shown_sites(case: Case, pair: PairTrace | None, sites: Sequence[str]) -> list[str]:
    """Up to `MOST_SITES` of the run's sites, in order of depth: those of the case, the last at which the pair was apart,
    the deepest, then the first and those between. A case that is not about sites shows the deepest alone."""
    if not sites:
        return []
    if not case.sites:
        return list(sites[-1:])
    wanted = [site for site in case.sites if site in sites]
    if pair is not None and pair.onset is not None and pair.onset in sites:
        at = list(sites).index(pair.onset)
        wanted = [*sites[max(0, at - 1) : at], pair.onset, *wanted]
    spread = np.unique(np.linspace(0, len(sites) - 1, MOST_SITES).round().astype(int))
    wanted += [sites[-1], sites[0], *(sites[int(position)] for position in spread)]
    chosen = list(dict.fromkeys(wanted))[:MOST_SITES]
    return [site for site in sites if site in chosen]


def around(first: int, last: int, count: int) -> tuple[int, int]:
    """First and last step to draw about a case: half as much again on both sides, at least ten, as far as there are."""
    air = max(10, (last - first + 1) // 2)
    return max(0, first - air), min(count - 1, last + air)
