"""From a signal in time to the intervals in which it holds."""

from __future__ import annotations

import numpy as np


def frame_lengths(times_s: np.ndarray) -> np.ndarray:
    """(T,) seconds that each frame is shown: to the next one; the last as long as the one before it, a lone one 0."""
    if len(times_s) < 2:
        return np.zeros(len(times_s))
    steps = np.diff(np.asarray(times_s, np.float64))
    return np.append(steps, steps[-1])


def intervals(signal: np.ndarray, times_s: np.ndarray, on: float, off: float, min_s: float) -> list[tuple[int, int]]:
    """(first, last) frames, both included, in which a signal holds.

    It starts to hold where it reaches `on`, and ends where it falls below `off` (a Schmitt trigger, so that a signal
    that trembles about one threshold makes one interval). A gap without a value (NaN) of up to `min_s` is bridged, a
    longer one ends it. What holds for less than `min_s` is left out; an interval never begins or ends without a value.
    """
    if off > on:
        raise ValueError(f"the signal must end at or below where it starts; got on {on}, off {off}")
    length = frame_lengths(times_s)
    found = []
    first = last = -1
    gap = 0.0
    for t, value in enumerate(signal):
        if np.isnan(value):
            gap += length[t]
            if first >= 0 and gap > min_s:
                found.append((first, last))
                first = -1
            continue
        gap = 0.0
        if first < 0 and value >= on:
            first = t
        elif first >= 0 and value < off:
            found.append((first, last))
            first = -1
        last = t
    if first >= 0:
        found.append((first, last))
    return [(a, b) for a, b in found if length[a : b + 1].sum() >= min_s * (1 - 1e-9)]
