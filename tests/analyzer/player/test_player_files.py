"""What the player is given: strict, safe inside a page, and honest about what is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import recorded
from hypothesis import given
from hypothesis import strategies as st
from made_runs import PALETTE, SEGMENTS, SITES, make_run

from analyzer.player import assets
from analyzer.player.artifacts import Artifact, artifacts
from analyzer.player.labels import LONG_SIDE, MOST_BYTES, SHORT_SIDE, label_size
from analyzer.player.manifest import as_json, manifest, step_times
from analyzer.run_folder import EpisodeRecord, RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    home = tmp_path_factory.mktemp("player")
    times = [0, 4500, 9000, 30000, 31000, 90000]
    return make_run(home / "run", recorded(home / "take.mp4", 6, times), stride=2)


def told(run: RunFolder, sources: Any = lambda artifact: artifact.name) -> dict[str, Any]:
    return manifest(run, run.manifest.done[0], sources)


def test_every_frame_of_the_recording_has_its_own_time(run: RunFolder) -> None:
    content = told(run)
    assert content["frames"] == [0, 2, 4]
    assert np.allclose(content["video"]["times"], np.array([0, 4500, 9000, 30000, 31000, 90000]) / 90000, atol=1e-6)
    assert content["video"]["end_s"] > 1.0


def test_an_artifact_the_player_does_without_is_null(run: RunFolder) -> None:
    content = told(run, lambda artifact: None if "eigenvectors" in artifact.name else artifact.name)
    assert {site["sources"]["eigenvectors"] for site in content["sites"]} == {None}
    assert content["sites"][0]["sources"]["colors"] == "sites/vision.3/colors.npy"


def test_names_of_artifacts_are_a_table(run: RunFolder) -> None:
    known = artifacts(run, "take")
    assert {f"sites/{site}/segments.npy" for site in SITES} <= set(known)
    assert "labels.npy" in known
    assert not any(".json" in name or ".." in name for name in known)


def test_a_version_changes_with_its_file(run: RunFolder, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(b"one")
    before = Artifact("a.npy", path).version
    path.write_bytes(b"two!")
    assert Artifact("a.npy", path).version != before


@given(
    frames=st.integers(1, 200_000),
    sizes=st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 2000)), min_size=1, max_size=4),
)
def test_labels_of_a_long_episode_are_coarser_and_never_nothing(frames: int, sizes: list[tuple[int, int]]) -> None:
    rows, columns = label_size(sizes, frames)
    assert 1 <= max(rows, columns) <= LONG_SIDE
    assert min(rows, columns) >= 1
    assert rows * columns * frames * len(sizes) <= max(MOST_BYTES, SHORT_SIDE**2 * frames * len(sizes)) * 1.1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_json_may_stand_inside_a_page(content: Any) -> None:
    text = as_json({"content": content})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"content": content}


def test_no_number_is_made_up_for_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_json({"value": float("nan")})


def test_steps_lie_at_the_frames_that_show_them(run: RunFolder) -> None:
    record: EpisodeRecord = run.episode("take")
    times = step_times(replace(record, frame_steps=(0, 4, 8), control_hz=None), 11)
    assert np.allclose(times[[0, 4, 8]], record.times_s)
    assert np.allclose(times[2], (record.times_s[0] + record.times_s[1]) / 2)
    assert (np.diff(times) > 0).all()
    faster = step_times(replace(record, frame_steps=(2, 4, 8), control_hz=10.0), 12)
    assert np.allclose(np.diff(faster[8:]), 0.1)
    assert np.allclose(np.diff(faster[:3]), 0.1)


def test_a_run_without_its_preview_says_so(run: RunFolder, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    (copy / "episodes" / "take" / "preview.mp4").unlink()
    content = told(RunFolder.open(copy))
    assert content["video"]["source"] is None
    assert len(content["video"]["times"]) == 6
    assert "no preview" in content["warnings"][0]


OF_PAGES = {
    *("page.js", "library.js", "compare_page.js"),  # their doors
    *("compare.js", "differences.js", "pair_clock.js", "exports.js"),  # what they have beside the player
}


def test_the_bundle_holds_every_module_once_and_exports_the_door() -> None:
    text = assets.bundle()
    for name in assets.asset_names():
        if name.endswith(".js") and name not in OF_PAGES:
            assert text.count(f'modules["{name}"] = ') == 1, name
    assert "</script" not in text
    assert text.index('modules["dom.js"] = ') < text.index('modules["player.js"] = ')


@pytest.mark.parametrize("page", assets.PAGES)
def test_a_page_imports_all_it_needs_at_once(page: str) -> None:
    """Modules that import modules would be fetched one round after the other."""
    text = assets.module(page).decode()
    assert "import " not in [line[:7] for line in text.splitlines()]
    assert text.splitlines()[-1].startswith("export const { ")
    assert "attach" in text.splitlines()[-1]
    assert "detach" in text.splitlines()[-1]


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here")
def test_segments_merge_in_the_browser_as_in_the_analysis(run: RunFolder, tmp_path: Path) -> None:
    """The player's `idsAt` beside `SiteRecord.ids_at`."""
    body = assets.asset("episode.js").decode()
    start = body.index("  idsAt(site, wanted) {")
    function = "function " + body[start : body.index("\n  }\n", start) + 4].strip()
    record = run.site("take", SITES[0])
    about = {"palette": PALETTE, "merges": record.merges}
    script = f"{function}\nconsole.log(JSON.stringify([1,2,3,4,5,6,99].map((k) => [...idsAt({json.dumps(about)}, k)])))"
    got = json.loads(subprocess.run(["node", "-e", script], capture_output=True, check=True, text=True).stdout)
    assert got == [record.ids_at(k).tolist() for k in (1, 2, 3, 4, 5, 6, 99)]
    assert len(set(got[-1])) == SEGMENTS
