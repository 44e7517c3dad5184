"""LIBERO and robomimic files: which way up, which wording, which success; and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from recordings import Built, actions_of, pictures_of, read_barcode

from foundation.action_space import LIBERO
from foundation.errors import EpisodeUnreadable
from videos.catalog import find_episodes, open_episode
from videos.hdf5_images import Hdf5Images
from videos.readers.reader import ReadOptions


@pytest.fixture
def libero(built: dict[str, Built], tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copy(built["libero_hdf5"].path, tmp_path / "KITCHEN_SCENE3_pick_up_the_bowl_demo.hdf5"))


@pytest.fixture
def robomimic(tmp_path: Path) -> Path:
    """Upright pictures, no LIBERO attributes, a 6-d action."""
    path = tmp_path / "image.hdf5"
    with h5py.File(path, "w") as file:
        file.create_group("data").attrs["env_args"] = json.dumps({"env_name": "Lift", "env_kwargs": {}})
        demo = file.create_group("data/demo_0")
        demo["obs/agentview_image"] = np.stack(pictures_of(0))
        demo["actions"] = actions_of(0, dimensions=6)
        demo["rewards"] = np.zeros(7)
    return path


class TestOrientation:
    def test_convention_of_the_file_decides(self, libero: Path) -> None:
        with h5py.File(libero, "a") as file:
            file["data"].attrs["macros_image_convention"] = "opencv"
        frame = next(open_episode(libero, "demo_0").cameras["agentview"].frames([0]))
        assert read_barcode(frame.rgb[::-1, ::-1]) == 5  # stored turned, shown as stored

    def test_without_a_convention_libero_is_raw(self, libero: Path) -> None:
        with h5py.File(libero, "a") as file:
            del file["data"].attrs["macros_image_convention"]
        episode = open_episode(libero, "demo_0")
        assert read_barcode(next(episode.cameras["agentview"].frames([0])).rgb) == 5
        assert any("turned by 180°" in note for note in episode.notes)

    def test_without_a_convention_others_are_upright(self, robomimic: Path) -> None:
        episode = open_episode(robomimic)
        assert read_barcode(next(episode.cameras["agentview"].frames([0])).rgb) == 5
        assert any("stored upright" in note for note in episode.notes)

    @pytest.mark.parametrize("raw", [True, False])
    def test_the_user_has_the_last_word(self, libero: Path, raw: bool) -> None:
        episode = open_episode(libero, "demo_0", ReadOptions(raw_orientation=raw))
        rgb = next(episode.cameras["agentview"].frames([0])).rgb
        assert read_barcode(rgb if raw else rgb[::-1, ::-1]) == 5
        assert any("as you said" in note for note in episode.notes)

    def test_pictures_shown_differently_have_different_fingerprints(self, libero: Path) -> None:
        digests = {
            open_episode(libero, "demo_0", ReadOptions(raw_orientation=raw)).cameras["agentview"].fingerprint()
            for raw in (True, False)
        }
        assert len(digests) == 2


class TestFacts:
    def test_the_wording_policies_are_given_is_preferred_and_the_other_told(self, libero: Path) -> None:
        episode = open_episode(libero, "demo_0")
        assert episode.instruction == "pick up the bowl"
        assert any("'pick the akita black bowl'" in note for note in episode.notes)
        renamed = libero.rename(libero.with_name("run 7.hdf5"))
        assert open_episode(renamed, "demo_0").instruction == "pick up the bowl"

    def test_a_file_without_attributes_is_known_by_its_cameras(self, libero: Path) -> None:
        """As OpenVLA's regenerated files are."""
        with h5py.File(libero, "a") as file:
            for name in list(file["data"].attrs):
                del file["data"].attrs[name]
        episode = open_episode(libero, "demo_0")
        assert episode.action_space is LIBERO
        assert episode.instruction == "pick up the bowl"
        assert episode.control_hz is None
        assert any("control rate is not recorded" in note for note in episode.notes)

    def test_others_get_no_meaning_they_did_not_record(self, robomimic: Path) -> None:
        episode = open_episode(robomimic)
        assert episode.action_space is not None
        assert episode.action_space.kind == "unknown"
        assert episode.instruction is None
        assert episode.success is None  # rewards of zero may never have been written
        assert episode.control_hz is None

    def test_a_recorded_success_beats_the_rewards(self, libero: Path) -> None:
        with h5py.File(libero, "a") as file:
            file["data/demo_1"].attrs["success"] = False
        assert open_episode(libero, "demo_1").success is False

    def test_ten_demonstrations_are_in_natural_order(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "many.hdf5", "w") as file:
            for i in range(11):
                file[f"data/demo_{i}/actions"] = np.zeros((1, 7))
                file[f"data/demo_{i}/obs/agentview_rgb"] = np.zeros((1, 4, 4, 3), np.uint8)
        assert [summary.id for summary in find_episodes(tmp_path / "many.hdf5")] == [f"demo_{i}" for i in range(11)]


class TestDamage:
    def test_a_cut_file(self, libero: Path) -> None:
        libero.write_bytes(libero.read_bytes()[:5000])
        with pytest.raises(EpisodeUnreadable, match=r"demo\.hdf5: cannot be read as an HDF5 recording"):
            find_episodes(libero)

    def test_other_hdf5_files(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "weights.h5", "w") as file:
            file["layer1"] = np.zeros(3)
        with pytest.raises(EpisodeUnreadable, match=r"weights\.h5: no demonstrations \(found: 'layer1'\)"):
            find_episodes(tmp_path / "weights.h5")

    def test_demonstrations_without_pictures(self, libero: Path) -> None:
        with h5py.File(libero, "a") as file:
            for name in ("agentview_rgb", "eye_in_hand_rgb"):
                del file["data/demo_0/obs"][name]
        with pytest.raises(EpisodeUnreadable, match="holds no pictures"):
            find_episodes(libero)

    def test_actions_that_do_not_match_the_frames(self, libero: Path) -> None:
        with h5py.File(libero, "a") as file:
            del file["data/demo_0/actions"]
            file["data/demo_0/actions"] = actions_of(0, 6)
        with pytest.raises(EpisodeUnreadable, match=r"6 actions, but 7 states|6 actions for 7 frames"):
            open_episode(libero, "demo_0")

    def test_values_in_another_file_are_refused(self, libero: Path, tmp_path: Path) -> None:
        """HDF5 can map any bytes of any file into a dataset."""
        secret = tmp_path / "secret"
        secret.write_bytes(bytes(7 * 7 * 8))
        with h5py.File(libero, "a") as file:
            del file["data/demo_0/actions"]
            file["data/demo_0"].create_dataset("actions", (7, 7), "f8", external=[(str(secret), 0, 7 * 7 * 8)])
        with pytest.raises(EpisodeUnreadable, match="stored in another file, which is refused"):
            open_episode(libero, "demo_0")
        with h5py.File(tmp_path / "other.hdf5", "w") as file:
            file["actions"] = np.zeros((7, 7))
        with h5py.File(libero, "a") as file:
            del file["data/demo_0/actions"]
            file["data/demo_0/actions"] = h5py.ExternalLink(str(tmp_path / "other.hdf5"), "actions")
        with pytest.raises(EpisodeUnreadable, match="stored in another file, which is refused"):
            open_episode(libero, "demo_0")


def test_blocks_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two frames, so that runs, gaps and ends of blocks all occur."""
    pictures = np.random.default_rng(0).integers(0, 256, (11, 6, 8, 3), np.uint8)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["images"] = pictures
    monkeypatch.setattr("videos.hdf5_images._BLOCK_BYTES", 2 * 6 * 8 * 3)
    images = Hdf5Images(tmp_path / "a.hdf5", "images", 10, turned=False)
    for chosen in (list(range(11)), [0, 1, 4, 5, 6, 10], [10], [1, 3, 5], []):
        read = [frame.rgb for frame in images.frames(chosen)]
        np.testing.assert_array_equal(np.array(read).reshape(-1, 6, 8, 3), pictures[chosen])
