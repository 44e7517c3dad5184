"""From a recording with known objects to findings on disk, with a policy whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import Command
from fake_policy import GRID, FakePolicy, install
from takes import CELL, HEIGHT, WIDTH, field, quick, write_take

from analyzer import recordings
from analyzer.assessment import assess_run
from analyzer.findings_folder import FOLDER, FindingsFolder
from analyzer.pipeline import run
from analyzer.run_folder import RunFolder
from analyzer.settings import Settings
from foundation.errors import BadInput, RunUnreadable
from videos.encode import write_video

FRAMES = 8
COLORS = {1: (200, 40, 40), 2: (40, 60, 200), 3: (200, 40, 40), 4: (120, 120, 120)}
"""Red, blue, red again, and an arm."""
PLACES = {1: (1, 3, 0, 2), 2: (5, 7, 0, 2), 3: (1, 3, 5, 7)}
"""Rows and columns of patches: [first, stop) each."""
HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> FakePolicy:
    return install(monkeypatch, FakePolicy())


def labels(frame: int) -> np.ndarray:
    """(HEIGHT, WIDTH) uint8: three blocks of 2 x 2 patches, and an arm that comes down between them."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (top, bottom, left, right) in PLACES.items():
        ids[top * CELL[0] : bottom * CELL[0], left * CELL[1] : right * CELL[1]] = number
    ids[: (frame + 1) * CELL[0] // 2, 3 * CELL[1] : 4 * CELL[1]] = 4
    return ids


def episode(folder: Path, names: tuple[str, str, str] = ("red", "blue", "red again"), frames: int = FRAMES) -> Path:
    """An episode folder with masks; every block has a texture, so that its patches differ a little."""
    folder.mkdir(parents=True)
    ids = np.stack([labels(t) for t in range(frames)])
    # The same again five patches to the right: the two red blocks are the same to the last pixel.
    strip = np.random.default_rng(0).integers(-12, 12, (HEIGHT, 5 * CELL[1], 1))
    texture = np.tile(strip, (1, 2, 1))[:, :WIDTH]
    pictures = []
    for one in ids:
        picture = np.full((HEIGHT, WIDTH, 3), 235)
        for number, color in COLORS.items():
            picture[one == number] = color
        pictures.append((picture + texture).clip(0, 255).astype(np.uint8))
    write_video(folder / "front.mp4", pictures, np.arange(frames) / 10, quality=0)
    (folder / "meta.json").write_text(json.dumps({"instruction": HOSTILE, "success": False, "length": frames}))
    actions = np.tile([0.1, 0.0, -0.2, 0.0, 0.0, 0.0, -1.0], (frames, 1))
    np.savez(folder / "data.npz", action=actions)
    np.savez(folder / "seg.npz", front=ids, names=np.array(["background", *names, "robot_arm"]))
    return folder


def analysed(path: Path, out: Path, settings: Settings | None = None) -> RunFolder:
    wanted = settings or quick(instances="masks", event_min_s=0.2)
    return run(recordings.find([path]), wanted, out, cache=out.parent / "cache")


def opened(folder: RunFolder) -> FindingsFolder:
    (name,) = folder.manifest.done
    return FindingsFolder.open(folder.episode_folder(name))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_tells_who_is_taken_for_whom(tmp_path: Path, policy: FakePolicy) -> None:
    found = opened(analysed(episode(tmp_path / "take"), tmp_path / "out"))
    told = found.findings
    assert {one.name: one.role for one in told.instances} == {
        "red": "object",
        "blue": "object",
        "red again": "object",
        "robot_arm": "arm",
    }
    verdicts = {(pair.a, pair.b): pair.verdict for pair in told.pairs}
    assert verdicts == {(1, 2): "apart", (1, 3): "look-alikes", (2, 3): "apart"}
    assert told.sites == ("vision.0",)
    (case,) = [case for case in told.cases if case.kind == "confused"]
    assert case.instances == (1, 3)
    assert "red" in case.sentence
    shape = (3, 1, FRAMES, 3)
    assert found.confusion().shape == found.confusion(features=True).shape == shape
    assert not np.isnan(found.confusion(features=True)).any()
    masks = found.masks("front")
    assert masks is not None
    assert np.array_equal(masks[3], labels(3))
    assert all(found.thumbnail(one.id).exists() for one in told.instances)


def test_findings_made_again_are_the_same_byte_for_byte(tmp_path: Path, policy: FakePolicy) -> None:
    folder = analysed(episode(tmp_path / "take"), tmp_path / "out")
    where = folder.episode_folder("take") / FOLDER
    before = files_of(where)
    cases = assess_run(folder, ["take"], cache=tmp_path / "cache")
    assert files_of(where) == before
    assert cases["take"] == opened(folder).findings.cases


def test_without_the_policy_raw_features_are_not_assessed(tmp_path: Path, policy: FakePolicy) -> None:
    folder = analysed(episode(tmp_path / "take"), tmp_path / "out")
    before = opened(folder).confusion()
    assess_run(folder, ["take"], cache=tmp_path / "cache", without_policy=True)
    found = opened(folder)
    # Who is confused stays; how sure that is follows from the eigenspace alone.
    assert np.array_equal(found.confusion()[..., 0], before[..., 0])
    assert np.isnan(found.confusion(features=True)).all()
    assert any("raw features" in text for text in found.findings.not_assessed)


def test_hostile_names_and_instructions_are_stored_as_they_are(tmp_path: Path, policy: FakePolicy) -> None:
    folder = analysed(episode(tmp_path / "take", (HOSTILE, "b\n\x1b[2J", "c" * 400)), tmp_path / "out")
    told = opened(folder).findings
    assert told.instances[0].name == HOSTILE
    assert told.instances[1].name == "b\n\x1b[2J"
    for case in told.cases:
        assert case.sentence.isprintable()


def test_a_recording_without_anything_in_it(tmp_path: Path, policy: FakePolicy) -> None:
    """No objects, no actions, all patches alike: plain statements, no traceback."""
    path = write_take(tmp_path / "grey.mp4", [field()] * 5)
    told = opened(analysed(path, tmp_path / "out", quick())).findings
    assert told.cases == told.pairs == ()
    text = " ".join(told.not_assessed)
    assert "nothing was compared" in text
    assert "no actions were recorded" in text


@pytest.mark.parametrize("instances", ["found", "masks", "none"])
def test_an_episode_of_one_frame(tmp_path: Path, policy: FakePolicy, instances: str) -> None:
    settings = quick(instances=instances)
    told = opened(analysed(episode(tmp_path / "take", frames=1), tmp_path / "out", settings)).findings
    assert "Only one frame was analysed: nothing that happens in time was assessed." in told.not_assessed
    assert all(0 <= event.first <= event.last == 0 for event in told.events)
    assert bool(told.pairs) >= (instances == "masks")
    assert instances != "none" or told.instances == ()


def test_things_of_too_few_patches_are_not_assessed(tmp_path: Path, policy: FakePolicy) -> None:
    settings = quick(instances="masks", min_patches=5)
    found = opened(analysed(episode(tmp_path / "take"), tmp_path / "out", settings))
    assert {pair.verdict for pair in found.findings.pairs} == {"not assessed"}
    assert any("3 of 3 pairs of objects were not assessed" in sentence for sentence in found.findings.not_assessed)
    assert np.isnan(found.confusion()).all()


def test_masks_that_were_not_recorded_are_told_before_anything_is_left_behind(
    tmp_path: Path, policy: FakePolicy
) -> None:
    path = write_take(tmp_path / "take.mp4")
    with pytest.raises(BadInput, match="recorded without masks"):
        analysed(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_recording_is_refused(tmp_path: Path, policy: FakePolicy) -> None:
    folder = analysed(episode(tmp_path / "take"), tmp_path / "out")
    write_video(tmp_path / "take" / "front.mp4", [field()] * FRAMES, np.arange(FRAMES) / 10, quality=0)
    with pytest.raises(BadInput, match="another recording"):
        assess_run(folder, ["take"], cache=tmp_path / "cache")


def test_another_policy_is_refused(tmp_path: Path, policy: FakePolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = analysed(episode(tmp_path / "take"), tmp_path / "out")
    install(monkeypatch, FakePolicy(fingerprint="fake-2"))
    with pytest.raises(BadInput, match="other weights"):
        assess_run(folder, ["take"], cache=tmp_path / "cache")
    with pytest.raises(RunUnreadable, match="Did you mean 'take'"):
        assess_run(folder, ["taken"], cache=tmp_path / "cache")


def test_the_command(tmp_path: Path, policy: FakePolicy, command: Command) -> None:
    episode(tmp_path / "take")
    made = command.run(tmp_path / "take", "--instances", "masks", "--event-min-s", "0.2")
    assert made.code == 0, made.err
    said = command("assess", tmp_path / "out", "--cache", tmp_path / "cache", "--json")
    assert said.code == 0, said.err
    stored = json.loads(said.out)
    assert [case["instances"] for case in stored["cases"]["take"] if case["kind"] == "confused"] == [[1, 3]]
    plain = command("assess", tmp_path / "out", "--no-policy", "--episode", "take")
    assert plain.out.startswith("take: ")
    wrong = command("assess", tmp_path / "out", "--episode", "tak")
    assert wrong.code == 2
    assert "Did you mean 'take'?" in wrong.err
    nothing = command("assess", tmp_path / "out", "--no-policy", "--instances", "none")
    assert nothing.out == "No case was found.\n"


def test_the_grid_of_the_blocks() -> None:
    """The scene is what its docstring says: four patches each."""
    height, width = HEIGHT // GRID[0], WIDTH // GRID[1]
    assert (height, width) == CELL
    assert all((labels(0) == number).sum() == 4 * height * width for number in PLACES)
