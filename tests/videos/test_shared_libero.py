"""The same 26 simulated episodes stored in four formats must be the same episodes. Needs ../shared/libero."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from videos.catalog import find_episodes, open_episode
from videos.episode import Episode, FrameSource

CHOSEN = list(range(0, 130, 13))
HDF5_NAME = "pick_up_the_black_bowl_on_the_cookie_box_and_place_it_on_the_plate_demo"


@pytest.fixture(scope="module")
def reference(shared_libero: Path) -> Episode:
    return open_episode(shared_libero / "episodes" / "ep_010")


def difference(camera: FrameSource, reference: FrameSource, shift: int) -> float:
    """Mean absolute difference of pixels (0 to 255) between frames t and t + `shift` of the reference."""
    found = []
    pairs = zip(camera.frames(CHOSEN), reference.frames([t + shift for t in CHOSEN]), strict=True)
    for ours, theirs in pairs:
        height, width = ours.rgb.shape[:2]
        scaled = cv2.resize(theirs.rgb, (width, height), interpolation=cv2.INTER_AREA)
        found.append(np.abs(ours.rgb.astype(int) - scaled).mean())
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("dataset", "id"),
    [("lerobot_v30", "episode_000010"), ("lerobot_v21", "episode_000010"), ("hdf5", f"{HDF5_NAME}.demo_0")],
)
def test_episode_ten_is_the_same_in_every_format(
    shared_libero: Path, reference: Episode, dataset: str, id: str
) -> None:
    episode = open_episode(shared_libero / dataset, id)
    assert episode.frame_count == reference.frame_count == 135
    assert episode.instruction == reference.instruction
    assert episode.success is reference.success is False
    assert episode.control_hz == reference.control_hz == 20
    assert episode.action_space is reference.action_space
    assert reference.actions is not None
    assert reference.states is not None
    np.testing.assert_allclose(episode.actions, reference.actions, atol=1e-6)
    np.testing.assert_allclose(episode.states, reference.states, atol=1e-6)
    for ours, theirs in zip(episode.cameras.values(), reference.cameras.values(), strict=True):
        same, next_frame = difference(ours, theirs, 0), difference(ours, theirs, 1)
        assert same < 2.5
        assert next_frame > same + 0.7  # the arm moves: a cut that is off by one frame would show


def test_rollouts_show_the_same_episode_at_their_own_size(shared_libero: Path, reference: Episode) -> None:
    summary = next(s for s in find_episodes(shared_libero / "openvla_rollouts") if "episode=10" in s.id)
    rollout = open_episode(summary)
    assert rollout.frame_count == reference.frame_count
    assert difference(rollout.cameras["agentview"], reference.cameras["agentview"], 0) < 3
    assert rollout.actions is None
    assert reference.instruction is not None
    assert rollout.instruction is not None
    assert reference.instruction.startswith(rollout.instruction)


def test_masks_lie_on_the_objects_of_every_orientation(shared_libero: Path, reference: Episode) -> None:
    """The plate is white and the bowls are black: turned the wrong way, masks fall on the table."""
    assert reference.masks is not None
    masks = reference.masks["agentview"].load()
    plate = masks.labels[0] == masks.names.index("plate_1")
    hdf5 = open_episode(shared_libero / "hdf5", f"{HDF5_NAME}.demo_0")
    rgb = cv2.resize(next(hdf5.cameras["agentview"].frames([0])).rgb, (256, 256))
    assert rgb[plate].mean() > 1.3 * rgb[::-1, ::-1][plate].mean()


def test_every_listed_episode_opens(shared_libero: Path) -> None:
    summaries = find_episodes(shared_libero)
    assert len({summary.id for summary in summaries}) == len(summaries) > 70
    for summary in summaries[::9]:
        episode = open_episode(summary)
        assert summary.frames in (None, episode.frame_count)
        last = episode.frame_count - 1
        for camera in episode.cameras.values():
            assert next(camera.frames([last])).index == last
