"""The feature cache: nothing is computed twice, nothing damaged is trusted, and a stop at any moment changes no bit."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_policy import DIM, GRID, FakePolicy
from takes import moving_square, write_take

from analyzer.features import FeatureRequest, SiteFeatures, extract
from foundation.errors import BadInput, OutputUnwritable
from videos.catalog import open_episode
from videos.episode import Episode

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 7
ALL = ("vision.0", "vision.1", "llm.0")


@pytest.fixture
def take(tmp_path: Path) -> Episode:
    return open_episode(write_take(tmp_path / "take.mp4", FRAMES))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def wanted(*sites: str, frames: int = FRAMES, batch: int = 2) -> FeatureRequest:
    return FeatureRequest(("camera",), tuple(range(frames)), sites or ("vision.0",), batch)


def numbers(features: dict[str, SiteFeatures]) -> dict[str, bytes]:
    return {site: stored.path.read_bytes() for site, stored in features.items()}


def of_site(cache: Path, site: str) -> Path:
    (path,) = cache.glob(f"*/{site}.npy")
    return path


def manifest_of(cache: Path) -> Path:
    (path,) = cache.glob("*/manifest.json")
    return path


def test_features_are_the_policys_own_in_order_of_time(take: Episode, cache: Path) -> None:
    policy = FakePolicy()
    stored = extract(take, policy, wanted(), cache)["vision.0"]
    expected = np.stack(
        [
            policy.run([picture[None]], sites=["vision.0"]).features["vision.0"][0].numpy()
            for picture in moving_square(7)
        ]
    )
    assert stored.shape == (FRAMES, 1, *GRID, DIM)
    # The video keeps colours to a few steps of 255.
    np.testing.assert_allclose(stored.frames(0, FRAMES), expected, atol=0.06)
    np.testing.assert_array_equal(np.concatenate(list(stored.chunks(3))), stored.frames(0, FRAMES).reshape(-1, DIM))


def test_a_second_extraction_asks_the_policy_nothing(take: Episode, cache: Path) -> None:
    first = numbers(extract(take, FakePolicy(), wanted(*ALL), cache))
    again = FakePolicy()
    told: list[int] = []
    assert numbers(extract(take, again, wanted(*ALL), cache, told.append)) == first
    assert again.calls == []
    assert told == [FRAMES]


def test_another_site_is_computed_alone(take: Episode, cache: Path) -> None:
    extract(take, FakePolicy(), wanted("vision.0"), cache)
    policy = FakePolicy()
    extract(take, policy, wanted("vision.0", "vision.1"), cache)
    assert {sites for _, sites in policy.calls} == {("vision.1",)}
    assert policy.frames_seen == FRAMES


def test_another_instruction_touches_only_sites_that_hear_it(take: Episode, cache: Path) -> None:
    before = numbers(extract(replace(take, instruction="lift it"), FakePolicy(), wanted(*ALL), cache))
    policy = FakePolicy()
    after = numbers(extract(replace(take, instruction="drop it"), policy, wanted(*ALL), cache))
    assert {sites for _, sites in policy.calls} == {("llm.0",)}
    assert set(policy.instructions) == {"drop it"}
    assert {site for site in ALL if before[site] != after[site]} == {"llm.0"}


def test_no_instruction_is_not_an_empty_one(take: Episode, cache: Path) -> None:
    extract(replace(take, instruction=None), FakePolicy(), wanted("llm.0"), cache)
    policy = FakePolicy()
    extract(replace(take, instruction=""), policy, wanted("llm.0"), cache)
    assert policy.frames_seen == FRAMES


@pytest.mark.parametrize(
    "changed",
    [
        {"request": wanted(frames=FRAMES - 1)},
        {"policy": FakePolicy(fingerprint="fake-2")},
        {"pictures": moving_square(FRAMES)[::-1]},
    ],
    ids=["frames", "weights", "recording"],
)
def test_whatever_shapes_the_numbers_names_the_cache(
    take: Episode, cache: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    extract(take, FakePolicy(), wanted(), cache)
    policy = changed.get("policy", FakePolicy())
    if "pictures" in changed:
        take = open_episode(write_take(tmp_path / "other" / "take.mp4", changed["pictures"]))
    request = changed.get("request", wanted())
    extract(take, policy, request, cache)
    assert policy.frames_seen == len(request.frames)


def test_a_moved_recording_is_found_made(take: Episode, cache: Path, tmp_path: Path) -> None:
    extract(take, FakePolicy(), wanted(), cache)
    policy = FakePolicy()
    moved = (tmp_path / "take.mp4").rename(tmp_path / "moved.mp4")
    extract(open_episode(moved), policy, wanted(), cache)
    assert policy.calls == []


class Stopped(Exception):
    """Stands for whatever may end a process."""


def stop_after(calls: int) -> FakePolicy:
    def on_call(policy: FakePolicy) -> None:
        if len(policy.calls) == calls:
            raise Stopped

    return FakePolicy(on_call=on_call)


@pytest.mark.parametrize("calls", range(4))
def test_stopped_after_any_batch_it_goes_on_there_and_gives_the_same_bits(
    take: Episode, cache: Path, tmp_path: Path, calls: int
) -> None:
    whole = numbers(extract(take, FakePolicy(), wanted(*ALL), tmp_path / "uninterrupted"))
    with pytest.raises(Stopped):
        extract(take, stop_after(calls), wanted(*ALL), cache)
    rest = FakePolicy()
    told: list[int] = []
    assert numbers(extract(take, rest, wanted(*ALL), cache, told.append)) == whole
    assert rest.frames_seen == FRAMES - 2 * calls
    assert told == [2 * calls, *(frames for frames, _ in rest.calls)]


def test_sites_that_have_got_to_different_frames_are_completed_with_other_batches(
    take: Episode, cache: Path, tmp_path: Path
) -> None:
    whole = numbers(extract(take, FakePolicy(), wanted(*ALL), tmp_path / "uninterrupted"))
    for site, calls in (("vision.0", 1), ("vision.1", 3)):
        with pytest.raises(Stopped):
            extract(take, stop_after(calls), wanted(site), cache)
    assert numbers(extract(take, FakePolicy(), wanted(*ALL, batch=3), cache)) == whole


KILLED = """
import os, signal, sys
from pathlib import Path
from fake_policy import FakePolicy
from test_features import wanted, ALL
from analyzer.features import extract
from videos.catalog import open_episode
def on_call(policy):
    if len(policy.calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
extract(open_episode(sys.argv[1]), FakePolicy(on_call=on_call), wanted(*ALL), Path(sys.argv[2]))
"""


def test_killed_by_the_system_it_goes_on_and_gives_the_same_bits(take: Episode, cache: Path, tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "take.mp4"), str(cache)],
        env={"PYTHONPATH": f"{ROOT}:{here}", "PATH": "/usr/bin"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    rest = FakePolicy()
    resumed = numbers(extract(take, rest, wanted(*ALL), cache))
    assert rest.frames_seen == FRAMES - 4
    assert resumed == numbers(extract(take, FakePolicy(), wanted(*ALL), tmp_path / "uninterrupted"))


def damage_count(count: Any) -> Any:
    def damage(cache: Path) -> None:
        stored = json.loads(manifest_of(cache).read_text())
        stored["done"]["vision.0"] = count
        manifest_of(cache).write_text(json.dumps(stored))

    return damage


def cut_features(cache: Path) -> None:
    path = of_site(cache, "vision.0")
    path.write_bytes(path.read_bytes()[:-1])


def save_features(array: np.ndarray) -> Any:
    return lambda cache: np.save(of_site(cache, "vision.0"), array)


DAMAGES = {
    "manifest gone": lambda cache: manifest_of(cache).unlink(),
    "manifest cut": lambda cache: manifest_of(cache).write_text(manifest_of(cache).read_text()[:40]),
    "manifest of something else": lambda cache: manifest_of(cache).write_text("[1, 2]"),
    "manifest of another version": lambda cache: manifest_of(cache).write_text(
        '{"schema": 0, "done": {"vision.0": 7}}'
    ),
    "manifest nested deeply": lambda cache: manifest_of(cache).write_text("[" * 100_000),
    "manifest not text": lambda cache: manifest_of(cache).write_bytes(b"\xff\xfe\x00"),
    "count too high": damage_count(FRAMES + 1),
    "count below zero": damage_count(-1),
    "count infinite": damage_count(float("inf")),
    "count no number": damage_count("many"),
    "features gone": lambda cache: of_site(cache, "vision.0").unlink(),
    "features cut": cut_features,
    "features empty": lambda cache: of_site(cache, "vision.0").write_bytes(b""),
    "features of another shape": save_features(np.zeros((FRAMES, 1, 4, 4, DIM), np.float16)),
    "features of another type": save_features(np.zeros((FRAMES, 1, *GRID, DIM), np.float32)),
    "features not an array": lambda cache: of_site(cache, "vision.0").write_bytes(b"not an array" * 9999),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_never_trusted(take: Episode, cache: Path, damage: Any) -> None:
    whole = numbers(extract(take, FakePolicy(), wanted(), cache))
    damage(cache)
    policy = FakePolicy()
    assert numbers(extract(take, policy, wanted(), cache)) == whole
    assert policy.frames_seen == FRAMES


def test_after_a_power_cut_only_complete_sites_are_trusted(
    take: Episode, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(take, FakePolicy(), wanted("vision.1"), cache)
    with pytest.raises(Stopped):
        extract(take, stop_after(2), wanted("vision.0"), cache)
    monkeypatch.setattr("analyzer.features._boot", lambda: "the machine was started anew")
    policy = FakePolicy()
    extract(take, policy, wanted("vision.0", "vision.1"), cache)
    assert {sites for _, sites in policy.calls} == {("vision.0",)}
    assert policy.frames_seen == FRAMES


def test_a_claim_about_a_file_goes_before_the_file(take: Episode, cache: Path) -> None:
    """A kill between making a new file and its first features must not leave zeros that count as features."""
    whole = numbers(extract(take, FakePolicy(), wanted(), cache))
    cut_features(cache)
    with pytest.raises(Stopped):
        extract(take, stop_after(0), wanted(), cache)
    assert numbers(extract(take, FakePolicy(), wanted(), cache)) == whole


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_features_that_are_no_numbers_are_refused_and_not_kept(take: Episode, cache: Path, bad: float) -> None:
    def spoil(features: torch.Tensor) -> torch.Tensor:
        features[0, 0, 3, 4, 2] = bad
        return features

    with pytest.raises(BadInput, match=r"vision\.0: the policy gave NaN or infinity.*--dtype float32"):
        extract(take, FakePolicy(spoil=spoil), wanted(), cache)
    policy = FakePolicy()
    extract(take, policy, wanted(), cache)
    assert policy.frames_seen == FRAMES


def test_giant_activations_stay_finite(take: Episode, cache: Path) -> None:
    features = extract(take, FakePolicy(spoil=lambda f: f * 1e9), wanted(), cache)["vision.0"].frames(0, FRAMES)
    assert np.isfinite(features).all()


TWO_AT_ONCE = """
import sys, time
from pathlib import Path
from fake_policy import FakePolicy
from test_features import wanted, ALL
from analyzer.features import extract
from videos.catalog import open_episode
policy = FakePolicy(on_call=lambda policy: time.sleep(0.02))
print("ready", flush=True)
sys.stdin.readline()
extract(open_episode(sys.argv[1]), policy, wanted(*ALL, batch=1), Path(sys.argv[2]))
print(policy.frames_seen)
"""


def test_two_processes_at_once_share_the_work_and_disturb_nothing(take: Episode, cache: Path, tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_AT_ONCE, str(tmp_path / "take.mp4"), str(cache)],
            env={"PYTHONPATH": f"{ROOT}:{here}", "PATH": "/usr/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    seen = []
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        seen.append(int(process.communicate(timeout=60)[0]))
    assert sorted(seen) == [0, FRAMES]
    policy = FakePolicy()
    stored = numbers(extract(take, policy, wanted(*ALL), cache))
    assert policy.calls == []
    assert stored == numbers(extract(take, FakePolicy(), wanted(*ALL), tmp_path / "alone"))


def test_a_policy_with_one_view_sees_each_camera_by_itself(tmp_path: Path, cache: Path) -> None:
    take = two_cameras(tmp_path)
    policy = FakePolicy()
    stored = extract(take, policy, FeatureRequest(("a", "b"), (0, 2), ("vision.0",), 2), cache)["vision.0"]
    assert stored.shape == (2, 2, *GRID, DIM)
    for position, camera in enumerate(("a", "b")):
        alone = extract(take, FakePolicy(), FeatureRequest((camera,), (0, 2), ("vision.0",), 2), cache)["vision.0"]
        np.testing.assert_array_equal(stored.frames(0, 2)[:, position], alone.frames(0, 2)[:, 0])


def test_a_policy_with_two_views_sees_both_at_once(tmp_path: Path, cache: Path) -> None:
    take = two_cameras(tmp_path)
    policy = FakePolicy(cameras=("left", "right"))
    both = extract(take, policy, FeatureRequest(("a", "b"), (0, 2), ("vision.0",), 4), cache)["vision.0"]
    single = extract(
        take, FakePolicy(fingerprint="single"), FeatureRequest(("a", "b"), (0, 2), ("vision.0",), 4), cache
    )
    assert policy.calls == [(2, ("vision.0",))]
    np.testing.assert_array_equal(both.frames(0, 2), single["vision.0"].frames(0, 2))


def two_cameras(folder: Path) -> Episode:
    a = open_episode(write_take(folder / "a.mp4", moving_square(3)))
    b = open_episode(write_take(folder / "b.mp4", [picture[:, ::-1] for picture in moving_square(3)]))
    return replace(a, cameras={"a": a.cameras["camera"], "b": b.cameras["camera"]})


def test_a_disk_too_small_is_said_before_the_policy_runs(
    take: Episode, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1000, 999, 1))
    policy = FakePolicy()
    with pytest.raises(OutputUnwritable, match=r"cache: the features of 1 sites take .* GB more .*--stride.*--cache"):
        extract(take, policy, wanted(), cache)
    assert policy.calls == []


def test_a_disk_that_fills_up_loses_no_finished_batch(
    take: Episode, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = os.pwrite, []

    def full_after_two(*arguments: Any) -> int:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(arguments)
        return write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full_after_two)
        with pytest.raises(OutputUnwritable, match="the disk is full"):
            extract(take, FakePolicy(), wanted(), cache)
    rest = FakePolicy()
    extract(take, rest, wanted(), cache)
    assert rest.frames_seen == FRAMES - 4


def test_a_cache_that_cannot_be_written_is_named(take: Episode, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritable, match=r"file/.*a file stands where a folder must be"):
        extract(take, FakePolicy(), wanted(), tmp_path / "file")
