"""Confusion as a statistic: what it must be on clusters whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.confusion.separability import (
    Overall,
    Separability,
    Similarities,
    confusion,
    joined,
    overall,
    pooled,
    separability,
)

SHOWN = 12
"""Patches of each instance."""


def clusters(seed: int, apart: float, frames: int = 1, instances: int = 2, n: int = SHOWN, dim: int = 6) -> np.ndarray:
    """(frames, instances, n, dim) Gaussian clusters in a row, `apart` standard deviations from one to the next."""
    values = np.random.default_rng(seed).normal(size=(frames, instances, n, dim))
    values[..., 0] += apart * np.arange(instances)[:, None]
    return values


def compare(
    values: np.ndarray, weights: np.ndarray | None = None, *, cosine: bool = False, **options: int
) -> Separability:
    """Every patch of a frame at a place of its own, the same ones in all frames."""
    frames, instances, n, _ = values.shape
    places = np.broadcast_to(np.arange(instances * n).reshape(instances, n), (frames, instances, n))
    weights = np.ones((frames, instances, n)) if weights is None else weights
    return separability(Similarities.of(values, weights, cosine=cosine), places.copy(), **options)


def by_hand(values: np.ndarray) -> float:
    """The definition, patch by patch."""

    def auc(own: np.ndarray, other: np.ndarray) -> float:
        wins = []
        for i, patch in enumerate(own):
            for j, again in enumerate(own):
                for stranger in other:
                    if i != j:
                        near, far = np.linalg.norm(patch - again), np.linalg.norm(patch - stranger)
                        wins.append(1.0 if near < far else 0.5 if near == far else 0.0)
        return float(np.mean(wins))

    return float(np.clip(2 * (1 - max(auc(*values), auc(*values[::-1]))), 0, 1))


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.5])
def test_it_is_what_the_definition_says(apart: float) -> None:
    values = clusters(3, apart)
    assert confusion(compare(values), 0, 1)[0, 0] == pytest.approx(by_hand(values[0]), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 5), st.floats(1e-3, 1e3))
def test_rotation_scale_and_shift_do_not_matter(seed: int, apart: float, scale: float) -> None:
    values = clusters(seed, apart)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, 6)))
    moved = scale * (values @ turn + 3.0)
    # float32 squares may swap two distances that are equal to its precision.
    assert confusion(compare(moved), 0, 1) == pytest.approx(confusion(compare(values), 0, 1), abs=0.02)


def test_a_monotone_change_of_similarity_does_not_matter() -> None:
    """On a circle the angle and the distance rise and fall together."""
    angle = np.random.default_rng(0).normal([[0.0], [0.6]], 0.4, size=(2, SHOWN))
    values = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[None]
    assert confusion(compare(values, cosine=True), 0, 1) == pytest.approx(confusion(compare(values), 0, 1), abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 5))
def test_it_is_symmetric_and_between_0_and_1(seed: int, apart: float) -> None:
    measured = compare(clusters(seed, apart, instances=3))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        there, back = confusion(measured, a, b), confusion(measured, b, a)
        assert (there == back).all()
        value, low, high = there[0]
        assert 0 <= low <= value <= high <= 1


def test_separated_clusters_are_not_confused_and_the_same_distribution_is() -> None:
    assert confusion(compare(clusters(0, 30.0)), 0, 1)[0, 0] == 0
    same = [confusion(compare(clusters(seed, 0.0, n=16)), 0, 1)[0] for seed in range(40)]
    assert np.mean([value for value, _, _ in same]) > 0.88
    assert np.mean([high for _, _, high in same]) > 0.97


def test_more_overlap_is_more_confusion() -> None:
    means = [
        np.mean([confusion(compare(clusters(seed, apart)), 0, 1)[0, 0] for seed in range(30)])
        for apart in (0.0, 1.0, 2.0, 3.0, 5.0)
    ]
    assert (np.diff(means) < 0).all()


def test_a_thing_of_two_parts_is_not_confused_with_what_lies_elsewhere() -> None:
    """A plate's rim is as far from its middle as from a bowl; the bowl still knows itself."""
    rng = np.random.default_rng(0)
    plate = rng.normal(0, 0.1, size=(SHOWN, 2)) + np.repeat([[0.0, 0.0], [10.0, 0.0]], SHOWN // 2, axis=0)
    bowl = rng.normal([5.0, 3.0], 0.1, size=(SHOWN, 2))
    assert confusion(compare(np.stack([plate, bowl])[None]), 0, 1)[0, 0] == 0


@pytest.mark.parametrize(("apart", "n"), [(0.0, 16), (1.0, 16), (2.0, 16), (3.0, 16), (1.5, 8)])
def test_the_interval_covers_the_truth(apart: float, n: int) -> None:
    """Of 200 seeds about 95 % hold what patches without number would show."""
    many = [float(compare(clusters(9000 + s, apart, n=100), replicates=1).auc[0, 0, 1]) for s in range(6)]
    truth = np.clip(2 * (1 - np.mean(many)), 0, 1)
    values = clusters(1, apart, frames=200, n=n)
    places = np.arange(200 * 2 * n).reshape(200, 2, n)
    told = confusion(separability(Similarities.of(values, np.ones((200, 2, n))), places), 0, 1)
    covered = (told[:, 1] <= truth + 0.005) & (told[:, 2] >= truth - 0.005)
    assert 0.88 <= covered.mean() <= 1.0
    assert (told[:, 2] - told[:, 1]).mean() < 0.7


def test_frames_that_show_the_same_again_do_not_narrow_the_interval() -> None:
    still = np.repeat(clusters(0, 1.5), 40, axis=0)
    one, forty = (overall(compare(values)) for values in (still[:1], still))
    width = [float(np.diff(confusion(measured, 0, 1)[0, 1:])[0]) for measured in (one, forty)]
    assert width[1] == pytest.approx(width[0], rel=0.25)


def test_a_patch_that_weighs_nothing_is_not_there() -> None:
    values = clusters(0, 1.0)
    more = np.concatenate([values, np.full((1, 2, 3, 6), 1e3)], axis=2)
    weights = np.concatenate([np.ones((1, 2, SHOWN)), np.zeros((1, 2, 3))], axis=2)
    known, told = compare(values), compare(more, weights)
    assert float(told.auc[0, 0, 1]) == pytest.approx(float(known.auc[0, 0, 1]), abs=1e-6)


def test_too_few_patches_are_not_assessed() -> None:
    weights = np.ones((2, 2, SHOWN))
    weights[1, 0, 3:] = 0
    measured = compare(clusters(0, 1.0, frames=2), weights, min_patches=4)
    told = confusion(measured, 0, 1)
    assert not np.isnan(told[0]).any()
    assert np.isnan(told[1]).all()
    assert np.isnan(confusion(pooled(measured, 3), 0, 1)[1]).all()
    assert confusion(overall(measured), 0, 1)[0, 0] == pytest.approx(told[0, 0])


def test_pooling_is_the_mean_over_the_neighbours_in_which_both_are_seen() -> None:
    weights = np.ones((5, 2, SHOWN))
    weights[3, 1] = 0
    measured = compare(clusters(0, 1.0, frames=5), weights)
    auc = measured.auc[:, 0, 1].numpy()
    smooth = pooled(measured, 3).auc[:, 0, 1].numpy()
    assert smooth[1] == pytest.approx(auc[:3].mean())
    assert smooth[2] == pytest.approx(auc[1:3].mean())
    assert np.isnan(smooth[3])
    assert np.array_equal(pooled(measured, 1).auc[:, 0, 1].numpy(), auc, equal_nan=True)


def test_stretches_are_joined_as_they_were() -> None:
    whole = compare(clusters(0, 1.0, frames=7))
    again = joined([whole.frames(0, 3), whole.frames(3, 7)])
    assert (confusion(overall(again), 0, 1) == confusion(overall(whole), 0, 1)).all()
    stretch_by_stretch = Overall()
    for part in (whole.frames(0, 3), whole.frames(3, 7)):
        stretch_by_stretch.add(part)
    assert confusion(stretch_by_stretch.told(), 0, 1) == pytest.approx(confusion(overall(whole), 0, 1), abs=1e-5)


def test_equal_input_gives_equal_intervals() -> None:
    values = clusters(0, 1.0, frames=3)
    assert (confusion(compare(values), 0, 1) == confusion(compare(values), 0, 1)).all()
