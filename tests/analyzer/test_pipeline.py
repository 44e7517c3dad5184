"""From recordings to a run folder with a policy whose answers are known."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_policy import GRID, FakePolicy, install
from takes import BLUE, CELL, HEIGHT, RED, WHITE, WIDTH, field, moving_square, quick, with_square, write_take

from analyzer import recordings
from analyzer.pipeline import run
from analyzer.run_folder import RunFolder
from analyzer.settings import Settings
from foundation.errors import BadInput, EpisodeUnreadable, LensError, OutputUnwritable
from videos.pts_table import pts_table


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> FakePolicy:
    return install(monkeypatch, FakePolicy())


class Analyse:
    """`run` on recordings below a folder, into `out` beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"

    def __call__(self, *paths: Path, settings: Settings | None = None, episodes: str = "", **options: Any) -> RunFolder:
        found = recordings.find(paths or [self.folder / "takes"], episodes)
        options.setdefault("cache", self.folder / "cache")
        return run(found, settings or quick(), options.pop("out", self.out), **options)


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    return Analyse(tmp_path)


def arrays(folder: RunFolder, episode: str, site: str = "vision.0") -> dict[str, np.ndarray]:
    names = ("eigenvectors", "colors", "segments")
    loaded = {}
    for name in names:
        with folder.array(episode, site, name) as file:
            loaded[name] = file.read(0, len(file))
    return loaded


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def square_mask(rows: tuple[int, int], cols: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(GRID, bool)
    mask[rows[0] : rows[1], cols[0] : cols[1]] = True
    return mask


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Matrices this small are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# -- what is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "cols"), [((2, 4), (5, 7)), ((0, 1), (0, 1)), ((6, 8), (3, 8))])
def test_a_painted_square_lights_the_right_patches(
    policy: FakePolicy, analyse: Analyse, rows: tuple[int, int], cols: tuple[int, int]
) -> None:
    """The whole way round: pixels, patches, colours, and the matrix back to the recording's pixels."""
    painted = with_square(field(), rows, cols, WHITE)  # without colour: video shares its samples among four pixels
    folder = analyse(write_take(analyse.folder / "take.mp4", [field(), painted, field()]))
    seen = arrays(folder, "take")
    mask = square_mask(rows, cols)
    colors, segments = seen["colors"][:, 0], seen["segments"][:, 0]
    np.testing.assert_array_equal((colors[1] != colors[0]).any(-1), mask)
    np.testing.assert_array_equal(segments[1] != segments[0], mask)
    np.testing.assert_array_equal(colors[2], colors[0])

    camera = folder.episode("take").cameras[0]
    scale = np.array(camera.model_size[::-1]) / (GRID[1], GRID[0])
    lit = np.argwhere(mask)[:, ::-1]
    corners = np.concatenate([lit, lit + 1]) * scale
    pixels = (np.c_[corners, np.ones(len(corners))] @ np.array(camera.to_recording).T)[:, :2]
    np.testing.assert_allclose(pixels.min(0), [cols[0] * CELL[1], rows[0] * CELL[0]], atol=1e-9)
    np.testing.assert_allclose(pixels.max(0), [cols[1] * CELL[1], rows[1] * CELL[0]], atol=1e-9)


def test_the_same_thing_has_one_colour_in_all_episodes_of_a_run(policy: FakePolicy, analyse: Analyse) -> None:
    for name, place in (("a", 1), ("b", 5)):
        pictures = [with_square(with_square(field(), (1, 3), (place, place + 2)), (5, 7), (2, 4), BLUE)] * 2
        write_take(analyse.folder / "takes" / f"{name}.mp4", pictures)
    folder = analyse()
    a, b = (arrays(folder, name) for name in ("a", "b"))
    for kind in ("colors", "segments"):
        np.testing.assert_array_equal(a[kind][0, 0, 1, 1], b[kind][0, 0, 1, 5])  # red
        np.testing.assert_array_equal(a[kind][0, 0, 5, 2], b[kind][0, 0, 5, 2])  # blue
        assert (a[kind][0, 0, 1, 1] != a[kind][0, 0, 5, 2]).any()
    assert folder.site("a", "vision.0") == folder.site("b", "vision.0")


def test_instances_are_found_in_a_cut_of_their_own_whatever_is_shown(policy: FakePolicy, analyse: Analyse) -> None:
    take = write_take(analyse.folder / "take.mp4", 3)
    one = analyse(take)
    other = analyse(take, settings=quick(mean_affinity=0.5, density=1.0), out=analyse.folder / "other")
    figures, shown = [], []
    for made in (one, other):
        folder = made.site_folder("take", "vision.0")
        figures.append(np.load(folder / "figure.npy"))
        shown.append(arrays(made, "take")["eigenvectors"])
    assert figures[0].shape == (3, 1, *GRID, shown[0].shape[-1] - 1)
    assert figures[0].dtype == np.float16
    assert np.isfinite(figures[0]).all()
    np.testing.assert_array_equal(*figures)
    assert not np.array_equal(*shown)


def test_a_basis_of_its_own_depends_on_no_other_episode(policy: FakePolicy, analyse: Analyse) -> None:
    write_take(analyse.folder / "takes" / "a.mp4", 4)
    write_take(analyse.folder / "takes" / "b.mp4", [with_square(field(), (0, 3), (0, 3), BLUE)] * 3)
    together = analyse(settings=quick(basis="episode"))
    alone = analyse(episodes="b", settings=quick(basis="episode"), out=analyse.folder / "alone")
    one, other = arrays(together, "b"), arrays(alone, "b")
    np.testing.assert_array_equal(one["eigenvectors"], other["eigenvectors"])
    # Colours and names of segments follow the first episode, what is one segment does not.
    names = {(int(a), int(b)) for a, b in zip(one["segments"].flat, other["segments"].flat, strict=True)}
    assert len(names) == len({a for a, _ in names}) == len({b for _, b in names})


def test_every_nth_frame_is_looked_at_and_recorded(policy: FakePolicy, analyse: Analyse) -> None:
    take = write_take(analyse.folder / "take.mp4", 8)
    record = analyse(take, settings=quick(stride=3)).episode("take")
    assert record.frames == (0, 3, 6)
    assert record.times_s == pytest.approx((0.0, 0.15, 0.3))
    assert (record.frame_count, record.duration_s) == (8, pytest.approx(0.4))
    assert policy.frames_seen == 3
    assert arrays(RunFolder.open(analyse.out), "take")["segments"].shape == (3, 1, *GRID)


def test_all_cameras_share_a_basis_and_keep_their_places(
    policy: FakePolicy, analyse: Analyse, tiny_recording: Path
) -> None:
    folder = analyse(tiny_recording, settings=quick(camera=("all",)))
    record = folder.episode("take")
    assert [(camera.name, camera.width, camera.height) for camera in record.cameras] == [
        ("agentview", 64, 48),
        ("wrist", 40, 40),
    ]
    assert arrays(folder, "take")["colors"].shape == (10, 2, *GRID, 3)
    only = analyse(tiny_recording, settings=quick(camera=("wrist",)), out=analyse.folder / "wrist").episode("take")
    assert only.cameras == (record.cameras[1],)


def test_a_policy_with_two_views_gets_both(
    monkeypatch: pytest.MonkeyPatch, analyse: Analyse, tiny_recording: Path
) -> None:
    install(monkeypatch, FakePolicy(cameras=("left", "right")))
    with pytest.raises(BadInput, match=r"pictures of one size; take has agentview: 64x48, wrist: 40x40"):
        analyse(tiny_recording)
    with pytest.raises(BadInput, match=r"through 2 cameras at once \(left, right\); take offers 1"):
        analyse(tiny_recording, settings=quick(camera=("wrist",)))
    assert not analyse.out.exists()


def test_actions_and_steps_go_with_the_frames(policy: FakePolicy, analyse: Analyse, tiny_recording: Path) -> None:
    folder = analyse(tiny_recording, settings=quick(stride=4))
    record = folder.episode("take")
    assert record.frame_steps == (0, 4, 8)
    assert record.action_space is not None
    actions = folder.actions("take")
    assert actions is not None
    np.testing.assert_array_equal(actions, np.sin(np.arange(70).reshape(10, 7)))


def test_frames_of_every_third_step_keep_their_steps(policy: FakePolicy, analyse: Analyse) -> None:
    take = write_take(analyse.folder / "take.mp4", 4)
    np.savez(take.with_suffix(".npz"), actions=np.arange(24.0).reshape(12, 2), frame_step=np.arange(4) * 3)
    assert analyse(take, settings=quick(stride=2)).episode("take").frame_steps == (0, 6)


def test_episodes_of_different_sizes_and_rates_share_a_run(policy: FakePolicy, analyse: Analyse) -> None:
    write_take(analyse.folder / "takes" / "large.mp4", [field(height=128, width=160), field(RED, 128, 160)])
    write_take(analyse.folder / "takes" / "small.mp4", [field(height=30, width=20)])
    folder = analyse()
    assert [folder.episode(name).cameras[0].width for name in ("large", "small")] == [160, 20]


@pytest.mark.parametrize(
    "pictures",
    [
        [with_square(field(), (0, 2), (0, 2))],
        [field()],
        [field((0, 0, 0))] * 3,
        [field(height=2, width=2)],
    ],
    ids=["one frame", "one colour", "black", "four pixels"],
)
def test_little_to_see_is_no_error(policy: FakePolicy, analyse: Analyse, pictures: list[np.ndarray]) -> None:
    folder = analyse(write_take(analyse.folder / "take.mp4", pictures), settings=Settings())
    seen = arrays(folder, "take")
    assert np.isfinite(seen["eigenvectors"]).all()
    if len({picture.tobytes() for picture in pictures}) == 1 and (pictures[0] == pictures[0][0, 0]).all():
        assert len(np.unique(seen["colors"].reshape(-1, 3), axis=0)) == 1


def test_a_single_patch_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, analyse: Analyse
) -> None:
    install(monkeypatch, FakePolicy(grid=(1, 1)))
    take = write_take(analyse.folder / "take.mp4", 1)
    with pytest.raises(BadInput, match=r"single patch of a single frame.*--stride.*--input-size"):
        analyse(take)
    assert not analyse.out.exists()


def test_two_patches_are_enough(monkeypatch: pytest.MonkeyPatch, analyse: Analyse) -> None:
    install(monkeypatch, FakePolicy(grid=(1, 1)))
    folder = analyse(write_take(analyse.folder / "take.mp4", [field(RED), field(BLUE)]))
    assert np.isfinite(arrays(folder, "take")["eigenvectors"]).all()


# -- the same again --------------------------------------------------------------------------------------------------


def test_equal_inputs_give_equal_files(monkeypatch: pytest.MonkeyPatch, analyse: Analyse, tiny_recording: Path) -> None:
    """No clock, no chance: not even the cache has a say."""
    install(monkeypatch, FakePolicy())
    analyse(tiny_recording, out=analyse.folder / "first")
    analyse(tiny_recording, out=analyse.folder / "second", cache=analyse.folder / "fresh")
    first, second = files_of(analyse.folder / "first"), files_of(analyse.folder / "second")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_second_run_asks_the_policy_nothing(policy: FakePolicy, analyse: Analyse) -> None:
    take = write_take(analyse.folder / "take.mp4")
    analyse(take)
    seen = policy.frames_seen
    analyse(take, out=analyse.folder / "second", settings=quick(n_segments=2))
    assert policy.frames_seen == seen


# -- going on --------------------------------------------------------------------------------------------------------


@pytest.fixture
def three_takes(analyse: Analyse) -> Path:
    for number in range(3):
        write_take(analyse.folder / "takes" / f"ep_{number}.mp4", moving_square(2 + number))
    return analyse.folder / "takes"


FRAMES_AFTER = {0: 0, 1: 2, 3: 5}
"""Calls of the policy, two frames in each but the last of an episode -> frames seen, of episodes of 2, 3 and 4."""


@pytest.mark.parametrize("basis", ["run", "episode"])
@pytest.mark.parametrize("calls", FRAMES_AFTER)
def test_a_run_stopped_by_ctrl_c_goes_on_and_gives_the_same_files(
    monkeypatch: pytest.MonkeyPatch, analyse: Analyse, three_takes: Path, basis: str, calls: int
) -> None:
    settings = quick(basis=basis, batch=2)

    def stop(policy: FakePolicy) -> None:
        if len(policy.calls) == calls:
            raise KeyboardInterrupt

    install(monkeypatch, FakePolicy(on_call=stop))
    with pytest.raises(KeyboardInterrupt):
        analyse(settings=settings)
    assert not list(analyse.out.rglob(".*")), "something half-written was left"
    stopped = RunFolder.open(analyse.out).manifest
    assert not stopped.complete
    rest = install(monkeypatch, FakePolicy())
    analyse(settings=settings, resume=True)
    assert rest.frames_seen == 2 + 3 + 4 - FRAMES_AFTER[calls]
    install(monkeypatch, FakePolicy())
    analyse(settings=settings, out=analyse.folder / "whole", cache=analyse.folder / "fresh")
    assert files_of(analyse.out) == files_of(analyse.folder / "whole")


def test_resuming_leaves_finished_episodes_alone(
    monkeypatch: pytest.MonkeyPatch, analyse: Analyse, three_takes: Path
) -> None:
    settings = quick(basis="episode")

    def stop(policy: FakePolicy) -> None:
        if policy.frames_seen == 2 + 3:
            raise KeyboardInterrupt

    install(monkeypatch, FakePolicy(on_call=stop))
    with pytest.raises(KeyboardInterrupt):
        analyse(settings=settings)
    assert RunFolder.open(analyse.out).manifest.done == ["ep_0", "ep_1"]
    before = {path: path.stat().st_mtime_ns for path in (analyse.out / "episodes").rglob("*") if path.is_file()}
    rest = install(monkeypatch, FakePolicy())
    analyse(settings=settings, resume=True, cache=analyse.folder / "fresh")
    assert rest.frames_seen == 2 + 4, "the first episode, whose colours the others follow, and the missing one"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_resuming_a_complete_run_changes_nothing(policy: FakePolicy, analyse: Analyse, three_takes: Path) -> None:
    analyse()
    before, seen = files_of(analyse.out), policy.frames_seen
    analyse(resume=True)
    assert files_of(analyse.out) == before
    assert policy.frames_seen == seen


def replace_a_recording(analyse: Analyse, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    write_take(analyse.folder / "takes" / "ep_1.mp4", 9)
    return {}


def other_weights(analyse: Analyse, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    install(monkeypatch, FakePolicy(fingerprint="other"))
    return {}


MISFITS: dict[str, tuple[Callable[[Analyse, pytest.MonkeyPatch], dict[str, Any]], str]] = {
    "other settings": (lambda *_: {"settings": quick(n_segments=2)}, r"other settings \(n_segments was '3'\)"),
    "fewer episodes": (lambda *_: {"episodes": "0-1"}, "other episodes"),
    "another recording of that name": (replace_a_recording, "ep_1 was analysed from another recording"),
    "other weights": (other_weights, "other weights"),
}


@pytest.mark.parametrize(("change", "message"), MISFITS.values(), ids=MISFITS)
def test_a_run_is_not_continued_with_what_does_not_fit(
    policy: FakePolicy,
    analyse: Analyse,
    three_takes: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Analyse, pytest.MonkeyPatch], dict[str, Any]],
    message: str,
) -> None:
    analyse()
    before = files_of(analyse.out)
    with pytest.raises(BadInput, match=rf"out: cannot be resumed.*{message}.*Choose another place with --out"):
        analyse(resume=True, **change(analyse, monkeypatch))
    assert files_of(analyse.out) == before


def test_what_stands_there_is_not_replaced(policy: FakePolicy, analyse: Analyse, three_takes: Path) -> None:
    analyse()
    before = files_of(analyse.out)
    with pytest.raises(BadInput, match=r"out: already exists\. Add --resume .* --out"):
        analyse()
    assert files_of(analyse.out) == before


def test_a_foreign_folder_is_neither_replaced_nor_resumed(
    policy: FakePolicy, analyse: Analyse, three_takes: Path
) -> None:
    analyse.out.mkdir()
    (analyse.out / "thesis.txt").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(LensError, match="out: "):
            analyse(resume=resume)
    assert files_of(analyse.out) == {"thesis.txt": b"years of work"}


def test_an_empty_folder_is_filled(policy: FakePolicy, analyse: Analyse, three_takes: Path) -> None:
    analyse.out.mkdir()
    assert analyse().manifest.complete


# -- failures --------------------------------------------------------------------------------------------------------


def full_disk(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Let the `n`-th piece written below `where` find the disk full."""
    write, count = os.pwrite, [0]

    def pwrite(file: int, *arguments: Any) -> int:
        if f"/{where}/" in os.readlink(f"/proc/self/fd/{file}"):
            count[0] += 1
            if count[0] > 2:
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, *arguments)

    monkeypatch.setattr(os, "pwrite", pwrite)


def spoil_at_frame(frame: int) -> FakePolicy:
    policy = FakePolicy()
    policy.spoil = lambda features: features / 0 if policy.frames_seen > frame else features
    return policy


FAILURES: dict[str, tuple[Callable[[pytest.MonkeyPatch], Any], dict[str, Any], str]] = {
    "unknown site": (
        lambda m: None,
        {"sites": ("vision.9",)},
        r"fake has no site 'vision\.9'\. Did you mean 'vision\.",
    ),
    "unknown camera": (lambda m: None, {"camera": ("camra",)}, r"no camera 'camra'\. Did you mean 'camera'"),
    "full disk under the cache": (lambda m: full_disk(m, "cache"), {"batch": 1}, "the disk is full"),
    "full disk under the run": (lambda m: full_disk(m, "out"), {}, "the disk is full"),
    "NaN on the way": (lambda m: install(m, spoil_at_frame(4)), {"batch": 1}, "gave NaN or infinity"),
}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the injected full disk reads /proc")
@pytest.mark.parametrize("existed", [False, True], ids=["new folder", "empty folder"])
@pytest.mark.parametrize(("prepare", "settings", "message"), FAILURES.values(), ids=FAILURES)
def test_a_failure_leaves_no_half_a_run(
    policy: FakePolicy,
    analyse: Analyse,
    three_takes: Path,
    monkeypatch: pytest.MonkeyPatch,
    existed: bool,
    prepare: Callable[[pytest.MonkeyPatch], Any],
    settings: dict[str, Any],
    message: str,
) -> None:
    if existed:
        analyse.out.mkdir()
    with monkeypatch.context() as patch:
        prepare(patch)
        with pytest.raises(LensError, match=message):
            analyse(settings=quick(**settings))
    assert analyse.out.exists() == existed
    assert list(analyse.folder.rglob("out/*")) == []
    assert analyse().manifest.complete


def test_a_damaged_recording_among_many_is_named_before_anything_is_written(
    policy: FakePolicy, analyse: Analyse, three_takes: Path
) -> None:
    path = three_takes / "ep_1.mp4"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(EpisodeUnreadable, match=r"ep_1\.mp4: "):
        analyse()
    assert not analyse.out.exists()
    assert policy.calls == []
    assert analyse(episodes="0,2").manifest.done == ["ep_0", "ep_2"]


def test_an_output_below_a_file_is_refused(policy: FakePolicy, analyse: Analyse, three_takes: Path) -> None:
    (analyse.folder / "file").write_text("")
    with pytest.raises(OutputUnwritable, match=r"file/run: cannot be written: a file stands where a folder must be"):
        analyse(out=analyse.folder / "file" / "run")
    assert policy.calls == []


def test_nothing_to_analyse_is_said(policy: FakePolicy, analyse: Analyse) -> None:
    with pytest.raises(BadInput, match="no episodes to analyse"):
        run([], quick(), analyse.out, cache=analyse.folder / "cache")


# -- many episodes ---------------------------------------------------------------------------------------------------


def test_open_files_do_not_grow_with_episodes(monkeypatch: pytest.MonkeyPatch, analyse: Analyse) -> None:
    """Hundreds of episodes stay within a process's share of open files: no recording is held open."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("This system does not list open files in /proc.")
    for number in range(40):
        write_take(analyse.folder / "takes" / f"{number}.mp4", [field((number * 6, 90, 90), 8, 8)] * 2)
    pts_table.__globals__["_pts_table"].cache_clear()
    open_files: list[int] = []
    install(monkeypatch, FakePolicy(on_call=lambda policy: open_files.append(len(os.listdir("/proc/self/fd")))))
    before = len(os.listdir("/proc/self/fd"))
    assert len(analyse().manifest.done) == 40
    assert max(open_files) - before < 20


class Listener:
    """Keeps what is told of the progress."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.advanced: list[int] = []

    def stage(self, name: str, total: int, unit: str) -> None:
        self.stages.append((name, total))
        self.advanced.append(0)

    def advance(self, amount: int) -> None:
        self.advanced[-1] += amount

    def close(self) -> None:
        pass


@pytest.mark.parametrize("basis", ["run", "episode"])
def test_every_stage_advances_to_its_end(policy: FakePolicy, analyse: Analyse, three_takes: Path, basis: str) -> None:
    for out in ("first", "from the cache"):
        listener = Listener()
        analyse(settings=quick(basis=basis), out=analyse.folder / out, progress=listener)
        assert listener.stages
        assert listener.advanced == [total for _, total in listener.stages]


# -- which episodes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "picked"),
    [
        ("", ["ep_0", "ep_1", "ep_2"]),
        ("0", ["ep_0"]),
        ("0,2", ["ep_0", "ep_2"]),
        ("1-2", ["ep_1", "ep_2"]),
        ("2, ep_0 ,2", ["ep_2", "ep_0"]),
        ("0,1-2,ep_1", ["ep_0", "ep_1", "ep_2"]),
    ],
)
def test_episodes_are_chosen_by_position_range_and_id(three_takes: Path, wanted: str, picked: list[str]) -> None:
    assert [summary.id for summary in recordings.find([three_takes], wanted)] == picked


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("3", "outside 0 … 2: there are 3 episodes"),
        ("2-1", "outside 0 … 2"),
        ("1-9", "outside 0 … 2"),
        ("ep_9", "no 'ep_9'. Did you mean 'ep_"),
        ("-1", "no '-1'"),
        (",", "names no episode"),
        ("9" * 5000, "there is no '999"),
        ("²", "there is no '²'"),
    ],
)
def test_a_wrong_choice_of_episodes_says_what_there_is(three_takes: Path, wanted: str, message: str) -> None:
    with pytest.raises(BadInput, match=f"--episodes: .*{message}"):
        recordings.find([three_takes], wanted)


def test_episodes_of_several_sources_get_names_of_their_own(analyse: Analyse, policy: FakePolicy) -> None:
    for folder in ("x", "y"):
        write_take(analyse.folder / folder / "take.mp4", 2)
    folder = analyse(analyse.folder / "x" / "take.mp4", analyse.folder / "y" / "take.mp4")
    assert folder.manifest.done == ["take", "take-2"]
    assert folder.episode("take-2").source.endswith("y/take.mp4")


def test_sizes_of_the_scene_fit_the_fake_policys_grid() -> None:
    assert (CELL[0] * GRID[0], CELL[1] * GRID[1]) == (HEIGHT, WIDTH)
