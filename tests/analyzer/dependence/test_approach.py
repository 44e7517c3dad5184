"""The hand among things: told where the recording tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from toy import BOWL, GRID, PLATE, LinearPolicy, scene

from analyzer.dependence.approach import approaches
from analyzer.dependence.assess import assess
from analyzer.instances.instances import Instances
from analyzer.settings import Settings

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
