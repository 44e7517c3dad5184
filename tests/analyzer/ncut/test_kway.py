"""Laws of nested segments."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import blobs, islands

from analyzer.ncut.kway import SegmentTree, kway_labels, kway_rotation
from analyzer.ncut.landmarks import kmeans_landmarks, nearest
from analyzer.ncut.nesting import coarser
from analyzer.ncut.nystrom import NystromNcut


def same_grouping(a: torch.Tensor, b: torch.Tensor) -> bool:
    pairs = {(int(x), int(y)) for x, y in zip(a, b, strict=True)}
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


def tree_of(points: torch.Tensor, count: int, segments: int) -> tuple[SegmentTree, torch.Tensor]:
    places = kmeans_landmarks(points, count, iterations=5)
    where = nearest(points, places)
    return SegmentTree.fit(places, torch.bincount(where, minlength=len(places)), segments), where


def test_islands_are_recovered_exactly_by_tree_and_rotation() -> None:
    x, label = islands()
    fitted = NystromNcut(4, sigma=1.0, n_landmarks=64).fit(x)
    vectors = fitted.transform(x)
    tree, where = tree_of(fitted.coordinates(vectors), 20, 12)
    assert same_grouping(tree.ids(4)[where], label)
    assert same_grouping(kway_labels(vectors, kway_rotation(vectors)), label)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 30))
def test_one_more_segment_changes_the_id_of_its_own_patches_alone(seed: int, places: int, segments: int) -> None:
    points = torch.randn(places, 3, generator=torch.Generator().manual_seed(seed))
    tree = SegmentTree.fit(points, torch.ones(places), segments)
    assert tree.segments == min(segments, places)
    for k in range(1, tree.segments):
        fewer, more = tree.ids(k), tree.ids(k + 1)
        assert set(more.tolist()) == set(range(k + 1))
        assert torch.equal(fewer != more, more == k)
        assert len(set(fewer[more == k].tolist())) == 1, "the new segment comes out of one other"


def test_the_half_with_more_patches_keeps_the_id() -> None:
    points = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    tree = SegmentTree.fit(points, torch.tensor([1, 5, 20, 3]), 4)
    assert tree.ids(2).tolist() == [1, 1, 0, 0]
    assert tree.ids(1).tolist() == [0, 0, 0, 0]
    assert sorted(tree.ids(4).tolist()) == [0, 1, 2, 3]
    assert tree.ids(4)[[1, 2]].tolist() == [1, 0]


def test_a_small_thing_counts_as_much_as_a_large_one() -> None:
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(2000, 2, generator=generator)
    bowl = torch.randn(12, 2, generator=generator) * 0.2 + torch.tensor([12.0, 0.0])
    tree, where = tree_of(torch.cat([table, bowl]), 40, 8)
    assert set(tree.ids(2)[where[2000:]].tolist()).isdisjoint(tree.ids(2)[where[:2000]].tolist())


def test_no_segment_is_spent_on_a_stray_patch() -> None:
    places = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.5], [5.0, 0.0]])
    held = SegmentTree.fit(places, torch.tensor([100, 100, 1, 100]), 4).ids(3)
    assert held[1] == held[2]
    assert len(set(held[[0, 1, 3]].tolist())) == 3
    alike = SegmentTree.fit(places, torch.tensor([100, 100, 100, 100]), 4).ids(3)
    assert alike[0] == alike[1] != alike[2]


def test_order_of_places_changes_nothing() -> None:
    points, _ = blobs(60, groups=5, d=4)
    sizes = torch.arange(1, 61)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    straight, shuffled = SegmentTree.fit(points, sizes, 12), SegmentTree.fit(points[order], sizes[order], 12)
    assert torch.equal(straight.finest[order], shuffled.finest)
    assert straight.merges == shuffled.merges


def test_other_names_leave_the_segments_as_they_are() -> None:
    points, _ = blobs(60, groups=5, d=4)
    tree = SegmentTree.fit(points, torch.ones(60), 12)
    named = tree.renumbered(np.random.default_rng(0).permutation(12))
    for k in (1, 3, 7, 12):
        assert same_grouping(tree.ids(k), named.ids(k))
    assert all(absorbed > absorbing for absorbed, absorbing in named.merges)


@pytest.mark.parametrize("points", [torch.zeros(5, 2), torch.zeros(1, 2), torch.zeros(3, 0)])
def test_places_that_are_all_the_same(points: torch.Tensor) -> None:
    tree = SegmentTree.fit(points, torch.ones(len(points)), 24)
    assert tree.ids(1).tolist() == [0] * len(points)
    assert sorted(tree.finest.tolist()) == list(range(len(points)))


def test_asking_for_more_than_there_is_gives_the_finest() -> None:
    assert coarser(4, ((3, 1), (2, 0), (1, 0)), 99) == [0, 1, 2, 3]
    assert coarser(4, ((3, 1), (2, 0), (1, 0)), 3) == [0, 1, 2, 1]
    assert coarser(4, ((3, 1), (2, 0), (1, 0)), 1) == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="at least 1 segment; got 0"):
        coarser(4, (), 0)
