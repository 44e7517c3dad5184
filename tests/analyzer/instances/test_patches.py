"""From pixels to patches: exact where rows stay rows, and close to it elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.instances.patches import PatchRule, patch_labels
from analyzer.run_folder import CameraRecord

Matrix = tuple[tuple[float, ...], ...]


def camera(matrix: Matrix, width: int = 64, height: int = 48, model: tuple[int, int] = (32, 32)) -> CameraRecord:
    return CameraRecord("front", width, height, matrix, model, (0, 0, 8, 8))


def by_counting(label_map: np.ndarray, record: CameraRecord, grid: tuple[int, int], points: int = 60) -> np.ndarray:
    """The rule the slow way: the label of most points of each patch."""
    matrix, (height, width) = np.array(record.to_recording), record.model_size
    result = np.zeros(grid, np.uint8)
    for row in range(grid[0]):
        for col in range(grid[1]):
            v, u = np.mgrid[0:points, 0:points].reshape(2, -1) + 0.5
            x, y, w = matrix @ (
                (col + u / points) * width / grid[1],
                (row + v / points) * height / grid[0],
                np.ones(len(u)),
            )
            x, y = np.floor(x / w).astype(int), np.floor(y / w).astype(int)
            inside = (x >= 0) & (x < label_map.shape[1]) & (y >= 0) & (y < label_map.shape[0])
            seen = np.where(inside, label_map[y.clip(0, len(label_map) - 1), x.clip(0, label_map.shape[1] - 1)], 0)
            result[row, col] = np.bincount(seen).argmax()
    return result


def blocks(height: int, width: int, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 6, (6, 8)).astype(np.uint8)
    return small.repeat(height // 6, axis=0).repeat(width // 8, axis=1)


RESIZED = ((2.0, 0.0, 0.0), (0.0, 1.5, 0.0), (0.0, 0.0, 1.0))
CROPPED = ((1.3, 0.0, 9.7), (0.0, 1.1, 5.2), (0.0, 0.0, 1.0))
PADDED = ((2.4, 0.0, -6.3), (0.0, 2.0, -9.1), (0.0, 0.0, 1.0))
TURNED_ROUND = ((-2.0, 0.0, 64.0), (0.0, -1.5, 48.0), (0.0, 0.0, 1.0))
A_QUARTER = ((0.0, 2.0, 0.0), (-1.5, 0.0, 48.0), (0.0, 0.0, 1.0))
TILTED = ((1.4, 0.5, 2.0), (-0.4, 1.2, 9.0), (0.0, 0.0, 1.0))
FROM_ASIDE = ((1.6, 0.1, 1.0), (0.1, 1.3, 1.0), (0.002, 0.001, 1.0))


@pytest.mark.parametrize("matrix", [RESIZED, CROPPED, PADDED, TURNED_ROUND, A_QUARTER, TILTED, FROM_ASIDE])
@pytest.mark.parametrize("grid", [(4, 4), (5, 7), (1, 1)])
def test_a_patch_is_whose_most_of_it_is(matrix: Matrix, grid: tuple[int, int]) -> None:
    record = camera(matrix)
    label_map = blocks(48, 64)
    expected = by_counting(label_map, record, grid)
    differing = patch_labels(label_map, record, grid) != expected
    rule = PatchRule(record, grid)
    for row, col in np.argwhere(differing):  # only where two labels cover the same, to the counting's precision
        shares = sorted(rule.share(label_map == label)[row, col] for label in range(1, 6))
        assert min(abs(shares[-1] - shares[-2]), abs(2 * shares[-1] + sum(shares[:-1]) - 1)) < 0.03


def test_shares_are_areas_exactly() -> None:
    record = camera(((1.5, 0.0, 3.25), (0.0, 0.75, 10.5), (0.0, 0.0, 1.0)))
    mask = np.zeros((48, 64), bool)
    mask[12:20, 5:30] = True
    share = PatchRule(record, (4, 4)).share(mask)
    # In the recording the patches are 12 wide from 3.25 on and 6 high from 10.5 on.
    wide = np.array([15.25 - 5, 12, 30 - 27.25, 0]) / 12
    high = np.array([16.5 - 12, 20 - 16.5, 0, 0]) / 6
    np.testing.assert_allclose(share, np.outer(high, wide), atol=1e-9)


def test_what_lies_outside_of_the_recording_is_nobodys() -> None:
    everywhere = np.full((48, 64), 3, np.uint8)
    labels = patch_labels(everywhere, camera(((4.0, 0.0, -32.0), (0.0, 1.5, 0.0), (0.0, 0.0, 1.0))), (2, 8))
    np.testing.assert_array_equal(labels, [[0, 0, 3, 3, 3, 3, 0, 0]] * 2)


def test_equal_shares_go_to_the_smaller_label() -> None:
    halves = np.zeros((48, 64), np.uint8)
    halves[:, :32], halves[:, 32:] = 7, 4
    assert patch_labels(halves, camera(RESIZED), (1, 1)) == [[4]]


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="48, 64"):
        patch_labels(np.zeros((64, 48), np.uint8), camera(RESIZED), (4, 4))
