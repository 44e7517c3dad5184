"""Signals in time that tell of trouble: pure functions of what was recorded, predicted and measured.

Each gives one number a frame or step, NaN where it cannot be told, in the unit that its rule in `rules` names.
"""

from __future__ import annotations

import numpy as np

from foundation.action_space import ActionSpace


def motion_dimensions(space: ActionSpace) -> list[int]:
    """Every dimension that moves the arm: all but the gripper."""
    return [d for d in range(len(space)) if d != space.gripper]


def velocity(actions: np.ndarray, space: ActionSpace) -> np.ndarray | None:
    """(steps, d) float64 of what the arm is told to move in each step, over the usual size of a step.

    The usual size is the 95th percentile of the length of a step in the dimensions of one unit (all that move it in
    metres, all that turn it); of a dimension without a unit, its own. None: it is not known whether the actions are
    changes or goals, or nothing moves.
    """
    if space.kind == "unknown":
        return None
    moving = actions.astype(np.float64)
    if space.kind == "absolute":
        moving = np.diff(moving, axis=0, prepend=moving[:1])
    columns = []
    for group in _groups(space):
        part = moving[:, group]
        size = _usual(np.linalg.norm(part, axis=1))
        if size > 0:
            columns.append(part / size)
    return np.concatenate(columns, axis=1) if columns else None


def _groups(space: ActionSpace) -> list[list[int]]:
    """The dimensions that move the arm, those of one unit together."""
    groups: dict[object, list[int]] = {}
    for d in motion_dimensions(space):
        groups.setdefault(space.units[d] or d, []).append(d)
    return list(groups.values())


def _usual(lengths: np.ndarray) -> float:
    lengths = lengths[lengths > 1e-9]
    return float(np.percentile(lengths, 95)) if len(lengths) else 0.0


def stillness(velocity: np.ndarray, times_s: np.ndarray, window_s: float) -> np.ndarray:
    """(steps,) 0 … 1: 1 where the arm is told to go nowhere, 0 where it goes as fast as it usually does.

    What counts is how far it comes within the window: an arm that trembles on the spot stands still.
    """
    total = np.concatenate([np.zeros((1, velocity.shape[1])), np.cumsum(velocity, axis=0)])
    first, last = _window(times_s, window_s)
    mean = (total[last] - total[first]) / (last - first)[:, None]
    return np.asarray(1 - np.abs(mean).max(axis=1).clip(0, 1))


def _window(times_s: np.ndarray, window_s: float) -> tuple[np.ndarray, np.ndarray]:
    """[first, last) steps within half a window of each step."""
    first = np.searchsorted(times_s, times_s - window_s / 2, side="left")
    return first, np.searchsorted(times_s, times_s + window_s / 2, side="right")


def reversals(velocity: np.ndarray, times_s: np.ndarray, window_s: float) -> np.ndarray:
    """(steps,) turns back a second, in the window around each step.

    A turn back is a step against the one before it (an angle above 120 degrees), both at a tenth of the usual size or
    more: one such turn is a grasp, many are an arm that cannot decide.
    """
    size = np.linalg.norm(velocity, axis=1)
    turns = np.zeros(len(velocity))
    dot = (velocity[1:] * velocity[:-1]).sum(1)
    strong = (size[1:] > 0.1) & (size[:-1] > 0.1)
    turns[1:] = strong & (dot < -0.5 * size[1:] * size[:-1])
    total = np.concatenate([[0.0], np.cumsum(turns)])
    first, last = _window(times_s, window_s)
    return np.asarray((total[last] - total[first]) / window_s)


def openness(actions: np.ndarray, space: ActionSpace) -> np.ndarray | None:
    """(steps,) what the gripper is told: 1 open, 0 closed. None: there is none, or its convention is not known."""
    if space.gripper is None or space.gripper_open is None or space.gripper_closed is None:
        return None
    value = actions[:, space.gripper].astype(np.float64)
    return np.asarray((value - space.gripper_closed) / (space.gripper_open - space.gripper_closed))


def closings(openness: np.ndarray) -> list[tuple[int, int]]:
    """(first, last) steps of each stretch that the gripper is told to be closed, after it was open."""
    closed = openness < 0.5
    found: list[tuple[int, int]] = []
    for t in range(1, len(closed)):
        if closed[t] and not closed[t - 1]:
            found.append((t, t))
        elif closed[t] and found and found[-1][1] == t - 1:
            found[-1] = (found[-1][0], t)
    return found


def disagreement(difference: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """(steps,) predicted - recorded: root mean square over the dimensions, each in standard deviations of the recorded.

    Dimensions that were never moved, or cannot be compared, are left out; NaN where none is left.
    """
    spread = np.nanstd(recorded, axis=0) if len(recorded) else np.zeros(recorded.shape[1])
    used = (spread > 1e-9) & ~np.isnan(difference).all(axis=0)
    scaled = (difference[:, used] / spread[used]) ** 2
    known = ~np.isnan(scaled)
    count = known.sum(1)
    total = np.where(known, scaled, 0.0).sum(1)
    return np.sqrt(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def uncertainty(bits: np.ndarray) -> np.ndarray:
    """(steps, D) entropy of each dimension's bins -> (steps,) of the dimension that is farthest above its own median.

    How many bins a policy spreads over depends on how it was trained: what counts is whether it knows less than it does
    otherwise in this episode. 1 bit is twice as many bins. NaN where there are no bins.
    """
    known = ~np.isnan(bits)
    usual = [np.median(column[seen]) if seen.any() else np.nan for column, seen in zip(bits.T, known.T, strict=True)]
    above = np.where(known, bits - np.array(usual), -np.inf)
    return np.where(known.any(1), above.max(1, initial=-np.inf), np.nan)


def at_frames(signal: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(steps,) signal -> (frames,) at each analysed frame; NaN for a step that has no value."""
    inside = (steps >= 0) & (steps < len(signal))
    return np.where(inside, signal[np.clip(steps, 0, max(0, len(signal) - 1))] if len(signal) else np.nan, np.nan)
