"""Instances without labels on scenes whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from analyzer.instances.discover import discover
from analyzer.instances.instances import Instances
from analyzer.instances.view import SiteView
from analyzer.settings import Settings
from tests.analyzer.instances.stage import GRID, SIDE, Stage, Thing, arm_from, enlarged, overlap, rests

FRAMES = 40


def who(found: Instances, mask: np.ndarray, frame: int) -> int:
    """The id that fills most of a mask; 0: nobody."""
    return int(np.bincount(found.maps["front"][frame][mask], minlength=255).argmax())


def crossing() -> Stage:
    """Three things, two of which look the same; an arm goes over all of them."""
    things = (Thing(1, rests(40, 110)), Thing(1, rests(100, 110)), Thing(2, rests(155, 100), 12))
    return Stage((*things, arm_from(-20, 210, FRAMES)), FRAMES)


@pytest.fixture(scope="module")
def found() -> Instances:
    return discover(crossing().view, Settings())


def test_things_are_found_whole_and_one_by_one(found: Instances) -> None:
    stage = crossing()
    ids = []
    for at in (1, 2, 3):
        number = who(found, stage.truth(0) == at, 0)
        ids.append(number)
        assert found[number].role == "object"
        assert overlap(found.maps["front"][0] == number, stage.truth(0) == at) > 0.85
    assert len(set(ids)) == 3
    assert len(found.of("front", "object")) == 3


def test_look_alikes_keep_their_ids_behind_the_arm(found: Instances) -> None:
    stage = crossing()
    for at in (1, 2, 3):
        known = who(found, stage.truth(0) == at, 0)
        usual = (stage.truth(0) == at).sum()
        hidden = [(stage.truth(frame) == at).sum() < usual / 3 for frame in range(FRAMES)]
        assert any(hidden), "the arm covers it at some time"
        for frame in range(FRAMES):
            mask = stage.truth(frame) == at
            if mask.sum() > 0.9 * usual:
                assert who(found, mask, frame) == known
                assert overlap(found.maps["front"][frame] == known, mask) > 0.7
            if hidden[frame]:
                assert found[known].area[frame] < 0.6 * usual


def test_the_arm_is_the_arm_and_the_ground_surroundings(found: Instances) -> None:
    stage = crossing()
    (arm,) = found.of("front", "arm")
    shown = [overlap(found.maps["front"][f] == arm.id, stage.truth(f) == 4) for f in range(6, 34)]
    assert np.mean(shown) > 0.6
    assert {found[who(found, stage.truth(0) == 0, 0)].role} == {"surroundings"}


def test_areas_and_thumbnails_agree_with_the_maps(found: Instances) -> None:
    for one in found.instances:
        assert one.area == tuple(int((label_map == one.id).sum()) for label_map in found.maps["front"])
        assert one.area[one.key_frame] >= 0.74 * max(one.area)
        assert max(found.thumbnails[one.id].shape) <= 96
    assert [one.id for one in found.instances] == list(range(1, len(found.instances) + 1))


def test_equal_input_gives_equal_bytes(found: Instances) -> None:
    again = discover(crossing().view, Settings())
    assert again.instances == found.instances
    assert again.maps["front"].pngs == found.maps["front"].pngs


def test_noise_of_another_seed_finds_the_same_things(found: Instances) -> None:
    stage = crossing()
    stage.seed = 5
    other = discover(stage.view, Settings())
    for at in (1, 2, 3):
        mask = stage.truth(0) == at
        assert overlap(other.maps["front"][0] == who(other, mask, 0), mask) > 0.85


def test_a_thing_that_is_carried_keeps_its_id() -> None:
    frames = 60

    def carried(frame: int) -> tuple[float, float]:
        return (40 + 100 * min(max(frame - 20, 0), 20) / 20, 120)

    def hand(frame: int) -> tuple[float, float]:
        x = carried(frame)[0] if frame < 42 else carried(41)[0] + 4 * (frame - 42)
        return (x if frame >= 18 else 40 - 4 * (18 - frame), 105)

    stage = Stage((Thing(1, carried), Thing(2, rests(60, 40), 12), Thing(99, hand, 9, arm=True)), frames)
    found = discover(stage.view, Settings())
    before, after = who(found, stage.truth(0) == 1, 0), who(found, stage.truth(59) == 1, 59)
    assert before == after
    assert found[before].role == "object"


def test_one_frame_is_enough() -> None:
    stage = Stage((Thing(1, rests(60, 60)), Thing(2, rests(130, 120))), 1)
    found = discover(stage.view, Settings())
    for at in (1, 2):
        number = who(found, stage.truth(0) == at, 0)
        assert found[number].role == "object"
        assert found[number].area == (int((found.maps["front"][0] == number).sum()),)


def test_nothing_on_the_ground_is_nothing() -> None:
    found = discover(Stage((), 5).view, Settings())
    assert not found.of("front", "object", "arm")
    assert len(found.maps["front"]) == 5
    assert found.not_assessed == ("No object was found in the pictures of camera 'front'.",)


def test_patches_that_are_all_the_same_are_no_things() -> None:
    stage = Stage((), 4, noise=0.0)
    found = discover(stage.view, Settings())
    assert not found.of("front", "object", "arm")


def test_a_camera_that_moves_is_followed_too() -> None:
    frames = 30

    def slides(x: float, y: float) -> Callable[[int], tuple[float, float]]:
        return lambda frame: (x - 3 * frame, y)

    things = (Thing(1, slides(110, 60)), Thing(2, slides(150, 130)), Thing(3, slides(235, 70)))
    stage = Stage(things, frames, pans=-3)
    found = discover(stage.view, Settings())
    assert "moves" in found.not_assessed[0]
    for at, first in ((1, 0), (2, 0), (3, 22)):
        last = min(frames - 1, 24)
        number = who(found, stage.truth(first) == at, first)
        assert number, f"thing {at} is found"
        assert who(found, stage.truth(last) == at, last) == number
        assert overlap(found.maps["front"][last] == number, stage.truth(last) == at) > 0.6


def test_a_larger_recording_shows_the_same() -> None:
    stage = Stage((Thing(1, rests(60, 60)), Thing(2, rests(130, 120))), 3)
    small = discover(stage.view, Settings())
    large = discover(enlarged(stage, 3), Settings())
    assert [one.role for one in large.instances] == [one.role for one in small.instances]
    assert large.maps["front"][1].shape == (3 * SIDE, 3 * SIDE)
    for at in (1, 2):
        mask = np.kron(stage.truth(1) == at, np.ones((3, 3), bool))
        assert overlap(large.maps["front"][1] == who(large, mask, 1), mask) > 0.8


def test_sites_of_different_grids_are_looked_at_together() -> None:
    stage = Stage((Thing(1, rests(60, 60)), Thing(2, rests(130, 120))), 3)

    def coarse(start: int, stop: int) -> np.ndarray:
        fine = stage.coordinates(start, stop)
        return fine.reshape(len(fine), GRID[0] // 2, 2, GRID[1] // 2, 2, -1).mean(axis=(2, 4))

    both = replace(stage.view, sites=(SiteView("coarse", (GRID[0] // 2, GRID[1] // 2), coarse), *stage.view.sites))
    found = discover(both, Settings())
    for at in (1, 2):
        mask = stage.truth(0) == at
        assert overlap(found.maps["front"][0] == who(found, mask, 0), mask) > 0.7


def test_the_callers_threads_are_left_as_they_were() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        held = 2, cv2.getNumThreads()
        discover(Stage((), 2).view, Settings())
        assert (torch.get_num_threads(), cv2.getNumThreads()) == held
    finally:
        torch.set_num_threads(before)
