"""Segments within segments: from the ids at the finest division to those at any coarser one. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

Merge = tuple[int, int]
"""(absorbed id, absorbing id), the absorbed one being the larger number."""


def coarser(ids: int, merges: Sequence[Merge], segments: int) -> list[int]:
    """What each of the finest ids 0 … ids - 1 becomes when only `segments` are wanted.

    Args:
        ids: how many ids the finest division has.
        merges: in the order in which segments join, from the finest division to the coarsest.
        segments: how many are wanted; above what there is, the finest division is meant.

    Raises:
        ValueError: less than 1 segment.
    """
    if segments < 1:
        raise ValueError(f"There is at least 1 segment; got {segments}.")
    into = list(range(ids))
    divisions = len(merges) + 1
    for absorbed, absorbing in merges[: max(0, divisions - segments)]:
        into = [absorbing if one == absorbed else one for one in into]
    return into
