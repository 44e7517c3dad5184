"""Listing what a path holds, whatever it is; and staying inside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from recordings import Built, barcode, read_barcode, write_clip

from foundation.errors import BadInput, EpisodeUnreadable
from videos.catalog import FORMATS, find_episodes, open_episode


def test_every_row_of_the_table_loads() -> None:
    for row in FORMATS.values():
        assert callable(row.reader().find)
        assert callable(row.reader().read)


def test_listing_videos_loads_no_heavy_library() -> None:
    code = (
        "import sys; from videos.catalog import find_episodes; "
        "sys.exit(any(m in sys.modules for m in ('av', 'h5py', 'pyarrow', 'torch', 'cv2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_a_folder_of_everything_lists_everything_once(built: dict[str, Built], tmp_path: Path) -> None:
    for name, dataset in built.items():
        if dataset.path.is_dir():
            shutil.copytree(dataset.path, tmp_path / name)
        else:
            shutil.copy(dataset.path, tmp_path / dataset.path.name)
    summaries = find_episodes(tmp_path)
    assert len(summaries) == 3 * len(built)
    assert len({summary.id for summary in summaries}) == len(summaries)
    for summary in summaries:
        episode = open_episode(summary)
        assert episode.id == summary.id
        read_barcode(next(next(iter(episode.cameras.values())).frames([0])).rgb)


def test_order_is_natural_and_the_same_every_time(tmp_path: Path) -> None:
    for name in ("take10.mp4", "take2.mp4", "take1.mp4"):
        write_clip(tmp_path / name, [barcode(1)])
    listed = [summary.id for summary in find_episodes(tmp_path)]
    assert listed == ["take1", "take2", "take10"] == [summary.id for summary in find_episodes(tmp_path)]


def test_equal_stems_get_different_ids(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):
        write_clip(tmp_path / name, [barcode(1)])
    ids = {summary.id for summary in find_episodes(tmp_path)}
    assert len(ids) == 2
    assert {open_episode(tmp_path, id).id for id in ids} == ids


def test_pictures_beside_a_video_are_thumbnails(tmp_path: Path) -> None:
    write_clip(tmp_path / "take.mp4", [barcode(1)])
    Image.fromarray(barcode(2)).save(tmp_path / "take.png")
    Image.fromarray(barcode(2)).save(tmp_path / "other.png")
    assert [summary.format for summary in find_episodes(tmp_path)] == ["video"]


def test_a_damaged_recording_neither_hides_the_others_nor_vanishes(built: dict[str, Built], tmp_path: Path) -> None:
    shutil.copy(built["libero_hdf5"].path, tmp_path / "good.hdf5")
    (tmp_path / "bad.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    write_clip(tmp_path / "take.mp4", [barcode(1)])
    summaries = find_episodes(tmp_path)
    assert [summary.id for summary in summaries] == ["bad", "good.demo_0", "good.demo_1", "good.demo_2", "take"]
    with pytest.raises(EpisodeUnreadable, match=r"bad\.hdf5: cannot be read as an HDF5 recording"):
        open_episode(summaries[0])


class TestRefusals:
    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(EpisodeUnreadable, match="there is no such file or folder"):
            find_episodes(tmp_path / "gone")

    def test_an_empty_folder_lists_what_is_known(self, tmp_path: Path) -> None:
        with pytest.raises(EpisodeUnreadable, match=r"holds no recording .*LeRobot.*\.hdf5.*\.mp4"):
            find_episodes(tmp_path)

    def test_an_unknown_ending_says_what_the_file_is(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.docx"
        path.write_text("dear diary")
        with pytest.raises(EpisodeUnreadable, match=r"notes\.docx: holds no recording \(it looks like plain text\)"):
            find_episodes(path)

    def test_a_video_called_hdf5(self, tmp_path: Path) -> None:
        path = tmp_path / "demo.hdf5"
        shutil.move(write_clip(tmp_path / "demo.mp4", [barcode(1)]), path)
        with pytest.raises(EpisodeUnreadable, match=r"demo\.hdf5: .*an MP4 or MOV video"):
            find_episodes(path)

    def test_which_of_several(self, built: dict[str, Built]) -> None:
        path = built["lerobot_v30"].path
        with pytest.raises(BadInput, match=r"holds 3 episodes\. Name one of them: episode_000000"):
            open_episode(path)
        with pytest.raises(BadInput, match="Did you mean 'episode_000002'"):
            open_episode(path, "episode_00002")

    def test_links_that_lead_out_are_not_followed(self, tmp_path: Path) -> None:
        write_clip(tmp_path / "private" / "secret.mp4", [barcode(1)])
        named = tmp_path / "named"
        write_clip(named / "take.mp4", [barcode(2)])
        (named / "folder").symlink_to(tmp_path / "private")
        (named / "file.mp4").symlink_to(tmp_path / "private" / "secret.mp4")
        (named / "inside.mp4").symlink_to(named / "take.mp4")
        (named / "loop").symlink_to(named)
        ids = [summary.id for summary in find_episodes(named)]
        assert "take" in ids
        assert "inside" in ids
        assert not any("secret" in id or "file" in id for id in ids)
