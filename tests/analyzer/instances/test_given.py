"""Ground truth as instances, several cameras as one episode, and label maps in little memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analyzer.instances.given import given
from analyzer.instances.instances import Instances, joined
from analyzer.instances.label_maps import LabelMaps, from_png
from analyzer.run_folder import CameraRecord
from foundation.errors import EpisodeUnreadable

CAMERA = CameraRecord("front", 40, 30, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (30, 40), (0, 0, 40, 30))
HOSTILE = "<script>alert(1)</script>"
NAMES = ("background", HOSTILE, "robot_arm", "never seen", "table")


def masks(frames: int = 3) -> list[np.ndarray]:
    one = np.zeros((30, 40), np.uint8)
    one[20:] = 4
    one[:, 30:34] = 2
    shown = []
    for frame in range(frames):
        now = one.copy()
        now[5 : 8 + frame, 5:10] = 1
        shown.append(now)
    return shown


def pictures(frames: int = 3) -> list[np.ndarray]:
    return [np.full((30, 40, 3), 50 * frame, np.uint8) for frame in range(frames)]


def test_the_recordings_names_ids_and_areas_are_kept() -> None:
    found = given(CAMERA, pictures(), masks(), NAMES)
    assert [one.id for one in found.instances] == [1, 2, 4]
    assert found[1].name == HOSTILE
    assert [one.role for one in found.instances] == ["object", "arm", "surroundings"]
    assert found[1].area == (15, 20, 25)
    assert found[1].key_frame == 2
    assert {one.origin for one in found.instances} == {"mask"}
    for label_map, truth in zip(found.maps["front"], masks(), strict=True):
        np.testing.assert_array_equal(label_map, truth)
    assert found.thumbnails[1].mean() == pytest.approx(100)


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EpisodeUnreadable, match="not as many"):
        given(CAMERA, pictures(3), masks(2), NAMES)
    with pytest.raises(EpisodeUnreadable, match="only 1 objects are named"):
        given(CAMERA, pictures(), masks(), NAMES[:2])
    with pytest.raises(EpisodeUnreadable, match="30 x 40"):
        given(CAMERA, pictures(), [one.T.copy() for one in masks()], NAMES)


def test_cameras_are_joined_under_ids_of_their_own() -> None:
    front = given(CAMERA, pictures(), masks(), NAMES)
    wrist = given(replace(CAMERA, name="wrist"), pictures(), masks(), NAMES)
    both = joined([front, wrist], "standard")
    assert [one.id for one in both.instances] == [1, 2, 3, 4, 5, 6]
    assert [one.camera for one in both.instances] == ["front"] * 3 + ["wrist"] * 3
    assert len({one.color for one in both.instances}) == 6
    for one in both.instances:
        assert one.area == tuple(int((label_map == one.id).sum()) for label_map in both.maps[one.camera])
        assert one.id in both.thumbnails
    with pytest.raises(ValueError, match="twice"):
        joined([front, front], "standard")


def test_label_maps_come_back_as_they_were_from_equal_bytes() -> None:
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 255, (9, 13)).astype(np.uint8) for _ in range(3)]
    kept = LabelMaps.compress(iter(maps))
    assert kept.pngs == LabelMaps.compress(maps).pngs
    np.testing.assert_array_equal(np.stack(list(kept)), np.stack(maps))
    np.testing.assert_array_equal(kept[1], maps[1])
    with pytest.raises(ValueError, match="not a PNG"):
        from_png(b"nothing")
    with pytest.raises(ValueError, match="uint8"):
        LabelMaps.compress([np.zeros((3, 3), np.int32)])


def test_instances_without_their_maps_are_refused() -> None:
    found = given(CAMERA, pictures(), masks(), NAMES)
    with pytest.raises(ValueError, match="rising id"):
        Instances(found.instances[::-1], found.maps)
    with pytest.raises(ValueError, match="no label map"):
        Instances(found.instances, {})
    with pytest.raises(KeyError):
        found[3]
