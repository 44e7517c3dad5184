"""Laws of bringing bases in line."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import blobs, rotation

from analyzer.ncut.alignment import align, match_segments, overlaps, residuals
from analyzer.ncut.assignment import best_pairing
from analyzer.ncut.kway import SegmentTree


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100.0))
def test_a_turned_scaled_and_moved_basis_is_given_back(seed: int, scale: float) -> None:
    x, _ = blobs(200, d=6, seed=seed)
    found = align(x @ rotation(6, seed) * scale + 3.0, x)
    assert found.residual < 1e-6
    assert torch.allclose(found(x @ rotation(6, seed) * scale + 3.0), x, atol=1e-3)
    assert torch.allclose(found.rotation @ found.rotation.T, torch.eye(6, dtype=torch.float64), atol=1e-9)


def test_unrelated_bases_leave_what_chance_leaves() -> None:
    n, c = 1000, 10
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(n, c, generator=generator), torch.randn(n, c, generator=generator)
    # The singular values of a c x c Gaussian matrix sum to about (8 / 3 pi) c^1.5 (Marchenko & Pastur 1967).
    expected = 1 - (8 / (3 * math.pi)) ** 2 * c / n
    assert align(a, b).residual == pytest.approx(expected, abs=2e-3)


def test_residuals_are_symmetric_and_grow_with_noise() -> None:
    x, _ = blobs(400, d=6)
    noise = torch.randn(400, 6, generator=torch.Generator().manual_seed(1))
    between = residuals([x, x @ rotation(6), x + 0.5 * noise, x + 2 * noise])
    assert np.allclose(between, between.T)
    assert between[0, 1] < 1e-6 < between[0, 2] < between[0, 3] < 1


def test_bases_of_different_size_are_aligned_where_they_can_be() -> None:
    x, _ = blobs(300, d=6)
    assert align(x, torch.nn.functional.pad(x, (0, 3))).residual < 1e-6
    assert 0 < align(x[:, :3], x).residual < 1


def test_what_has_no_spread() -> None:
    x, _ = blobs(50, d=3)
    assert align(torch.ones(50, 3), torch.zeros(50, 3)).residual == 0.0
    assert align(torch.ones(50, 3), x).residual == 1.0
    with pytest.raises(ValueError, match="got 50 and 49"):
        align(x, x[:49])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2), st.integers(0, 10_000))
def test_no_pairing_is_better(rows: int, spare: int, seed: int) -> None:
    gain = np.random.default_rng(seed).integers(-4, 5, (rows, rows + spare)).astype(float)
    column = best_pairing(gain)
    assert len(set(column.tolist())) == rows
    best = max(
        sum(gain[row, one] for row, one in enumerate(order))
        for order in itertools.permutations(range(rows + spare), rows)
    )
    assert gain[np.arange(rows), column].sum() == best


def test_more_rows_than_columns_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="3 rows but only 2 columns"):
        best_pairing(np.zeros((3, 2)))


def test_renamed_segments_get_their_names_back() -> None:
    points, _ = blobs(80, groups=6, d=4)
    tree = SegmentTree.fit(points, torch.ones(80), 12)
    places = torch.arange(80).repeat(5)
    renamed = tree.renumbered(np.random.default_rng(3).permutation(12))
    matched, overlap = match_segments(renamed, places, tree, places)
    assert torch.equal(matched.finest, tree.finest)
    assert np.allclose(overlap, 1.0)
    assert matched.merges == tree.merges


def test_what_merged_stays_merged_and_says_so() -> None:
    """Two things apart at the reference and one at the site: alignment gives the one a single id."""
    apart = SegmentTree.fit(torch.tensor([[0.0], [5.0], [20.0]]), torch.tensor([50, 40, 10]), 3)
    merged = SegmentTree.fit(torch.tensor([[0.0], [20.0]]), torch.tensor([90, 10]), 3)
    at_reference = torch.tensor([0] * 50 + [1] * 40 + [2] * 10)
    at_site = torch.tensor([0] * 90 + [1] * 10)
    matched, overlap = match_segments(merged, at_site, apart, at_reference)
    ids = matched.finest[at_site]
    assert len(set(ids[:90].tolist())) == 1
    assert int(ids[0]) == int(apart.finest[0])
    assert int(ids[95]) == int(apart.finest[2])
    assert overlap[int(ids[0])] == pytest.approx(50 / 90)


def test_overlap_is_intersection_over_union() -> None:
    shared = overlaps(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1]), 2)
    assert np.allclose(shared, [[2 / 3, 1 / 4], [0, 1 / 2]])
