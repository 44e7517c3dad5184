"""Which frames are asked about."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.dependence.key_frames import closings, gripper_closed, key_frames, spread
from foundation.action_space import LIBERO, unnamed


@pytest.mark.parametrize(("total", "count"), [(1, 6), (5, 6), (6, 6), (135, 6), (1000, 7), (3, 0), (0, 3)])
def test_frames_are_spread_evenly_each_once(total: int, count: int) -> None:
    positions = spread(total, count)
    assert len(positions) == min(total, count)
    assert list(positions) == sorted(set(positions))
    assert all(0 <= position < total for position in positions)
    if len(positions) > 1:
        gaps = np.diff(positions)
        assert gaps.max() - gaps.min() <= 1
        assert abs(positions[0] - (total - 1 - positions[-1])) <= 1  # as far from the one end as from the other


def test_events_take_the_place_of_their_neighbours_but_of_no_more_than_half() -> None:
    assert key_frames(60, 6) == (5, 15, 25, 35, 45, 55)
    assert key_frames(60, 6, [33]) == (5, 15, 25, 33, 45, 55)
    crowded = key_frames(60, 6, [33, 34, 59, 0, 58])
    assert {33, 34, 59} <= set(crowded)
    assert not {0, 58} & set(crowded)
    assert len(crowded) == 6
    assert key_frames(60, 6, [-1, 60, 25]) == key_frames(60, 6)
    assert key_frames(1, 6, [0]) == (0,)
    assert key_frames(10, 0, [3]) == ()


def test_the_gripper_closes_where_its_command_turns() -> None:
    actions = np.zeros((10, 7))
    actions[:, 6] = [-1, -1, 1, 1, -1, np.nan, 1, 1, -1, 1]
    every, some = (gripper_closed(actions, LIBERO, steps) for steps in (range(10), [0, 3, 4, 7]))
    assert every is not None
    assert some is not None
    assert closings(every) == (2, 6, 9)
    assert closings(some) == (1, 3)
    assert gripper_closed(actions, unnamed(7), range(10)) is None
