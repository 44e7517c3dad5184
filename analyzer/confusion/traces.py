"""Confusion along the sites of a policy, in order of depth: where two instances are taken for the same, for good."""

from __future__ import annotations

import numpy as np


def late(values: np.ndarray, margin: float) -> np.ndarray:
    """(sites, …) confusion -> (…) the highest that is reached at some site and kept, within `margin`, at all deeper ones.

    It is at least `on` exactly where some site is at least `on` and every deeper one at least `on - margin`: what rises
    in the middle and comes apart again before the end does not count. Sites that are NaN are passed over; NaN: all are.
    """
    reached = np.full(values.shape[1:], np.nan)
    kept = np.full(values.shape[1:], np.inf)
    for value in values[::-1]:
        known = ~np.isnan(value)
        here = np.minimum(value, kept + margin)
        reached = np.where(known, np.fmax(reached, here), reached)
        kept = np.where(known, np.minimum(kept, value), kept)
    return reached


def onset(values: np.ndarray, on: float, off: float) -> int | None:
    """(sites,) confusion -> the first site that reaches `on` and after which none falls below `off`; None: no site does."""
    found = None
    for site in reversed(range(len(values))):
        if np.isnan(values[site]):
            continue
        if values[site] < off:
            break
        if values[site] >= on:
            found = site
    return found


def verdict(values: np.ndarray, pixels: float, *, on: float, off: float, look_alike: float) -> tuple[str, int | None]:
    """One of `pair.VERDICTS` and the onset site's position; `pixels` is NaN where the picture was not compared."""
    if pixels >= look_alike:
        return "look-alikes", None
    if np.isnan(values).all():
        return "not assessed", None
    at = onset(values, on, off)
    return ("apart", None) if at is None else ("merged", at)
