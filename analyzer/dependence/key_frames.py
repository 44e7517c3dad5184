"""Which frames are worth asking the policy about again. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foundation.action_space import ActionSpace


def spread(total: int, count: int) -> tuple[int, ...]:
    """Up to `count` of `total` positions, in the middles of as many equal stretches."""
    count = min(total, count)
    return tuple(int((2 * n + 1) * total // (2 * count)) for n in range(count))


def key_frames(total: int, count: int, events: Sequence[int] = ()) -> tuple[int, ...]:
    """`spread`, in which the position nearest to each event makes room for it; at most half of them.

    Args:
        events: positions, the most important first; what lies outside is passed over.
    """
    chosen = list(spread(total, count))
    free = list(range(len(chosen)))
    for event in events:
        if not 0 <= event < total or event in chosen or len(free) <= len(chosen) - len(chosen) // 2:
            continue
        nearest = min(free, key=lambda place: abs(chosen[place] - event))
        free.remove(nearest)
        chosen[nearest] = event
    return tuple(sorted(set(chosen)))


def gripper_closed(actions: np.ndarray, space: ActionSpace, steps: Sequence[int]) -> np.ndarray | None:
    """(frames,) bool: the gripper is told to be closed, at frames that show `steps`; None: not known of this space.

    Args:
        actions: (control steps, D); a row may be NaN.
    """
    if space.gripper is None or space.gripper_open is None or space.gripper_closed is None:
        return None
    middle = (space.gripper_open + space.gripper_closed) / 2
    return np.asarray((actions[list(steps), space.gripper] - middle) * (space.gripper_closed - middle) > 0)


def closings(closed: np.ndarray) -> tuple[int, ...]:
    """Positions at which it begins to be closed, in order of time."""
    return tuple(int(t) for t in np.flatnonzero(closed[1:] & ~closed[:-1]) + 1)
