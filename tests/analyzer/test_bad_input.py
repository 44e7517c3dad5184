"""Whatever is wrong with what `run` is given: one sentence with the file, the problem and the next step; never a traceback,
never half a run."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import Command
from fake_policy import FakePolicy, install
from recordings import episode_folders, lerobot_v21, libero_hdf5
from takes import write_take


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> FakePolicy:
    return install(monkeypatch, FakePolicy())


def truncated_video(folder: Path) -> Path:
    path = write_take(folder / "take.mp4")
    path.write_bytes(path.read_bytes()[:-500])
    return path


def empty_video(folder: Path) -> Path:
    path = folder / "take.mp4"
    path.write_bytes(b"")
    return path


def audio_only(folder: Path) -> Path:
    path = folder / "take.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def wrong_extension(folder: Path) -> Path:
    (folder / "take.mp4").write_bytes(b"PK\x03\x04" + b"\0" * 500)
    return folder / "take.mp4"


def no_recording(folder: Path) -> Path:
    (folder / "report.docx").write_text("the arm dropped it")
    return folder / "report.docx"


def corrupt_hdf5(folder: Path) -> Path:
    path = folder / "demo.hdf5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"garbage" * 500)
    return path


def cut_hdf5(folder: Path) -> Path:
    path = libero_hdf5(folder / "data").path
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def hdf5_of_something_else(folder: Path) -> Path:
    with h5py.File(folder / "weights.hdf5", "w") as file:
        file["layer/kernel"] = np.zeros(3)
    return folder / "weights.hdf5"


def corrupt_parquet(folder: Path) -> Path:
    path = write_take(folder / "take.mp4", 3)
    path.with_suffix(".parquet").write_bytes(b"PAR1" + b"garbage" * 100 + b"PAR1")
    return path


def lerobot_with_corrupt_table(folder: Path) -> Path:
    path = lerobot_v21(folder / "data").path
    table = path / "data" / "chunk-000" / "episode_000000.parquet"
    table.write_bytes(table.read_bytes()[:-20])
    return path


def lerobot_without_a_video(folder: Path) -> Path:
    path = lerobot_v21(folder / "data").path
    (path / "videos" / "chunk-000" / "observation.images.wrist" / "episode_000001.mp4").unlink()
    return path


def lerobot_with_a_corrupt_index(folder: Path) -> Path:
    path = lerobot_v21(folder / "data").path
    (path / "meta" / "info.json").write_text('{"codebase_version": ')
    return path


def too_few_actions(folder: Path) -> Path:
    path = write_take(folder / "take.mp4", 5)
    np.savez(path.with_suffix(".npz"), actions=np.zeros((4, 7)))
    return path


def nan_actions(folder: Path) -> Path:
    path = write_take(folder / "take.mp4", 5)
    actions = np.zeros((5, 7))
    actions[3, 2] = np.nan
    pq.write_table(pa.table({"action": actions.tolist()}), path.with_suffix(".parquet"))
    return path


def nan_actions_in_an_episode_folder(folder: Path) -> Path:
    path = episode_folders(folder / "data").path / "ep_000"
    stored = dict(np.load(path / "data.npz"))
    stored["action"][2, 0] = np.inf
    np.savez(path / "data.npz", **stored)
    return path


def text_in_a_table(folder: Path) -> Path:
    path = write_take(folder / "take.mp4", 2)
    path.with_suffix(".csv").write_text("dx,dy\n1,2\nthree,4\n")
    return path


def no_such_path(folder: Path) -> Path:
    return folder / "nowhere.mp4"


def empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def damaged_frame(folder: Path) -> Path:
    path = write_take(folder / "take.mp4", 30)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat")
    content[start + 4 + 2000 : start + 4 + 6000] = b"\xff" * 4000
    path.write_bytes(content)
    return path


BAD: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "truncated video": (truncated_video, ("take.mp4", "cut short", "again")),
    "zero-byte video": (empty_video, ("take.mp4", "empty (0 bytes)", "?")),
    "audio only": (audio_only, ("take.mp4", "no video stream", "1 audio stream", "right file?")),
    "wrong extension": (wrong_extension, ("take.mp4", "cannot be read as a video", "ZIP", "misnamed?")),
    "no recording": (no_recording, ("report.docx", "holds no recording", "Known:")),
    "corrupt HDF5": (corrupt_hdf5, ("demo.hdf5", "cannot be read as an HDF5", "damaged or misnamed?")),
    "cut HDF5": (cut_hdf5, ("demo.hdf5", "cannot be read as an HDF5", "damaged or misnamed?")),
    "HDF5 of something else": (hdf5_of_something_else, ("weights.hdf5",)),
    "corrupt Parquet beside a video": (corrupt_parquet, ("take.parquet", "Parquet")),
    "LeRobot with a corrupt table": (lerobot_with_corrupt_table, ("episode_000000.parquet", "Parquet")),
    "LeRobot with a video missing": (
        lerobot_without_a_video,
        ("observation.images.wrist/episode_000001.mp4", "missing", "downloaded whole?"),
    ),
    "LeRobot with a corrupt index": (lerobot_with_a_corrupt_index, ("info.json",)),
    "fewer actions than frames": (too_few_actions, ("take.npz", "4 actions for the 5 frames", "frame_step")),
    "NaN actions": (nan_actions, ("take", "NaN", "step 3", "Mend the recording")),
    "infinite actions": (nan_actions_in_an_episode_folder, ("ep_000", "infinity", "step 2", "Mend the recording")),
    "text in a table": (text_in_a_table, ("take.csv", "three")),
    "no such path": (no_such_path, ("nowhere.mp4", "no such file or folder", "?")),
    "empty folder": (empty_folder, ("empty", "holds no recording", "Known:")),
    "damaged frame": (damaged_frame, ("take.mp4", "damaged", "Copy or download")),
}


@pytest.mark.parametrize(("build", "told"), BAD.values(), ids=BAD)
def test_a_bad_recording_is_refused_by_name(
    command: Command, policy: FakePolicy, build: Callable[[Path], Path], told: tuple[str, ...]
) -> None:
    path = build(command.home)
    command.refuses(command.run(path), 2, *told)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--sites", "vision.7"), ("fake has no site 'vision.7'", "Did you mean 'vision.", "Known: vision.0")),
        (("--camera", "camra"), ("take.mp4", "no camera 'camra'", "Did you mean 'camera'?")),
        (("--episodes", "7"), ("--episodes", "'7' is outside 0 … 0")),
        (("--episodes", "tak"), ("--episodes", "Did you mean 'take'?")),
        (("--stride", "0"), ("--stride is 0", "1 or more")),
        (("--mean-affinity", "nan"), ("--mean-affinity is nan", "0.001 … 0.95")),
        (("--n-eigenvectors", "17"), ("--n-eigenvectors is 17", "raise --n-landmarks")),
        (("--seed", "-1"), ("--seed is -1", "0 … 999999999")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) and value[0].startswith("--") else "",
)
def test_a_bad_flag_is_refused_by_name(
    command: Command, policy: FakePolicy, flags: tuple[str, ...], told: tuple[str, ...]
) -> None:
    take = write_take(command.home / "take.mp4")
    command.refuses(command.run(take, *flags), 2, *told)


def test_an_unknown_policy_is_unavailable(command: Command) -> None:
    said = command.run(write_take(command.home / "take.mp4"), "--policy", "dinov2-smal")
    command.refuses(said, 3, "no policy 'dinov2-smal'", "Did you mean 'dinov2-small'?", "openvla-7b")


def test_an_unknown_site_of_the_real_policy_is_answered_with_the_nearest(command: Command) -> None:
    said = command.run(write_take(command.home / "take.mp4"), "--sites", "vision.12", "--input-size", "28")
    command.refuses(said, 2, "dinov2-small has no site 'vision.12'", "Did you mean 'vision.", "vision.11")


def test_an_input_size_between_patches_is_answered_with_the_nearest(command: Command) -> None:
    said = command.run(write_take(command.home / "take.mp4"), "--input-size", "450")
    command.refuses(said, 2, "450", "multiples of 14", "448")


# -- where nothing can be written ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "below", "told"),
    [
        ("--out", "file/x", ("a file stands where a folder must be", "Choose another place")),
        ("--cache", "file/x", ("a file stands where a folder must be", "Choose another place")),
        ("--out", "/proc/nowhere", ("no folder can be made there", "Choose another place")),
        ("--cache", "/proc/nowhere", ("0.0 MB are free", "another place with --cache")),
        ("--out", "x" * 300, ("too long", "Choose a shorter one")),
        ("--cache", "x" * 300, ("too long", "Check the path")),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_an_unwritable_place_is_named(
    command: Command, policy: FakePolicy, flag: str, below: str, told: tuple[str, ...]
) -> None:
    (command.home / "file").write_text("")
    place = command.home / below
    command.refuses(command.run(write_take(command.home / "take.mp4"), flag, place), 2, str(place), *told)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 400 kB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    asked = [str(mount), "-t", "tmpfs", "-o", "size=400k", "none", str(place)]
    if mount is None or os.geteuid() != 0 or subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("Mounting a small disk takes root.")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_under_the_run_is_named(command: Command, policy: FakePolicy, small_disk: Path) -> None:
    take = write_take(command.home / "take.mp4", 6)
    (small_disk / "ballast").write_bytes(b"x" * 380_000)
    said = command.run(take, "--out", small_disk / "run")
    command.refuses(said, 2, str(small_disk / "run"), "the disk is full", "--out")
    assert [path.name for path in small_disk.rglob("*")] == ["ballast"], said.err


def test_a_disk_too_small_for_the_cache_is_named_and_the_run_can_be_made_elsewhere(
    command: Command, policy: FakePolicy, small_disk: Path
) -> None:
    take = write_take(command.home / "take.mp4", 6)
    (small_disk / "ballast").write_bytes(b"x" * 380_000)
    said = command.run(take, "--cache", small_disk / "cache", "--sites", "all")
    command.refuses(said, 2, str(small_disk / "cache"), "Free some space", "--cache")
    assert command.run(take).code == 0


def test_a_disk_that_fills_up_while_the_preview_is_written_is_named(
    command: Command, policy: FakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("analyzer.pipeline.write_preview", full)
    command.refuses(command.run(write_take(command.home / "take.mp4")), 2, "out", "the disk is full", "--out")
