"""What a run will take: the arithmetic, what is said, and what is refused."""

from __future__ import annotations

import json
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from command import Command
from fake_policy import DIM, GRID, FakePolicy, install
from takes import quick, write_take

from analyzer import budget, recordings
from analyzer.budget import Estimate, frame_flops, proposals, seconds
from analyzer.features import FeatureRequest, extract
from analyzer.settings import Settings
from foundation.action_space import LIBERO
from foundation.errors import BadInput
from policies.policy import FeatureSite

FRAMES = 6
RATE = 1e11
SITES = ("vision.0", "vision.1")


class Dear(FakePolicy):
    """Every block costs as much as the one before."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for depth, name in enumerate(self.site_names, start=1):
            self.sites[name] = FeatureSite(name, DIM, self.grid, depends_on_instruction=False, flops=1e13 * depth)


def work(**changes: Any) -> Estimate:
    values = {
        "frames": 100, "flops": 1e15, "shallower": (("vision.0", 1e14), ("vision.1", 5e14)), "disk_bytes": 10,
        "memory_bytes": 10, "cache": Path("/"), "settings": Settings(stride=3),
    }  # fmt: skip
    return Estimate(**values | changes)


@pytest.mark.parametrize(
    ("site", "action", "views", "at_once", "flops"),
    [
        (5, 0, 1, 1, 5),
        (5, 0, 3, 3, 15),
        (5, 0, 3, 1, 15),
        (5, 7, 1, 1, 7),
        (5, 7, 3, 1, 17),
        (0, 7, 3, 1, 7),
        (5, 40, 3, 3, 40),
    ],
)
def test_a_frame_costs_its_deepest_site_and_its_action(
    site: float, action: float, views: int, at_once: int, flops: float
) -> None:
    assert frame_flops(site, action, views, at_once) == flops


def test_time_is_proportional_to_work() -> None:
    assert seconds(2e12, 1e12) == 2 * seconds(1e12, 1e12) == pytest.approx(2 * budget.OVERHEAD)


def test_what_the_cache_holds_costs_nothing(tmp_path: Path) -> None:
    summary = recordings.find([write_take(tmp_path / "take.mp4", FRAMES)])[0]
    episode, policy, settings = recordings.open_recording(summary, quick()), Dear(), quick()
    request = FeatureRequest(("camera",), tuple(range(FRAMES)), SITES, 4)

    def ahead() -> Estimate:
        return budget.estimate([episode], [request], policy, tmp_path / "cache", settings)

    a_site = FRAMES * GRID[0] * GRID[1] * DIM * 2
    assert (ahead().frames, ahead().flops, ahead().disk_bytes) == (FRAMES, FRAMES * 2e13, 2 * a_site)
    assert ahead().shallower == (("vision.0", FRAMES * 1e13),)
    extract(episode, policy, FeatureRequest(("camera",), tuple(range(FRAMES)), SITES[1:], 4), tmp_path / "cache")
    assert (ahead().frames, ahead().flops, ahead().disk_bytes) == (FRAMES, FRAMES * 1e13, a_site)
    extract(episode, policy, request, tmp_path / "cache")
    assert (ahead().frames, ahead().flops, ahead().disk_bytes) == (0, 0, 0)


def test_proposals_fit_the_limit() -> None:
    ideas = proposals(work(), took_s=1000, limit_s=500)
    assert ideas == ["no site deeper than vision.1 (--sites)", "--stride 6"]
    settings = Settings(input_size=448, densify=2)
    assert proposals(work(settings=settings), 1000, 250)[1:] == ["--stride 4", "--input-size 224", "no --densify"]
    assert proposals(work(shallower=()), 1000, 999) == ["--stride 6"]


def test_asking_what_actions_depend_on_is_part_of_the_work(tmp_path: Path) -> None:
    policy = Dear(action_space=LIBERO, action_flops=1e12)
    episode = recordings.open_recording(recordings.find([write_take(tmp_path / "take.mp4", FRAMES)])[0], Settings())
    request = FeatureRequest((next(iter(episode.cameras)),), tuple(range(FRAMES)), SITES, 2, actions=True)

    def ahead(**changes: Any) -> Estimate:
        return budget.estimate([episode], [request], policy, tmp_path / "cache", quick(**changes))

    silent = ahead(erase_frames=0, attribution_frames=0)
    assert silent.asking == 0
    # Of each erased frame: as it is, and 8 objects with 3 pieces of background each.
    asked = ahead(erase_frames=2)
    assert asked.asking == 2 * (1 + 8 * 4) * 1e12
    assert asked.flops == silent.flops + asked.asking
    assert dict(asked.shallower)["vision.0"] == dict(silent.shallower)["vision.0"] + asked.asking
    told: list[str] = []
    budget.approve(asked, say=told.append, rate=lambda device, dtype: 1e15)
    assert "asked what its actions depend on" in told[0]


def test_what_asking_takes_too_long_may_be_left_out() -> None:
    assert proposals(work(asking=9e14), 100.0, 20.0)[0] == "--erase-frames 0 --attribution-frames 0"
    assert "--erase-frames 0 --attribution-frames 0" not in proposals(work(asking=1e13), 100.0, 20.0)


def test_over_the_time_is_refused_unless_told_otherwise() -> None:
    said: list[str] = []
    with pytest.raises(BadInput, match=r"about 3.6 hours, more than --max-minutes 120.*--stride 6.*--yes"):
        budget.approve(work(), rate=lambda device, dtype: RATE, say=said.append)
    budget.approve(work(), rate=lambda device, dtype: RATE, say=said.append, yes=True)
    budget.approve(work(), rate=lambda device, dtype: RATE, max_minutes=300)
    assert len(said) == 2
    assert "100 frames to look at, about 3.6 hours on cpu in float32, " in said[0]
    budget.approve(work(dtype="bfloat16"), rate=lambda device, dtype: RATE, say=said.append, yes=True)
    assert "on cpu in bfloat16, " in said[2]


def test_small_work_is_not_measured_and_none_is_not_mentioned() -> None:
    def never(device: str, dtype: str) -> float:
        raise AssertionError

    said: list[str] = []
    budget.approve(work(flops=9e12), rate=never, say=said.append)
    assert "100 frames" in said[0]
    budget.approve(work(frames=0), rate=never, say=said.append)
    assert len(said) == 1


def test_a_full_disk_is_foreseen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(100, 90, 10))
    full = work(flops=1.0, disk_bytes=25, cache=tmp_path / "not" / "there")
    with pytest.raises(BadInput, match=r"--stride 9, or fewer --sites, or another place with --cache"):
        budget.approve(full)
    budget.approve(full, yes=True)


def test_a_batch_larger_than_the_memory_is_foreseen() -> None:
    with pytest.raises(BadInput, match="smaller --batch"):
        budget.approve(work(flops=1.0, memory_bytes=10**18))


def test_the_rate_of_this_machine_is_measured() -> None:
    assert 1e9 < budget.measured_rate("cpu", "float32") < 1e16


def test_the_command_line_refuses_before_anything_is_looked_at(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = install(monkeypatch, Dear())
    monkeypatch.setattr(budget, "measured_rate", lambda device, dtype: RATE)
    take = write_take(tmp_path / "take.mp4", FRAMES)
    refused = command.run(take, "--sites", "vision.1", "--max-minutes", "10")
    command.refuses(refused, 2, "26 minutes", "--max-minutes 10", "--stride 3", "--yes")
    assert policy.calls == []
    fitting = command.run(take, "--sites", "vision.1", "--max-minutes", "10", "--stride", "3")
    assert fitting.code == 0, fitting.err
    again = command.run(take, "--sites", "vision.1", "--max-minutes", "1", "--stride", "3", "--resume")
    assert again.code == 0, again.err
    assert "Ahead" not in again.err


def test_minutes_are_above_0(command: Command, tmp_path: Path) -> None:
    command.refuses(command.run(write_take(tmp_path / "take.mp4", 2), "--max-minutes", "nan"), 2, "--max-minutes")


def test_an_estimate_says_what_it_would_take_and_leaves_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = install(monkeypatch, Dear())
    monkeypatch.setattr(budget, "measured_rate", lambda device, dtype: RATE)
    said = command.run(write_take(tmp_path / "take.mp4", FRAMES), "--sites", "vision.1", "--estimate", "--json")
    told = json.loads(said.out)
    assert (said.code, told["frames"], told["chosen"]) == (0, FRAMES, ["vision.1"])
    assert told["seconds"] == pytest.approx(seconds(FRAMES * 2e13, RATE))
    assert set(told["chosen"]) < set(told["sites"])
    assert policy.calls == []
    assert not (tmp_path / "out").exists()
