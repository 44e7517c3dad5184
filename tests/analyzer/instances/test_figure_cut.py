"""The cut that instances are found in."""

from __future__ import annotations

import numpy as np
import torch

from analyzer.instances.figure_cut import figure_cut, figure_frames
from analyzer.ncut.embedding import coordinates
from analyzer.settings import Settings

SETTINGS = Settings(n_eigenvectors=4, coupling=0.0)
FRAMES, SHAPE, CHANNELS = 3, (2, 4, 5), 6
EACH = 2 * 4 * 5


def features() -> np.ndarray:
    """(n, C): two kinds of patches, and one like no other."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(FRAMES * EACH, CHANNELS)).astype(np.float32)
    rows[::3] += 4
    rows[7] = 100
    return rows


def placed(rows: np.ndarray, chunk: int) -> np.ndarray:
    cut = figure_cut([rows], SETTINGS)
    chunks = (rows[at : at + chunk] for at in range(0, len(rows), chunk))
    return np.stack(list(figure_frames(cut, chunks, SHAPE, (), SETTINGS)))


def test_frames_are_what_the_cut_says_of_their_patches_whatever_the_chunks() -> None:
    rows = features()
    whole = placed(rows, len(rows))
    assert whole.shape == (FRAMES, *SHAPE, 3)
    np.testing.assert_array_equal(whole, placed(rows, EACH))
    cut = figure_cut([rows], SETTINGS)
    expected = coordinates(torch.cat(list(cut.transform_chunks(rows))), cut.eigenvalues_).clamp(-6e4, 6e4).numpy()
    np.testing.assert_allclose(whole.reshape(expected.shape), expected, rtol=2e-3, atol=1e-5)


def test_a_patch_like_no_other_lies_far_out_and_has_finite_coordinates() -> None:
    length = np.linalg.norm(placed(features(), EACH).astype(np.float64).reshape(-1, 3), axis=1)
    assert np.isfinite(length).all()
    assert length[7] > 5 * np.median(length)
