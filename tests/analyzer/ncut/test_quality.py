"""Laws of the measures of quality: what is planted is found, and how values are scaled or turned does not matter."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import rotation

from analyzer.ncut import steadiness
from analyzer.ncut.quality import adjusted_rand_index, best_match_iou, largest_share, principal_angles

FRAMES, PLACES = 40, 300


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def still(frames: int = FRAMES, channels: int = 5) -> torch.Tensor:
    """(frames, places, channels) the same in every frame."""
    return torch.randn(1, PLACES, channels, generator=chance()).expand(frames, -1, -1).clone()


def everywhere(frames: int = FRAMES) -> torch.Tensor:
    return torch.ones(frames - 1, PLACES, dtype=torch.bool)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 9))
def test_names_of_segments_do_not_matter(seed: int, groups: int) -> None:
    truth = torch.randint(groups, (500,), generator=chance(seed))
    renamed = torch.randperm(groups, generator=chance(seed + 1))[truth]
    assert adjusted_rand_index(renamed, truth) == pytest.approx(1.0)
    assert torch.equal(best_match_iou(renamed, truth), torch.ones(len(truth.unique()), dtype=torch.float64))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_chance_agrees_with_nothing(seed: int) -> None:
    truth = torch.randint(4, (20_000,), generator=chance(seed))
    shuffled = truth[torch.randperm(len(truth), generator=chance(seed + 1))]
    assert abs(adjusted_rand_index(shuffled, truth)) < 0.01
    # Four equal groups met by chance share a quarter of a quarter: 1/16 over 7/16.
    assert best_match_iou(shuffled, truth) == pytest.approx([1 / 7] * 4, abs=0.02)


def test_rand_index_of_a_textbook_table() -> None:
    # Two groups of three, one patch on the wrong side: 15 pairs, 4 of 6 and 7 together in both by hand.
    truth, labels = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 1, 1, 1, 1])
    assert adjusted_rand_index(labels, truth) == pytest.approx((4 - 6 * 7 / 15) / (6.5 - 6 * 7 / 15))
    assert best_match_iou(labels, truth) == pytest.approx([2 / 3, 3 / 4])
    assert largest_share(labels) == pytest.approx(4 / 6)


def test_one_segment_for_all_is_worth_nothing() -> None:
    truth = torch.arange(4).repeat_interleave(25)
    assert adjusted_rand_index(torch.zeros(100, dtype=torch.int64), truth) == 0.0
    assert largest_share(torch.zeros(100, dtype=torch.int64)) == 1.0


def test_small_objects_can_be_left_out() -> None:
    truth = torch.tensor([0] * 10 + [1] * 3 + [2] * 2)
    assert len(best_match_iou(truth, truth)) == 3
    assert len(best_match_iou(truth, truth, min_size=3)) == 2


def test_labellings_of_different_patches_are_refused() -> None:
    with pytest.raises(ValueError, match="same patches"):
        adjusted_rand_index(torch.zeros(3), torch.zeros(4))


@pytest.mark.parametrize("degrees", [0.0, 0.001, 1.0, 44.0, 46.0, 90.0])
def test_a_planted_angle_is_found(degrees: float) -> None:
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    frame = rotation(30).double()
    turned = torch.stack([frame[:, 0] * angle.cos() + frame[:, 2] * angle.sin(), frame[:, 1]], dim=1)
    assert principal_angles(frame[:, :2], turned).tolist() == pytest.approx([0.0, degrees], abs=1e-4)


def test_what_stands_still_does_not_flicker() -> None:
    objects = (torch.arange(PLACES) % 5).expand(FRAMES, -1)
    flow = torch.zeros(FRAMES - 1, 15, 20, 2)
    assert steadiness.static_flicker(still(), everywhere()) == 0.0
    assert steadiness.switch_rate(objects, everywhere()) == 0.0
    assert steadiness.drift(still(), objects) == pytest.approx(0.0, abs=1e-12)
    grid = still().reshape(FRAMES, 15, 20, 5)
    assert steadiness.warped_error(grid, flow, torch.ones(FRAMES - 1, 15, 20, dtype=torch.bool)) < 1e-6


def test_pure_chance_flickers_as_much_as_patches_differ() -> None:
    values = torch.randn(FRAMES, PLACES, 5, generator=chance())
    # The mean distance is a little below the root mean square one: for five channels by 0.95.
    assert steadiness.static_flicker(values, everywhere()) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("size", [0.01, 0.05])
def test_planted_flicker_is_found_where_it_is_asked_for(size: float) -> None:
    values = still()
    unit = steadiness.spread(values)
    there = torch.arange(PLACES) < 100
    values[1::2, there] += torch.tensor([size * unit, 0.0, 0.0, 0.0, 0.0])
    assert steadiness.static_flicker(values, everywhere() & there) == pytest.approx(size, rel=0.01)
    assert steadiness.static_flicker(values, everywhere() & ~there) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 100))
def test_scale_place_and_rotation_do_not_matter(factor: float, seed: int) -> None:
    objects = (torch.arange(PLACES) % 5).expand(FRAMES, -1)
    values = torch.randn(5, 5, generator=chance())[objects] + 0.2 * torch.randn(
        FRAMES, PLACES, 5, generator=chance(seed)
    )
    turned = factor * (values @ rotation(5, seed)) + factor
    flow = 0.5 * torch.randn(FRAMES - 1, 15, 20, 2, generator=chance(seed))
    visible = torch.ones(FRAMES - 1, 15, 20, dtype=torch.bool)
    borders = torch.tensor([10, 20, 30])
    for measure in (
        lambda v: steadiness.static_flicker(v, everywhere()),
        lambda v: steadiness.border_jump(v, everywhere(), borders),
        lambda v: steadiness.drift(v, objects),
        lambda v: steadiness.warped_error(v.reshape(FRAMES, 15, 20, 5), flow, visible),
    ):
        assert measure(turned) == pytest.approx(measure(values), rel=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.01, 0.5), st.integers(0, 100))
def test_a_planted_switch_rate_is_found(rate: float, seed: int) -> None:
    switches = torch.rand(FRAMES - 1, PLACES, generator=chance(seed)) < rate
    start = torch.randint(7, (1, PLACES), generator=chance(seed))
    labels = torch.cat([start, start + switches.cumsum(0)]) % 7
    assert steadiness.switch_rate(labels, everywhere()) == pytest.approx(float(switches.double().mean()))
    assert steadiness.switch_rate(labels, ~switches) == 0.0


@pytest.mark.parametrize("planted", [1.0, 22.0])
def test_a_planted_border_jump_is_found(planted: float) -> None:
    step = torch.full((FRAMES - 1, 1, 1), 0.01)
    borders = torch.tensor([8, 16, 24, 32])
    step[borders - 1] *= planted
    direction = torch.nn.functional.normalize(torch.randn(FRAMES - 1, PLACES, 5, generator=chance()), dim=-1)
    values = torch.cat([still(1), still(1) + (step * direction).cumsum(0)])
    assert steadiness.border_jump(values, everywhere(), borders) == pytest.approx(planted, rel=1e-3)


@pytest.mark.parametrize("planted", [0.02, 0.5])
def test_planted_drift_is_found_under_flicker(planted: float) -> None:
    objects = (torch.arange(PLACES) % 3).expand(FRAMES, -1).clone()
    corners = 2.0 * torch.eye(3)  # all the same distance apart
    values = corners[objects] + 0.01 * torch.randn(FRAMES, PLACES, 3, generator=chance())
    way = torch.tensor([1.0, 1.0, 1.0]) / 3**0.5  # across the plane of the corners
    values[FRAMES // 2 :] += planted * 2 * 2**0.5 * way
    assert steadiness.drift(values, objects) == pytest.approx(planted, rel=0.05)
    objects[objects == 2] = -1
    assert steadiness.drift(values, objects) == pytest.approx(planted, rel=0.05)


def test_drift_needs_two_objects_that_stay() -> None:
    objects = torch.zeros(FRAMES, PLACES, dtype=torch.int64)
    objects[FRAMES // 2 :] = 1
    assert steadiness.drift(still(), objects) != steadiness.drift(still(), objects)


def test_colours_that_move_with_things_have_no_warped_error() -> None:
    # A smooth pattern that wanders two patches right and one down a frame.
    row, col = torch.meshgrid(torch.arange(15.0), torch.arange(20.0), indexing="ij")

    def frame(t: int) -> torch.Tensor:
        return torch.stack([(0.3 * (col - 2 * t)).sin(), (0.2 * (row - t)).cos()], dim=-1)

    values = torch.stack([frame(t) for t in range(5)])
    flow = torch.tensor([2.0, 1.0]).expand(4, 15, 20, 2)
    inside = ((col + 2 <= 19) & (row + 1 <= 14)).expand(4, -1, -1)
    assert steadiness.warped_error(values, flow, inside) < 1e-5
    assert steadiness.warped_error(values, torch.zeros_like(flow), inside) > 0.1


def test_nothing_that_varies_cannot_change() -> None:
    assert steadiness.static_flicker(torch.ones(4, PLACES, 2), everywhere(4)) == 0.0


@pytest.mark.parametrize("frames", [2, 7, 40])
def test_frame_by_frame_gives_the_same_figures(frames: int) -> None:
    values = torch.rand(1, 2, 6, 8, 3, generator=chance()) + 0.1 * torch.rand(frames, 2, 6, 8, 3, generator=chance(1))
    labels = (7 * values[..., 0]).long()
    static, visible = torch.rand(2, frames - 1, 2, 6, 8, generator=chance(2)) < 0.9
    flow = torch.randn(frames - 1, 2, 6, 8, 2, generator=chance(3))
    meter = steadiness.Meter(frames)
    meter.add(values[0], labels[0])
    for t in range(1, frames):
        meter.add(values[t], labels[t], steadiness.Step(static[t - 1], visible[t - 1], flow[t - 1]))
    flat = values.flatten(1, 3)
    assert meter.spread == pytest.approx(steadiness.spread(values))
    assert meter.flicker == pytest.approx(steadiness.static_flicker(flat, static.flatten(1)))
    assert meter.switches == pytest.approx(steadiness.switch_rate(labels.flatten(1), static.flatten(1)))
    assert meter.watched == pytest.approx(float(static.double().mean()))
    # Two cameras one below the other are two pictures, not one.
    apart = [steadiness.warped_error(values[:, c], flow[:, c], visible[:, c]) for c in range(2)]
    seen, unit = visible.sum((0, 2, 3)).double(), [steadiness.spread(values[:, c]) for c in range(2)]
    error = sum(float(seen[c]) * apart[c] * unit[c] for c in range(2)) / float(seen.sum())
    assert meter.warped == pytest.approx(error / meter.spread, rel=1e-5)
    still, quarter = static.flatten(1).all(0), max(1, frames // 4)
    moved = (flat[-quarter:].mean(0) - flat[:quarter].mean(0)).norm(dim=-1)
    if bool(still.any()):
        assert meter.drift == pytest.approx(float(moved[still].mean()) / meter.spread, rel=1e-5)
    else:
        assert meter.drift is None


def test_where_nothing_stands_still_there_is_nothing_to_say() -> None:
    meter = steadiness.Meter(2)
    values, labels = torch.rand(1, 3, 3, 2), torch.zeros(1, 3, 3, dtype=torch.int64)
    moving = torch.zeros(1, 3, 3, dtype=torch.bool)
    meter.add(values, labels)
    with pytest.raises(ValueError, match="the step that led to it"):
        meter.add(values, labels)
    meter.add(values, labels, steadiness.Step(moving, moving, torch.zeros(1, 3, 3, 2)))
    assert (meter.flicker, meter.switches, meter.warped, meter.drift) == (None, None, None, None)
