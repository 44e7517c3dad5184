"""The run folder: what is written is read, what is damaged is refused by name, and nothing is left half done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.run_folder import CameraRecord, EpisodeRecord, RunFolder, RunManifest, SiteRecord, write_site
from analyzer.settings import Settings
from foundation.action_space import LIBERO
from foundation.errors import RunUnreadable

MATRIX = ((2.0, 0.0, 1.5), (0.0, 0.5, 0.0), (0.0, 0.0, 1.0))
CAMERA = CameraRecord("front", 64, 48, MATRIX, (32, 32), (0, 0, 64, 48))
RECORD = EpisodeRecord(
    id="take",
    source="/recordings/take.mp4",
    format="video",
    locator="",
    fingerprints=("abc",),
    cameras=(CAMERA,),
    frames=(0, 2, 5),
    times_s=(0.0, 0.1, 1 / 3),
    frame_count=6,
    duration_s=0.4,
)
TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
records = st.builds(
    replace,
    st.just(RECORD),
    id=TEXT,
    source=TEXT,
    locator=TEXT,
    instruction=st.none() | TEXT,
    success=st.none() | st.booleans(),
    control_hz=st.none() | st.floats(0.1, 1e3),
    frame_steps=st.none() | st.just((0, 4, 9)),
    action_space=st.none() | st.just(LIBERO),
    notes=st.lists(TEXT, max_size=3).map(tuple),
    times_s=st.tuples(st.just(0.0), st.floats(0.1, 1), st.floats(1, 2)),
)


def new_run(path: Path) -> RunFolder:
    policy = {"name": "fake", "fingerprint": "f", "sites": {"vision.0": {"dim": 6, "grid": [8, 8]}}}
    folder = RunFolder(path, RunManifest(Settings(stride=3), policy, {"python": "3"}, planned=["take"]))
    path.mkdir(parents=True, exist_ok=True)
    folder.write_manifest()
    return folder


def add(folder: RunFolder, record: EpisodeRecord) -> None:
    with folder.new_episode(record.id) as (_, finish):
        finish(record)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records)
def test_an_episodes_record_is_read_as_it_was_written(tmp_path: Path, record: EpisodeRecord) -> None:
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    add(new_run(tmp_path / "run"), record)
    assert RunFolder.open(tmp_path / "run").episode(record.id) == record


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = new_run(tmp_path / "run")
    assert RunFolder.open(tmp_path / "run").manifest == written.manifest


def test_a_sites_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run")
    site = SiteRecord("vision.0", (8, 8), (1.0, 0.5), 0.25, 0.9, 2, ((1, 2, 3), (250, 251, 252)))
    with folder.new_episode("take") as (building, finish):
        (building / "sites" / "vision.0").mkdir(parents=True)
        write_site(building / "sites" / "vision.0", site)
        finish(RECORD)
    assert folder.site("take", "vision.0") == site


def test_recorded_actions_are_read_as_they_were_written(tiny_run: RunFolder) -> None:
    np.testing.assert_array_equal(tiny_run.actions("take"), np.sin(np.arange(70).reshape(10, 7)))


def test_an_episode_without_actions_has_none(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run")
    add(folder, RECORD)
    assert folder.actions("take") is None


@pytest.mark.parametrize("name", ["../../escaped", "/etc/escaped", "..", "a/b", "\0", "x" * 400, "take\udcff"])
def test_a_hostile_name_stays_in_the_run(tmp_path: Path, name: str) -> None:
    folder = new_run(tmp_path / "outer" / "run")
    add(folder, replace(RECORD, id=name))
    assert {path.name for path in tmp_path.iterdir()} == {"outer"}
    assert {path.name for path in (tmp_path / "outer").iterdir()} == {"run"}
    assert {path.name for path in folder.path.iterdir()} == {"run.json", "episodes"}
    assert len(list((folder.path / "episodes").iterdir())) == 1
    assert RunFolder.open(folder.path).episode(name).id == name


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop", [Stopped, KeyboardInterrupt])
def test_an_episode_stopped_half_way_leaves_nothing(tmp_path: Path, stop: type[BaseException]) -> None:
    folder = new_run(tmp_path / "run")

    def half() -> None:
        with folder.new_episode("take") as (building, _):
            (building / "preview.mp4").write_text("half")
            raise stop

    with pytest.raises(stop):
        half()
    assert list((folder.path / "episodes").iterdir()) == []
    assert RunFolder.open(folder.path).manifest.done == []


def test_what_a_kill_left_behind_gives_way(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run")
    with folder.new_episode("take") as (building, _):
        left = building.name
    (folder.path / "episodes" / left).mkdir()
    (folder.path / "episodes" / left / "preview.mp4").write_text("half")
    (folder.path / "episodes" / "take").mkdir()  # killed before it was listed
    (folder.path / "episodes" / "take" / "stale").write_text("half")
    add(folder, RECORD)
    assert [path.name for path in (folder.path / "episodes").rglob("*")] == ["take", "episode.json"]


def test_discarding_a_run_spares_what_is_not_its_own(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run")
    add(folder, RECORD)
    (folder.path / "notes.txt").write_text("mine")
    folder.discard()
    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunUnreadable, match=r"this is not a run folder \(it has no run\.json\)"):
        RunFolder.open(tmp_path)


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunUnreadable, match="not a run folder"):
        RunFolder.open(tmp_path / "run")


def edited(**changes: Any) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), **changes})


def without(field: str) -> Callable[[str], str]:
    return lambda text: json.dumps({name: value for name, value in json.loads(text).items() if name != field})


BROKEN_MANIFESTS = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "a list": lambda text: "[]",
    "nested deeply": lambda text: "[" * 100_000,
    "no schema": without("schema"),
    "a later schema": edited(schema=999),
    "no settings": without("settings"),
    "settings of a later version": edited(settings={"brightness": 3}),
    "settings out of range": edited(settings={"stride": 0}),
    "settings of another type": edited(settings={"stride": "fast"}),
    "policy is text": edited(policy="dinov2"),
    "no list of episodes": edited(done=7),
}


@pytest.mark.parametrize("broken", BROKEN_MANIFESTS.values(), ids=BROKEN_MANIFESTS)
def test_a_damaged_manifest_is_refused_with_what_to_do(tmp_path: Path, broken: Callable[[str], str]) -> None:
    path = new_run(tmp_path / "run").path / "run.json"
    path.write_text(broken(path.read_text()))
    with pytest.raises(RunUnreadable, match=r"run.*Analyse the recording again"):
        RunFolder.open(tmp_path / "run")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (new_run(tmp_path / "run").path / "run.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(RunUnreadable, match=r"run\.json: damaged"):
        RunFolder.open(tmp_path / "run")


BROKEN_RECORDS = {
    "cut": lambda text: text[:30],
    "a list": lambda text: "[]",
    "no cameras": edited(cameras=[]),
    "unknown field": edited(smell="of roses"),
    "missing field": without("duration_s"),
    "frames fall": edited(frames=[5, 2, 0]),
    "frames beyond the recording": edited(frames=[0, 2, 6]),
    "a time too few": edited(times_s=[0.0, 0.1]),
    "steps of other frames": edited(frame_steps=[0]),
    "cameras are text": edited(cameras="front"),
    "action space without units": edited(action_space={"names": ["dx"], "units": [], "scale": []}),
    "a singular matrix": lambda text: text.replace("2.0", "0.0"),
}


@pytest.mark.parametrize("broken", BROKEN_RECORDS.values(), ids=BROKEN_RECORDS)
def test_a_damaged_record_is_refused_with_what_to_do(tmp_path: Path, broken: Callable[[str], str]) -> None:
    folder = new_run(tmp_path / "run")
    add(folder, RECORD)
    path = folder.episode_folder("take") / "episode.json"
    path.write_text(broken(path.read_text()))
    with pytest.raises(RunUnreadable, match=r"episode\.json: damaged.*Analyse the recording again"):
        folder.episode("take")


@pytest.mark.parametrize("missing", ["episode.json", "sites/vision.3/site.json", "sites/vision.3/colors.npy"])
def test_a_missing_file_is_named(tiny_run: RunFolder, missing: str) -> None:
    (tiny_run.episode_folder("take") / missing).unlink()

    def read_all() -> None:
        tiny_run.episode("take")
        tiny_run.site("take", "vision.3")
        tiny_run.array("take", "vision.3", "colors")

    with pytest.raises(RunUnreadable, match=missing.replace(".", r"\.")):
        read_all()


def test_damaged_actions_are_named(tiny_run: RunFolder) -> None:
    (tiny_run.episode_folder("take") / "actions.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(RunUnreadable, match=r"actions\.parquet: damaged"):
        tiny_run.actions("take")


def test_unknown_names_are_answered_with_the_nearest(tiny_run: RunFolder) -> None:
    with pytest.raises(RunUnreadable, match=r"no analysed episode 'take_1'\. Did you mean 'take'"):
        tiny_run.episode("take_1")
    with pytest.raises(RunUnreadable, match=r"no site 'vision\.12'\. Did you mean 'vision\.11'"):
        tiny_run.site("take", "vision.12")
