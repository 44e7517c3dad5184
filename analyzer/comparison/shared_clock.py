"""One clock for two recordings: which frame of B is shown beside which frame of A.

Three ways to set them side by side. *time*: as many seconds after the first frame. *step*: at the same control step.
*phase*: as far along between the same events, where an event is the gripper being told to close or to open, and those of
both recordings are matched in order as long as they are of the same kind; start and end of the recordings are events too.

Each is a way through the plane of both recordings' times, made of straight pieces between knots. The shared clock goes
along it so that neither recording is ever faster than it was: the quicker one of a piece waits for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

import numpy as np

NAMES = ("time", "step", "phase")
SAME_S = 2e-3
"""Two frames that begin so near each other begin together: recordings write their times in milliseconds."""


@dataclass(frozen=True, eq=False)
class Take:
    """What a clock must know of a recording."""

    times_s: np.ndarray
    """(frames,) when each frame of the recording begins; rising, the first at 0."""
    end_s: float
    """When the last one ends."""
    step_times_s: np.ndarray | None
    """(steps,) of the control steps, not falling; None: not recorded."""
    events: tuple[tuple[str, float], ...] | None
    """What the gripper was told and when, in order: ("close" or "open", seconds); None: not recorded."""


@dataclass(frozen=True)
class Moment:
    """One stop of the shared clock: from here on these two frames are shown."""

    at_s: float
    a: int
    b: int


@dataclass(frozen=True)
class SharedClock:
    """How two recordings are shown side by side."""

    name: str
    """One of `NAMES`."""
    how: str
    """In words: what is set beside what, and what it stands on."""
    knots: tuple[tuple[float, float, float], ...]
    """(shared, A, B) in seconds, none falling; straight in between."""
    matched: tuple[tuple[str, float], ...]
    """Events that both have: (kind, shared seconds)."""
    moments: tuple[Moment, ...]

    @property
    def end_s(self) -> float:
        return self.knots[-1][0]


def shared_clocks(a: Take, b: Take) -> tuple[list[SharedClock], dict[str, str]]:
    """The clocks there are, "time" among them always, and why the others are not there."""
    clocks, missing = [_by_time(a, b)], {}
    for name, found in (("step", _by_step(a, b)), ("phase", _by_phase(a, b))):
        if isinstance(found, str):
            missing[name] = found
        else:
            clocks.append(found)
    return clocks, missing


def gripper_events(openness: np.ndarray, step_times_s: np.ndarray, *, least_s: float) -> tuple[tuple[str, float], ...]:
    """When the gripper is told to close or to open, from (steps,) openness (1 open, 0 closed).

    Args:
        least_s: what it is told for a shorter time is no event.
    """
    closed = openness < 0.5
    changes = [0, *(np.flatnonzero(closed[1:] != closed[:-1]) + 1), len(closed)]
    events: list[tuple[str, float]] = []
    state = bool(closed[0])
    for first, last in pairwise(changes[1:]):
        ends = step_times_s[min(last, len(step_times_s) - 1)]
        if bool(closed[first]) != state and ends - step_times_s[first] >= least_s:
            state = bool(closed[first])
            events.append(("close" if state else "open", float(step_times_s[first])))
    return tuple(events)


def _by_time(a: Take, b: Take) -> SharedClock:
    both = min(a.end_s, b.end_s)
    told = "The same time since the first frame."
    return _clock("time", told, a, b, [(0.0, 0.0), (both, both), (a.end_s, b.end_s)])


def _by_step(a: Take, b: Take) -> SharedClock | str:
    if a.step_times_s is None or b.step_times_s is None:
        return f"Control steps are not recorded {_where(a.step_times_s is None, b.step_times_s is None)}."
    both = min(len(a.step_times_s), len(b.step_times_s))
    # A step that a recording shows before its first frame or after its last is shown there.
    inside_a, inside_b = (np.clip(one.step_times_s[:both], 0, one.end_s) for one in (a, b))  # type: ignore[index]
    told = f"The same control step; both have {both}." if len(a.step_times_s) == len(b.step_times_s) else (
        f"The same control step: A has {len(a.step_times_s)}, B {len(b.step_times_s)}."
    )  # fmt: skip
    knots = [(0.0, 0.0), *zip(inside_a.tolist(), inside_b.tolist(), strict=True)]
    # What is left of both goes on at its own pace, until the shorter one is over.
    left = min(a.end_s - knots[-1][0], b.end_s - knots[-1][1])
    knots += [(knots[-1][0] + left, knots[-1][1] + left), (a.end_s, b.end_s)]
    return _clock("step", told, a, b, knots)


def _by_phase(a: Take, b: Take) -> SharedClock | str:
    ends = (a.end_s, b.end_s)
    if a.events is None or b.events is None:
        missing = _where(a.events is None, b.events is None)
        told = f"As far along, from start to end. What the gripper was told is not recorded {missing}."
        return _clock("phase", told, a, b, [(0.0, 0.0), ends])
    matched = list(takewhile(lambda pair: pair[0][0] == pair[1][0], zip(a.events, b.events, strict=False)))
    counts = f"A's gripper moves {len(a.events)} times, B's {len(b.events)}"
    if not matched:
        return _clock("phase", f"As far along, from start to end ({counts}: no event in common).", a, b, [(0, 0), ends])
    knots = [(one[1], other[1]) for one, other in matched]
    kinds = [one[0] for one, _ in matched]
    told = f"As far along between the same events of the gripper: {', '.join(kinds)} ({counts})."
    return _clock("phase", told, a, b, [(0.0, 0.0), *knots, ends], kinds)


def _where(in_a: bool, in_b: bool) -> str:
    return "in either" if in_a and in_b else "in A" if in_a else "in B"


def _clock(
    name: str, how: str, a: Take, b: Take, way: Sequence[tuple[float, float]], kinds: Sequence[str] = ()
) -> SharedClock:
    """`way`: (A, B) seconds, none falling, from (0, 0) to both ends; `kinds` are those of its knots after the first."""
    shared, knots = 0.0, [(0.0, *way[0])]
    for (from_a, from_b), (to_a, to_b) in pairwise(way):
        shared += max(to_a - from_a, to_b - from_b)
        knots.append((shared, to_a, to_b))
    matched = tuple((kind, knots[number][0]) for number, kind in enumerate(kinds, start=1))
    return SharedClock(name, how, tuple(_bent(knots)), matched, tuple(_moments(knots, a, b)))


def _bent(knots: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Without the knots that lie on a straight way, and without repetitions."""
    kept = [knots[0]]
    for number, here in enumerate(knots[1:-1], start=1):
        before, after = kept[-1], knots[number + 1]
        if after[0] <= before[0] or here[0] <= before[0]:
            continue
        share = (here[0] - before[0]) / (after[0] - before[0])
        straight = [before[side] + share * (after[side] - before[side]) for side in (1, 2)]
        if max(abs(straight[0] - here[1]), abs(straight[1] - here[2])) > 1e-6:
            kept.append(here)
    return [*kept, knots[-1]] if knots[-1][0] > kept[-1][0] else kept


def _moments(knots: Sequence[tuple[float, float, float]], a: Take, b: Take) -> list[Moment]:
    """Whenever either side goes on to another frame."""
    at_a, at_b = (_on_clock(np.array(knots), side, take.times_s) for side, take in ((1, a), (2, b)))
    same = min([SAME_S, *(np.diff(one).min() / 4 for one in (at_a, at_b) if len(one) > 1)])
    starts = np.sort(np.concatenate([at_a, at_b]))
    firsts = [starts[0]]
    for one in starts[1:]:
        if one - firsts[-1] > same:
            firsts.append(one)
    frames = [np.searchsorted(one, np.array(firsts) + same, side="right") - 1 for one in (at_a, at_b)]
    return [
        Moment(float(at), max(0, int(one)), max(0, int(other))) for at, one, other in zip(firsts, *frames, strict=True)
    ]


def _on_clock(knots: np.ndarray, side: int, times_s: np.ndarray) -> np.ndarray:
    """Shared seconds at which a side reaches each of its times. Where it waits, it has reached it at once."""
    # Waiting pieces are made to rise a little, so that the way can be read backwards.
    rising = knots[:, side] + 1e-9 * np.arange(len(knots))
    return np.asarray(np.interp(times_s - times_s[0], rising, knots[:, 0]))
