"""Folders a simulator wrote: masks, strides, and what is refused. The bundled samples are such folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from recordings import Built

from foundation.action_space import LIBERO
from foundation.errors import BadInput, EpisodeUnreadable
from videos.catalog import find_episodes, open_episode
from videos.samples import NAMES, SAMPLES, sample


@pytest.fixture
def folder(built: dict[str, Built], tmp_path: Path) -> Path:
    """A copy of one episode that may be damaged."""
    return Path(shutil.copytree(built["episode_folder"].path / "ep_000", tmp_path / "ep_000"))


def change_meta(folder: Path, **changes: object) -> None:
    path = folder / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_folder_named_itself_is_one_episode(folder: Path) -> None:
    assert [summary.id for summary in find_episodes(folder)] == ["ep_000"]


def test_without_a_list_every_video_is_a_camera(folder: Path) -> None:
    change_meta(folder, cameras=None)
    assert tuple(open_episode(folder).cameras) == ("agentview", "wrist")


@pytest.mark.parametrize("file", ["../secret.mp4", "/etc/passwd"])
def test_videos_outside_the_folder_are_refused(folder: Path, file: str) -> None:
    change_meta(folder, cameras={"agentview": file})
    with pytest.raises(EpisodeUnreadable, match="leads out of the folder you named: refused"):
        open_episode(folder)


@pytest.mark.parametrize(("file", "message"), [("wrist.mp4", "cannot be opened"), ("data.npz", "holds no recording")])
def test_a_missing_file_is_told(folder: Path, file: str, message: str) -> None:
    (folder / file).unlink()
    if file == "data.npz":  # two videos and nothing that ties them together: two plain videos
        assert [summary.format for summary in find_episodes(folder)] == ["video", "video"]
    else:
        with pytest.raises(EpisodeUnreadable, match=rf"wrist\.mp4: {message}"):
            open_episode(folder)


def test_cameras_of_different_length_are_refused(folder: Path, built: dict[str, Built]) -> None:
    shutil.copy(built["episode_folder"].path / "ep_001" / "wrist.mp4", folder / "wrist.mp4")
    with pytest.raises(EpisodeUnreadable, match=r"different numbers of frames \(agentview: 7, wrist: 5\)"):
        open_episode(folder)


class TestMasks:
    def test_masks_of_another_size_are_refused_when_loaded(self, folder: Path) -> None:
        np.savez(folder / "seg.npz", agentview=np.zeros((6, 48, 64), np.uint8), names=np.array(["background"]))
        masks = open_episode(folder).masks
        assert masks is not None
        with pytest.raises(EpisodeUnreadable, match=r"seg\.npz: the masks of 'agentview' are \(6, 48, 64\) uint8"):
            masks["agentview"].load()

    def test_objects_without_a_name_are_refused(self, folder: Path) -> None:
        np.savez(
            folder / "seg.npz", agentview=np.full((7, 48, 64), 5, np.uint8), names=np.array(["background", "bowl"])
        )
        masks = open_episode(folder).masks
        assert masks is not None
        with pytest.raises(EpisodeUnreadable, match="object 5 has no name"):
            masks["agentview"].load()

    def test_no_masks_is_none(self, folder: Path) -> None:
        (folder / "seg.npz").unlink()
        assert open_episode(folder).masks is None


class TestSamples:
    @pytest.mark.parametrize(
        ("name", "frames", "success"), [("libero_bowl_plate", 135, False), ("libero_success", 127, True)]
    )
    def test_each_is_whole(self, name: str, frames: int, success: bool) -> None:
        episode = open_episode(sample(name))
        assert episode.frame_count == frames
        assert episode.success is success
        assert episode.action_space is LIBERO
        assert episode.control_hz == 20
        assert episode.masks is not None
        for camera, source in episode.masks.items():
            masks = source.load()
            assert len(masks.labels) == sum(1 for _ in episode.cameras[camera].frames()) == frames
            assert "plate_1" in masks.names
        assert any("SCRIPTED" in note for note in episode.notes)

    def test_the_cookie_box_is_plain_red(self) -> None:
        """Its printed original may not be published."""
        for name in NAMES:
            episode = open_episode(sample(name))
            assert episode.masks is not None
            masks = episode.masks["agentview"].load()
            box = masks.labels[0] == masks.names.index("cookies_1")
            pixels = next(episode.cameras["agentview"].frames([0])).rgb[box].astype(int)
            assert np.median(pixels[:, 0] - pixels[:, 1:].max(axis=1)) > 60

    def test_provenance_and_terms_lie_beside_them(self) -> None:
        assert "scripted controller" in (SAMPLES / "README.md").read_text()
        assert (SAMPLES / "LICENSES" / "LIBERO_MIT.txt").is_file()
        assert [summary.id for summary in find_episodes(SAMPLES)] == list(NAMES)

    def test_an_unknown_name(self) -> None:
        with pytest.raises(BadInput, match="Did you mean 'libero_success'"):
            sample("libero_sucess")


def with_hand(folder: Path, rows: object, **meta: object) -> None:
    with np.load(folder / "data.npz") as arrays:
        np.savez(folder / "data.npz", **{**arrays, "eef_px": np.asarray(rows)})
    change_meta(folder, **meta)


def test_the_hand_is_where_the_recording_says(folder: Path) -> None:
    rows = np.stack([np.arange(7), np.arange(7) + 10.0, np.full(7, 0.9)], axis=1)
    rows[2, 2], rows[3, 0] = -0.1, np.nan  # behind the camera; not known
    with_hand(folder, rows, agentview_camera={"fovy": 45})
    hand = open_episode(folder).hand_px
    assert hand is not None
    assert list(hand) == ["agentview"]
    assert hand["agentview"].shape == (7, 2)
    assert np.isnan(hand["agentview"]).all(axis=1).tolist() == [False, False, True, True, False, False, False]
    assert hand["agentview"][4].tolist() == [4, 14]


def test_a_hand_in_no_known_picture_is_not_recorded(folder: Path) -> None:
    with_hand(folder, np.zeros((7, 2)))
    assert open_episode(folder).hand_px is None
    change_meta(folder, agentview_camera={}, wrist_camera={})
    assert open_episode(folder).hand_px is None


@pytest.mark.parametrize(("rows", "message"), [(np.zeros((6, 2)), "too few"), (np.zeros((7, 4)), "2 or 3")])
def test_a_hand_that_does_not_fit_is_refused(folder: Path, rows: np.ndarray, message: str) -> None:
    with_hand(folder, rows, agentview_camera={})
    with pytest.raises(EpisodeUnreadable, match=message):
        open_episode(folder)
