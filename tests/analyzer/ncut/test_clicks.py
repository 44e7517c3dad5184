"""Laws of masks from clicks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import blobs

from analyzer.ncut.prompt import Prompt, similarity, typical_distance

CLICKS = st.lists(st.integers(0, 199), min_size=2, max_size=8, unique=True)


def patches(seed: int = 0) -> torch.Tensor:
    return blobs(200, groups=4, d=5, seed=seed)[0]


@settings(max_examples=30, deadline=None)
@given(CLICKS, st.integers(0, 8), st.integers(0, 50))
def test_clicked_patches_get_their_own_label(clicks: list[int], split: int, seed: int) -> None:
    x = patches(seed)
    score = Prompt.on(x, clicks[:split], clicks[split:]).score(x)
    assert bool((score[clicks[:split]] > 0.999).all())
    assert bool((score[clicks[split:]] < -0.999).all())
    assert float(score.abs().max()) <= 1


@settings(max_examples=30, deadline=None)
@given(CLICKS, st.integers(0, 199))
def test_a_further_click_never_unselects(clicks: list[int], further: int) -> None:
    x = patches()
    foreground, background = clicks[: len(clicks) // 2], clicks[len(clicks) // 2 :]
    before = Prompt.on(x, foreground, background).score(x)
    if further not in clicks:
        assert bool((Prompt.on(x, [*foreground, further], background).score(x) >= before - 1e-12).all())
        assert bool((Prompt.on(x, foreground, [*background, further]).score(x) <= before + 1e-12).all())


def test_exchanging_the_sides_changes_the_sign_alone() -> None:
    x = patches()
    assert torch.equal(Prompt.on(x, [1, 2], [3]).score(x), -Prompt.on(x, [3], [1, 2]).score(x))


def test_one_click_selects_its_blob() -> None:
    x, label = blobs(400, groups=4, d=8, noise=0.05)
    assert torch.equal(Prompt.on(x, [7], []).mask(x), label == label[7])
    other = int((label != label[7]).nonzero()[0])
    assert torch.equal(Prompt.on(x, [7], [other]).mask(x), label == label[7])


def test_frames_can_be_scored_one_by_one_and_scale_does_not_matter() -> None:
    x = patches()
    prompt = Prompt.on(x, [1, 5], [9])
    assert torch.equal(torch.cat([prompt.score(part) for part in x.split(37)]), prompt.score(x))
    assert torch.allclose(Prompt.on(1000 * x, [1, 5], [9]).score(1000 * x), prompt.score(x), atol=1e-5)


@pytest.mark.parametrize(
    ("foreground", "background", "message"),
    [([], [], "at least one"), ([3], [3], "Patch 3 is clicked as foreground and"), ([200], [], "0 … 199")],
)
def test_clicks_that_mean_nothing_are_refused(foreground: list[int], background: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Prompt.on(patches(), foreground, background)


def test_a_patch_is_most_like_itself() -> None:
    x = patches()
    alike = similarity(x, x[17], typical_distance(x))
    assert float(alike[17]) == pytest.approx(1.0, abs=1e-5)
    assert int(alike.argmax()) == 17
    assert float(alike.min()) >= 0
    near, far = (x - x[17]).norm(dim=1).argsort()[[1, -1]]
    assert alike[near] > alike[far]


def test_patches_that_are_all_the_same_are_selected_together() -> None:
    assert bool(Prompt.on(torch.ones(5, 3), [0], []).mask(torch.ones(5, 3)).all())
