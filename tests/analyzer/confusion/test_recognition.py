"""Is a thing still known for itself: what it must be on clusters whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.confusion.recognition import REFERENCES, References, recognised, recognition, reference_frames
from analyzer.confusion.separability import Separability, Similarities, confusion, mistaken, separability

SHOWN, FRAMES, DIM = 10, 6, 8
A, B, C = range(3)


def things(seed: int, apart: float = 20.0) -> np.ndarray:
    """(FRAMES, 3, SHOWN, DIM) three things, each patch much as it was in the frame before."""
    rng = np.random.default_rng(seed)
    still = rng.normal(size=(3, SHOWN, DIM)) + apart * np.eye(3, DIM)[:, None]
    return still + 0.1 * rng.normal(size=(FRAMES, 3, SHOWN, DIM))


def mixed(values: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """In the first two frames patches of B are blended into those of A."""
    result = values.copy()
    drawn = np.random.default_rng(seed).integers(SHOWN, size=SHOWN)
    result[:2, A] = (1 - strength) * values[:2, A] + strength * values[:2, B][:, drawn]
    return result


def known(values: np.ndarray, weights: np.ndarray | None = None, min_patches: int = 4) -> Separability:
    """Every frame is a reference."""
    weights = np.ones(values.shape[:3]) if weights is None else weights
    places = np.broadcast_to(np.arange(values.shape[1] * values.shape[2]).reshape(values.shape[1:3]), values.shape[:3])
    told = recognised(Similarities.of(values, weights), References.of(values, weights), min_patches=min_patches)
    return recognition(told, weights, places.copy(), min_patches=min_patches)


def told(values: np.ndarray, a: int = A, b: int = B) -> np.ndarray:
    return mistaken(known(values), a, b)[:, 0]


def by_hand(values: np.ndarray, t: int, a: int, b: int) -> float:
    """The definition, patch by patch."""
    taken = []
    for patch in values[t, a]:
        usual = sorted(np.linalg.norm(values[r, a] - patch, axis=1).min() for r in range(len(values)))
        others = {x: np.linalg.norm(values[t, x] - patch, axis=1).min() for x in range(values.shape[1]) if x != a}
        taken.append(min(others, key=lambda x: others[x]) == b and others[b] < usual[(len(usual) - 1) // 2])
    return float(max(1 - np.mean(taken), 0.5))


@pytest.mark.parametrize("strength", [0.0, 0.5, 0.6, 1.0])
def test_it_is_what_the_definition_says(strength: float) -> None:
    values = mixed(things(1, apart=3.0), strength)
    auc = known(values).auc
    for t in range(FRAMES):
        for a, b in ((A, B), (B, A), (A, C), (C, B)):
            assert float(auc[t, a, b]) == pytest.approx(by_hand(values, t, a, b), abs=1e-6)


def test_what_is_apart_is_0_and_what_has_become_another_is_1() -> None:
    assert (told(things(0)) == 0).all()
    values = mixed(things(0), 1.0)
    assert told(values) == pytest.approx([1, 1, 0, 0, 0, 0])
    assert (told(values, A, C) == 0).all()
    assert (told(values, B, C) == 0).all()


@pytest.mark.parametrize("strength", [0.7, 0.85])
def test_a_linear_mix_is_seen_where_one_frame_alone_sees_two_clusters(strength: float) -> None:
    values = mixed(things(0), strength)
    places = np.broadcast_to(np.arange(3 * SHOWN).reshape(3, SHOWN), values.shape[:3])
    within = separability(Similarities.of(values, np.ones(values.shape[:3])), places.copy())
    assert (confusion(within, A, B)[:2, 0] < 0.35).all()
    assert told(values) == pytest.approx([1, 1, 0, 0, 0, 0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(1, 20))
def test_the_stronger_the_mix_the_more(seed: int, apart: float) -> None:
    """Each blend lies on the way from the one before it to the other thing, so its own past never comes nearer."""
    plain = things(seed, apart)
    means = [told(mixed(plain, strength))[:2].mean() for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert (np.diff(means) >= -0.25).all()
    assert means[-1] >= means[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-2, 1e2))
def test_scale_rotation_shift_and_order_do_not_matter(seed: int, scale: float) -> None:
    values = mixed(things(seed, apart=3.0), 0.6)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(DIM, DIM)))
    assert told(scale * (values @ turn + 1.0)) == pytest.approx(told(values), abs=0.21)  # a patch, by rounding
    order = np.random.default_rng(seed).permutation(SHOWN)
    assert told(values[:, :, order]) == pytest.approx(told(values), abs=1e-6)
    assert told(values[:, [B, A, C]]) == pytest.approx(told(values), abs=1e-6)


def test_a_third_thing_that_is_nearer_takes_the_patches() -> None:
    """What has slid beyond B to C is nearer to B than to itself as well, and yet not taken for B."""
    values = things(0)
    values[:2, A] = values[:2, C] + 0.5
    assert told(values, A, C)[:2] == pytest.approx([1, 1])
    assert (told(values, A, B) == 0).all()


def test_what_is_seen_once_or_the_same_all_along_is_not_mistaken() -> None:
    assert (told(things(0)[:1]) == 0).all()
    whole = things(0)
    whole[:, A] = 0.3 * whole[:, A] + 0.7 * whole[:, B]
    assert (told(whole) == 0).all()


def test_too_few_patches_are_not_assessed() -> None:
    values, weights = things(0), np.ones((FRAMES, 3, SHOWN))
    weights[1, A, 3:] = 0
    result = mistaken(known(values, weights, min_patches=4), A, B)
    assert np.isnan(result[1]).all()
    assert not np.isnan(result[[0, 2, 3, 4, 5]]).any()


def test_an_interval_holds_its_value() -> None:
    value, low, high = mistaken(known(mixed(things(3, apart=2.0), 0.5)), A, B).T
    assert ((low >= 0) & (low <= value) & (value <= high) & (high <= 1)).all()


@pytest.mark.parametrize("frames", [0, 1, 5, REFERENCES, 1000])
def test_references_are_spread_over_the_episode(frames: int) -> None:
    chosen = reference_frames(frames)
    assert len(chosen) == min(frames, REFERENCES)
    assert list(chosen) == sorted(set(chosen))
    if frames > 1:
        assert (chosen[0], chosen[-1]) == (0, frames - 1)
