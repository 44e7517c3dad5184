"""The hand among things: told where the recording tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from toy import BOWL, GRID, PLATE, scene

from analyzer.dependence.approach import approaches, gripped_next, gripping
from analyzer.dependence.assess import assess
from analyzer.instances.instances import Instances
from analyzer.settings import Settings
from benchmarks.linear_policy import LinearPolicy
from foundation.action_space import LIBERO

SETTINGS = Settings(reach=0.1, look_ahead_s=0.3)
BLIND = LinearPolicy(np.zeros((*GRID, 3, 7)))


def test_the_hand_goes_from_the_plate_to_the_bowl(tmp_path: Path) -> None:
    it = scene(tmp_path, BLIND)
    camera = it.cameras[0].name
    way = np.linspace(0, 1, 12)[:, None]
    hand = (1 - way) * (40.0, 48.0) + way * (120.0, 96.0)
    hand[5] = np.nan
    episode = replace(it.episode, hand_px={camera: hand})
    (told,) = approaches(episode, it.request.frames, it.cameras, it.found, SETTINGS)
    assert told.camera == camera
    assert told.hand[5] is None
    assert told.hand[0] == (40.0, 48.0)
    assert told.target[0] == PLATE
    assert told.target[-1] == BOWL
    assert told.distance[0] == told.distance[-1] == 0
    changes = np.flatnonzero(np.diff(told.target))
    assert len(changes) >= 1
    # It is part of the record without any policy, too.
    record = assess(episode, None, it.request, it.found, it.cameras, SETTINGS).record
    assert record.approaches == (told,)


def test_without_a_hand_or_things_nothing_is_made_up(tmp_path: Path) -> None:
    it = scene(tmp_path, BLIND)
    assert approaches(it.episode, it.request.frames, it.cameras, it.found, SETTINGS) == ()
    episode = replace(it.episode, hand_px={it.cameras[0].name: np.full((12, 2), 50.0)})
    assert approaches(episode, it.request.frames, it.cameras, Instances(), SETTINGS) == ()
    nobody = Instances((), it.found.maps)
    (told,) = approaches(episode, it.request.frames, it.cameras, nobody, SETTINGS)
    assert set(told.target) == {0}
    assert set(told.distance) == {None}


def test_a_hand_that_carries_the_bowl_goes_for_the_plate() -> None:
    """It closes on the bowl at 3, carries it over a cup to the plate, and opens there at 8."""
    hand = np.array([[0.0, 0], [4, 0], [8, 0], [10, 0], [14, 0], [18, 0], [22, 0], [26, 0], [30, 0], [30, 9], [30, 18]])
    bowl = np.where(np.arange(11)[:, None] < 3, (10.0, 0.0), np.minimum(hand, (30, 0)))
    middles = np.stack([bowl, np.full((11, 2), (20.0, 1.0)), np.full((11, 2), (31.0, 1.0))], axis=1)
    apart = np.linalg.norm(middles - hand[:, None], axis=-1)
    closed = (np.arange(11) >= 3) & (np.arange(11) < 8)
    target = gripped_next(apart, middles, hand, closed, near=5.0)
    assert target[:3].tolist() == [0, 0, 0]
    assert target[3:8].tolist() == [2] * 5
    assert target[9:].tolist() == [-1, -1]  # away from everything


def test_commands_of_the_gripper_are_used_where_they_are_recorded(tmp_path: Path) -> None:
    it = scene(tmp_path, BLIND)
    camera = it.cameras[0].name
    way = np.linspace(0, 1, 12)[:, None]
    actions = np.zeros((12, 7))
    actions[:, 6] = np.where(np.arange(12) < 11, -1, 1)
    episode = replace(
        it.episode,
        hand_px={camera: (1 - way) * (40.0, 48.0) + way * (120.0, 96.0)},
        actions=actions,
        action_space=LIBERO,
        frame_steps=np.arange(12),
    )
    (told,) = approaches(episode, it.request.frames, it.cameras, it.found, SETTINGS)
    assert set(told.target) == {BOWL}  # it closes there at the end, so it went there from the start
    assert told.distance[0] is not None
    assert told.distance[0] > 30
    assert gripping(episode, [0, 11]).tolist() == [False, True]  # type: ignore[union-attr]
