"""A patch is painted where it belongs, borders lie where labels change, and smoothing invents nothing."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.drawing import overlay
from analyzer.drawing.patch_map import PatchMap
from analyzer.drawing.upsample import guided_filter
from analyzer.run_folder import CameraRecord
from policies.transform import CentreCrop, Resize, StepTransform, patch_corners

RED = (255, 0, 0)


def camera(matrix: np.ndarray, width: int = 120, height: int = 100, model: tuple[int, int] = (42, 56)) -> CameraRecord:
    return CameraRecord("c", width, height, tuple(tuple(row) for row in matrix.tolist()), model, (0, 0, width, height))


@pytest.mark.parametrize("enlarged", [1, 3])
def test_a_red_patch_covers_exactly_its_rectangle_under_a_crop(enlarged: int) -> None:
    """14 model pixels are 28 recording pixels here, and the crop began at (4, 8)."""
    cropped = camera(np.array([[2.0, 0, 4], [0, 2.0, 8], [0, 0, 1]]))
    patches = PatchMap(cropped, (3, 4), (100 * enlarged, 120 * enlarged))
    colours = np.zeros((3, 4, 3), np.uint8)
    colours[1, 2] = RED
    grey = np.full((100 * enlarged, 120 * enlarged, 3), 90, np.uint8)
    painted = overlay.blended(grey, patches.as_patches(colours), 1.0)
    expected = np.zeros((100, 120), bool)
    expected[8 + 28 : 8 + 56, 4 + 56 : 4 + 84] = True
    expected = expected.repeat(enlarged, 0).repeat(enlarged, 1)
    assert np.array_equal((painted == RED).all(axis=-1), expected)
    seen = np.zeros((100, 120), bool)
    seen[8:92, 4:116] = True
    assert np.array_equal(patches.inside, seen.repeat(enlarged, 0).repeat(enlarged, 1))
    assert not patches.whole


@pytest.mark.parametrize("crop", [None, 0.9, 0.5])
@pytest.mark.parametrize("size", [(180, 240), (75, 31)])
def test_the_map_agrees_with_the_policys_own_geometry(crop: float | None, size: tuple[int, int]) -> None:
    steps = (Resize(70, 98),) if crop is None else (CentreCrop(crop), Resize(70, 98))
    transform = StepTransform(steps, ())
    height, width = size
    patches = PatchMap(camera(transform.to_recording(height, width), width, height, (70, 98)), (5, 7), size)
    numbers = np.arange(35, dtype=np.uint8).reshape(5, 7)
    corners = patch_corners(transform, (5, 7), height, width)
    under = patches.as_patches(numbers)
    for y, x in np.argwhere(patches.inside)[::17]:
        row, column = divmod(int(under[y, x]), 7)
        assert (corners[row, column] <= (x + 0.5, y + 0.5)).all()
        assert (corners[row + 1, column + 1] >= (x + 0.5, y + 0.5)).all()


def test_opacity_nothing_and_all() -> None:
    random = np.random.default_rng(0)
    pixels, colours = random.integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    assert np.array_equal(overlay.blended(pixels, colours, 0.0), pixels)
    assert np.array_equal(overlay.blended(pixels, colours, 1.0), colours)


@pytest.mark.parametrize("bold", [True, False])
def test_borders_lie_between_different_labels_only(bold: bool) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (6, 8), dtype=np.uint8).repeat(5, 0).repeat(4, 1)
    expected = np.zeros(labels.shape, bool)
    for y, x in np.ndindex(*labels.shape):
        for dy, dx in ((0, -1), (-1, 0), (0, 1), (1, 0))[: 4 if bold else 2]:
            if 0 <= y + dy < labels.shape[0] and 0 <= x + dx < labels.shape[1]:
                expected[y, x] |= labels[y, x] != labels[y + dy, x + dx]
    assert np.array_equal(overlay.borders(labels, bold=bold), expected)
    assert not overlay.borders(np.full((9, 9), 7, np.uint8), bold=bold).any()


def test_the_strongest_share_is_the_argmax() -> None:
    shares = np.random.default_rng(0).random((12, 15, 6)).astype(np.float32)
    assert np.array_equal(overlay.strongest(shares, (12, 15)), shares.argmax(axis=2))


@pytest.mark.parametrize("scale", [1, 2])
def test_guided_upsampling_preserves_constants(scale: int) -> None:
    guide = np.random.default_rng(0).random((40 * scale, 60 * scale)).astype(np.float32)
    constant = np.full((40, 60, 3), (12.0, 140.0, 250.0), np.float32)
    filtered = guided_filter(guide, constant, 5)
    assert filtered.shape == (*guide.shape, 3)
    assert np.abs(filtered - (12.0, 140.0, 250.0)).max() < 0.01


def test_guided_upsampling_keeps_the_mean() -> None:
    random = np.random.default_rng(1)
    guide = random.random((64, 64)).astype(np.float32)
    values = random.random((8, 8, 2)).astype(np.float32).repeat(8, 0).repeat(8, 1) * 255
    filtered = guided_filter(guide, values, 4)
    assert np.abs(filtered.mean((0, 1)) - values.mean((0, 1))).max() < 0.02 * 255


def test_guided_upsampling_moves_a_blurred_edge_to_the_pictures() -> None:
    guide = np.zeros((40, 80), np.float32)
    guide[:, 40:] = 1.0
    ramp = np.clip((np.arange(80, dtype=np.float32) - 32) / 16, 0, 1)
    values = np.broadcast_to(ramp[None, :, None], (40, 80, 1)).copy()
    filtered = guided_filter(guide, values, 10)[20, :, 0]
    assert filtered[40] - filtered[39] > 0.5
    assert np.abs(np.diff(filtered[:40])).max() < 0.05
