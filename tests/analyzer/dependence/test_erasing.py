"""What is erased is gone and nothing else has changed; pieces of background are as large and lie on background."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.dependence.erasing import FILL_SIDE, erased, moved_masks, widened


def ramp(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([60 + 80 * x // width, 80 + 80 * y // height, np.full_like(x, 120)], axis=-1).astype(np.uint8)


def with_thing(picture: np.ndarray, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros(picture.shape[:2], bool)
    mask[rows, cols] = True
    painted = picture.copy()
    painted[mask] = (255, 0, 0)
    return painted, mask


@pytest.mark.parametrize("side", [64, 3 * FILL_SIDE])
def test_a_smooth_background_comes_back_and_nothing_else_changes(side: int) -> None:
    background = ramp(side, side + 20)
    painted, mask = with_thing(background, slice(side // 4, side // 2), slice(side // 3, 2 * side // 3))
    result = erased(painted, mask)
    assert np.array_equal(result[~mask], painted[~mask])
    assert np.abs(result[mask].astype(int) - background[mask]).mean() < 6
    assert np.array_equal(painted[mask], np.full((mask.sum(), 3), (255, 0, 0)))  # the original is left alone


@pytest.mark.parametrize("side", [64, 3 * FILL_SIDE])
def test_what_was_there_leaves_no_trace(side: int) -> None:
    """Two things of one shape are erased to the same picture."""
    background = ramp(side, side)
    painted, mask = with_thing(background, slice(side // 4, side // 2), slice(0, side // 2))
    other = painted.copy()
    other[mask] = (0, 0, 255)
    assert np.array_equal(erased(painted, mask), erased(other, mask))


def test_nothing_to_erase_and_nothing_left() -> None:
    picture = ramp(8, 8)
    assert np.array_equal(erased(picture, np.zeros((8, 8), bool)), picture)
    with pytest.raises(ValueError, match="nothing is left"):
        erased(picture, np.ones((8, 8), bool))


def test_a_widened_mask_holds_the_mask_and_a_rim() -> None:
    mask = np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True
    wide = widened(mask)
    assert wide[mask].all()
    assert wide[39, 50]
    assert wide.sum() < 1.4 * mask.sum()


def test_pieces_keep_the_shape_and_lie_apart_on_what_is_free() -> None:
    y, x = np.mgrid[:90, :120]
    mask = ((x - 30) / 12) ** 2 + ((y - 30) / 7) ** 2 < 1
    taken = mask | (x > 80)
    pieces = moved_masks(mask, taken, 5, np.random.default_rng(0))
    assert len(pieces) == 5
    rows, cols = np.nonzero(mask)
    shape = {(r - rows.min(), c - cols.min()) for r, c in zip(rows, cols, strict=True)}
    for piece in pieces:
        assert not (piece & taken).any()
        rows, cols = np.nonzero(piece)
        assert {(r - rows.min(), c - cols.min()) for r, c in zip(rows, cols, strict=True)} == shape
    corners = np.array([np.argwhere(piece).min(axis=0) for piece in pieces])
    apart = np.abs(corners[:, None] - corners[None]) / (7, 12)  # in halves of the shape
    assert ((apart.max(axis=-1) > 0.9) | np.eye(5, dtype=bool)).all()


def test_places_differ_by_seed_and_are_the_same_for_one() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:20, 10:20] = True
    one, two, other = (moved_masks(mask, mask, 2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_where_nothing_is_free_there_is_no_piece() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    assert moved_masks(mask, np.ones((20, 20), bool), 3, np.random.default_rng(0)) == []
    lone = moved_masks(mask, np.zeros((20, 20), bool), 30, np.random.default_rng(0))
    assert 1 <= len(lone) < 30  # a small picture holds few places apart from each other
