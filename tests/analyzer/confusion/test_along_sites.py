"""All pairs of a camera, block by block: blocks, stretches and windows must not show in what is measured."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.confusion import along_sites
from analyzer.confusion.along_sites import PairsOfCamera
from analyzer.instances.view import SiteView
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings

GRID, FRAMES, PIXELS = (8, 12), 23, 8
SIZE = (GRID[0] * PIXELS, GRID[1] * PIXELS)
CAMERA = CameraRecord("front", SIZE[1], SIZE[0], ((1, 0, 0), (0, 1, 0), (0, 0, 1)), SIZE, (0, 0, 1, 1))
LEFT, MIDDLE, RIGHT = 3, 5, 9


def label_maps() -> list[np.ndarray]:
    """Three things side by side; the right one is not there at first."""
    maps = []
    for frame in range(FRAMES):
        patches = np.zeros(GRID, np.uint8)
        patches[1:6, 1:3], patches[1:6, 5:7] = LEFT, MIDDLE
        if frame >= 4:
            patches[1:6, 9:11] = RIGHT
        maps.append(patches.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1))
    return maps


def looks(seed: int) -> np.ndarray:
    """(FRAMES, rows, cols, 5): what the left one shows slides to the middle one and back."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(FRAMES, *GRID, 5)).astype(np.float32) * 0.3
    for thing, at in enumerate((1, 5, 9)):
        values[:, 1:6, at : at + 2, thing] += 2
    share = np.exp(-(((np.arange(FRAMES) - 15) / 4) ** 2))[:, None, None, None]
    values[:, 1:6, 1:3] = (1 - share) * values[:, 1:6, 1:3] + share * values[:, 1:6, 5:7]
    return values


def site(name: str, values: np.ndarray) -> SiteView:
    return SiteView(name, GRID, lambda start, stop: values[start:stop])


def pairs(window: int) -> PairsOfCamera:
    settings = Settings(confusion_window=window)
    return PairsOfCamera(CAMERA, [LEFT, MIDDLE, RIGHT], label_maps(), [GRID], settings, frames=FRAMES)


@pytest.mark.parametrize("window", [1, 5, 41])
@pytest.mark.parametrize("with_features", [False, True])
def test_the_size_of_blocks_does_not_show(window: int, with_features: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    values, raw = looks(0), looks(1)
    features = {"vision.3": lambda start, stop: raw[start:stop]} if with_features else {}
    told = []
    for block in (FRAMES, 16, 5):
        monkeypatch.setattr(along_sites, "BLOCK", block)
        told.append(pairs(window).measure([site("vision.3", values)], features, None))
    for other in told[1:]:
        assert other.curves[..., 0] == pytest.approx(told[0].curves[..., 0], abs=1e-5, nan_ok=True)
        assert other.total == pytest.approx(told[0].total, abs=1e-4, nan_ok=True)
        assert other.feature_total == pytest.approx(told[0].feature_total, abs=1e-4, nan_ok=True)
        assert (other.recognised[0] == told[0].recognised[0]).all()


def test_a_stretch_over_all_frames_is_the_total_and_the_pair_comes_in_either_place() -> None:
    sites = [site("vision.3", looks(0)), site("vision.7", looks(2))]
    compared = pairs(5)
    measured = compared.measure(sites, {}, None)
    every = [(pair, 0, FRAMES - 1) for pair in compared.pairs]
    assert compared.over(sites, measured, every) == pytest.approx(measured.total, abs=1e-4, nan_ok=True)
    some = [((LEFT, MIDDLE), 12, 18), ((LEFT, RIGHT), 0, 8), ((MIDDLE, RIGHT), 17, 22), ((LEFT, MIDDLE), 0, 6)]
    together = compared.over(sites, measured, some)
    for k, one in enumerate(some):
        assert compared.over(sites, measured, [one])[0] == pytest.approx(together[k], abs=1e-5, nan_ok=True)
    assert together[0, 0, 0] > 0.5 > together[3, 0, 0]
    assert compared.over(sites, measured, []).shape == (0, 2, 3)


def test_without_two_things_nothing_is_read() -> None:
    compared = PairsOfCamera(CAMERA, [LEFT], (), [GRID], Settings(), frames=FRAMES)

    def never(start: int, stop: int) -> np.ndarray:
        raise AssertionError

    measured = compared.measure([SiteView("vision.3", GRID, never)], {"vision.3": never}, None)
    assert measured.curves.shape == (0, 1, FRAMES, 3)
