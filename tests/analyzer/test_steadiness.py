"""What moves in pictures, and how steady a run is on a scene where both are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analyzer.cli import main
from analyzer.motion import ModelPlane, motion
from analyzer.motion_track import MotionTrack
from analyzer.npy import NpyFile
from analyzer.run_folder import CameraRecord, RunFolder, SteadinessRecord
from analyzer.run_summary import run_steadiness
from analyzer.steadiness import measure

GRID = (8, 12)
MODEL = (56, 84)
"""(height, width): a patch is 7 pixels."""


def camera(scale: float = 2.0, shift: tuple[float, float] = (0.0, 0.0)) -> CameraRecord:
    """A recording `scale` times as large as the model's input, of which the model sees a part from `shift` on."""
    width, height = round(MODEL[1] * scale + shift[0]), round(MODEL[0] * scale + shift[1])
    matrix = ((scale, 0.0, shift[0]), (0.0, scale, shift[1]), (0.0, 0.0, 1.0))
    return CameraRecord("front", width, height, matrix, MODEL, (0, 0, 64, 64))


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth enough to be followed, rough enough to be told apart."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.cos((x * np.cos(a) + y * np.sin(a)) / p + f) for a, p, f in rng.uniform([0, 3, 0], [3, 8, 6], (12, 3))]
    grey = 128 + 30 * np.sum(waves, axis=0) / 12**0.5
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def with_patch(picture: np.ndarray, top: int, left: int, side: int = 20) -> np.ndarray:
    out = picture.copy()
    out[top : top + side, left : left + side] = texture(side, side, seed=5)[..., :] // 2
    return out


def test_the_model_plane_shows_what_the_model_sees() -> None:
    # One pixel of the recording in 16 of the plane: whole patches come out whole.
    plane = ModelPlane(camera(1.0, (7.0, 14.0)), GRID)
    recording = np.zeros((70, 91, 3), np.uint8)
    recording[14 + 7 : 14 + 14, 7 + 14 : 7 + 21] = 200  # the patch in row 1, column 2
    seen = plane(recording)[..., 0].reshape(GRID[0], -1, GRID[1], 8).mean((1, 3))
    assert seen[1, 2] > 170
    assert seen.sum() == pytest.approx(200, rel=0.02)


def test_a_large_picture_is_averaged_not_picked() -> None:
    glitter = np.random.default_rng(0).integers(0, 255, (56 * 8, 84 * 8, 3)).astype(np.uint8)
    assert ModelPlane(camera(8.0), GRID)(glitter).std() < 0.3 * glitter.std()


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (8, 12), (37, 37)])
def test_equal_pictures_stand_still(grid: tuple[int, int]) -> None:
    seen = ModelPlane(camera(), grid)(texture(112, 168))
    found = motion(seen, seen, grid)
    assert found.static.shape == found.visible.shape == grid
    assert found.flow.shape == (*grid, 2)
    assert found.static.all()
    assert found.visible.all()
    assert float(np.abs(found.flow).max()) < 0.05


def test_a_moving_thing_and_what_surrounds_it_are_not_static() -> None:
    plane, ground = ModelPlane(camera(), GRID), texture(112, 168)
    found = motion(plane(with_patch(ground, 42, 42)), plane(with_patch(ground, 42, 56)), GRID)
    moving = np.zeros(GRID, bool)
    moving[1:7, 1:8] = True  # rows 3 and 4, columns 3 to 5, one patch that smoothing reaches, and one around
    assert not found.static[3:5, 3:6].any()
    assert found.static[~moving].all()


def test_a_shift_of_the_camera_is_followed() -> None:
    wide = texture(112, 200)
    plane = ModelPlane(camera(), GRID)
    found = motion(plane(wide[:, 7 : 7 + 168]), plane(wide[:, :168]), GRID)
    # Seven pixels of the recording to the right are half a patch.
    inner = found.flow[1:-1, 1:-2]
    assert np.abs(inner - [0.5, 0.0]).max() < 0.15
    assert found.visible[1:-1, 1:-2].all()
    assert not found.static.any()


def test_flow_back_is_that_of_the_pictures_swapped() -> None:
    wide, plane = texture(112, 200), ModelPlane(camera(), GRID)
    first, second = plane(wide[:, 7 : 7 + 168]), plane(with_patch(wide, 42, 42)[:, :168])
    there, back = motion(first, second, GRID), motion(second, first, GRID)
    np.testing.assert_array_equal(there.back_flow, back.flow)
    np.testing.assert_array_equal(there.back_visible, back.visible)


@pytest.mark.parametrize("plain", [False, True])
def test_nothing_is_found_again_in_an_unrelated_picture(plain: bool) -> None:
    plane = ModelPlane(camera(), GRID)
    other = np.full((112, 168, 3), 60, np.uint8) if plain else texture(112, 168, seed=9)
    found = motion(plane(texture(112, 168)), plane(other), GRID)
    assert found.visible.mean() < 0.1


def test_compression_noise_stands_still() -> None:
    rng = np.random.default_rng(0)
    plane, picture = ModelPlane(camera(), GRID), texture(112, 168).astype(np.float64)
    noisy = [plane((picture + rng.normal(0, 3, picture.shape)).clip(0, 255).astype(np.uint8)) for _ in range(2)]
    assert motion(noisy[0], noisy[1], GRID).static.all()


def write_arrays(folder: Path, colors: np.ndarray, segments: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for name, values in (("colors", colors), ("segments", segments)):
        with NpyFile.create(folder / f"{name}.npy", values.shape, "uint8") as file:
            file.write(0, values)
    return folder


def test_planted_flicker_switches_and_drift_are_reported(tmp_path: Path) -> None:
    frames = 16
    rng = np.random.default_rng(0)
    colors = np.repeat(rng.integers(40, 200, (1, 1, *GRID, 3)), frames, axis=0).astype(np.uint8)
    segments = np.repeat(rng.integers(0, 4, (1, 1, *GRID)), frames, axis=0).astype(np.uint8)
    steady = write_arrays(tmp_path / "steady", colors, segments)
    restless_colors, restless_segments = colors.copy(), segments.copy()
    restless_colors[1::2, ..., 0] += 10
    restless_segments[8, 0, 0] = 9  # one row of eight, there and back: 2 of the 15 steps
    restless = write_arrays(tmp_path / "restless", restless_colors, restless_segments)
    drifting_colors = colors.copy()
    drifting_colors[8:, ..., 1] += 30
    drifting = write_arrays(tmp_path / "drifting", drifting_colors, segments)
    pictures = [[texture(112, 168)]] * frames
    sites = {"steady": steady, "restless": restless, "drifting": drifting}
    found = measure(MotionTrack.record(pictures, frames, [camera()], [GRID], tmp_path / "motion"), sites)
    assert found["steady"] is not None
    assert found["steady"].warped == pytest.approx(0.0, abs=1e-6)
    assert replace(found["steady"], warped=0.0) == SteadinessRecord(1.0, 0.0, 0.0, 0.0, 0.0)
    unit = (2 * colors.reshape(-1, 3).var(0).sum()) ** 0.5
    assert found["restless"] is not None
    assert found["drifting"] is not None
    assert found["restless"].flicker == pytest.approx(10 / unit, rel=0.02)
    assert found["restless"].warped == pytest.approx(10 / unit, rel=0.02)
    assert found["restless"].switches == pytest.approx(2 / 15 / 8)
    assert found["drifting"].drift == pytest.approx(30 / unit, rel=0.05)
    single = MotionTrack.record(pictures[:1], 1, [camera()], [GRID], tmp_path / "single")
    assert measure(single, sites) == dict.fromkeys(sites)


def test_where_everything_moves_nothing_is_claimed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 255, (3, 1, *GRID, 3)).astype(np.uint8)
    site = write_arrays(tmp_path / "site", colors, colors[..., 0])
    pictures = [[texture(112, 168, seed)] for seed in range(3)]
    found = measure(MotionTrack.record(pictures, 3, [camera()], [GRID], tmp_path / "motion"), {"site": site})["site"]
    assert found is not None
    assert (found.static, found.flicker, found.switches, found.drift) == (0.0, None, None, None)


def test_a_run_tells_how_steady_it_is(tiny_run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    # A run made without measuring says so instead of failing.
    assert run_steadiness(tiny_run) == {"take": {"vision.3": None, "vision.11": None}}
    assert main(["inspect", str(tiny_run.path)]) == 0
    text = capsys.readouterr().out
    assert "vision.11" in text
    assert "–" in text
    assert main(["inspect", "--json", str(tiny_run.path)]) == 0
    assert '"vision.3": null' in capsys.readouterr().out
