"""One clock for two recordings: nothing is lost, nothing goes backwards, and what is aligned is shown together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analyzer.comparison.shared_clock import SharedClock, Take, gripper_events, shared_clocks

EVENTS = some.lists(some.tuples(some.sampled_from(["close", "open"]), some.floats(0.02, 0.98)), max_size=5)


@some.composite
def takes(draw: some.DrawFn) -> Take:
    """Of any rate, even or not; with steps and events, or without."""
    gaps = draw(some.lists(some.floats(0.008, 0.5), min_size=1, max_size=40))
    edges = np.concatenate([[0.0], np.cumsum(gaps)])
    end = float(edges[-1])
    steps = draw(some.none() | some.integers(1, 60))
    shares = sorted(share for _, share in draw(EVENTS))
    kinds = [kind for kind, _ in draw(EVENTS)][: len(shares)]
    events = tuple((kind, share * end) for kind, share in zip(kinds, shares, strict=False))
    return Take(
        edges[:-1],
        end,
        None if steps is None else np.linspace(0, end * 0.97, steps),
        draw(some.none() | some.just(events)),
    )


def take(
    frames: int, rate: float, steps: int | None = None, events: tuple[tuple[str, float], ...] | None = None
) -> Take:
    return Take(np.arange(frames) / rate, frames / rate, None if steps is None else np.arange(steps) / 20, events)


def by_name(a: Take, b: Take) -> dict[str, SharedClock]:
    return {clock.name: clock for clock in shared_clocks(a, b)[0]}


@settings(deadline=None)
@given(takes(), takes())
def test_every_frame_of_both_is_shown_in_order_from_start_to_end(a: Take, b: Take) -> None:
    for clock in shared_clocks(a, b)[0]:
        for side, of in (("a", a), ("b", b)):
            shown = [getattr(moment, side) for moment in clock.moments]
            assert sorted(set(shown)) == list(range(len(of.times_s))), clock.name
            assert shown == sorted(shown)
        at = [moment.at_s for moment in clock.moments]
        assert at == sorted(set(at))
        assert at[0] == 0
        assert at[-1] < clock.end_s


@settings(deadline=None)
@given(takes(), takes())
def test_neither_side_is_faster_than_it_was_and_both_end(a: Take, b: Take) -> None:
    for clock in shared_clocks(a, b)[0]:
        assert clock.knots[0] == (0, 0, 0)
        assert clock.knots[-1][1:] == pytest.approx((a.end_s, b.end_s))
        for before, after in pairwise(clock.knots):
            steps = [later - sooner for sooner, later in zip(before, after, strict=True)]
            assert min(steps) >= -1e-9
            assert steps[0] == pytest.approx(max(steps[1:]), abs=1e-5)
        assert clock.end_s >= max(a.end_s, b.end_s) - 1e-6


@settings(deadline=None)
@given(takes(), takes())
def test_swapped_sides_give_the_same_clock(a: Take, b: Take) -> None:
    there, back = by_name(a, b), by_name(b, a)
    assert there.keys() == back.keys()
    for name, clock in there.items():
        assert [(m.a, m.b) for m in clock.moments] == [(m.b, m.a) for m in back[name].moments]


def test_a_recording_beside_itself_is_shown_frame_by_frame() -> None:
    one = take(30, 20, 30, (("close", 0.5), ("open", 1.0)))
    for clock in by_name(one, one).values():
        assert [(m.a, m.b) for m in clock.moments] == [(n, n) for n in range(30)]


def test_time_shows_what_is_as_old() -> None:
    clock = by_name(take(20, 10), take(30, 30))["time"]
    for moment in clock.moments:
        assert moment.a == min(19, int(moment.at_s * 10 + 1e-6))
        assert moment.b == min(29, int(moment.at_s * 30 + 1e-6))
    assert clock.end_s == 2.0


def test_steps_bring_a_slow_motion_video_to_the_pace_of_the_other() -> None:
    """The same 40 steps at 20 Hz: one filmed at 20 frames a second, one played at half its pace."""
    a = Take(np.arange(40) / 20, 2.0, np.arange(40) / 20, None)
    b = Take(np.arange(40) / 10, 4.0, np.arange(40) / 10, None)
    clock = by_name(a, b)["step"]
    assert [(m.a, m.b) for m in clock.moments] == [(n, n) for n in range(40)]
    assert clock.end_s == pytest.approx(4.0)


def test_without_steps_there_is_no_such_clock_and_it_is_said() -> None:
    clocks, missing = shared_clocks(take(5, 10, 5), take(5, 10))
    assert [clock.name for clock in clocks] == ["time", "phase"]
    assert missing == {"step": "Control steps are not recorded in B."}


def test_phase_brings_the_closings_of_the_gripper_together() -> None:
    a = take(60, 20, 60, (("close", 0.5), ("open", 1.0), ("close", 1.75)))
    b = take(44, 20, 44, (("close", 0.8), ("open", 1.8)))
    clock = by_name(a, b)["phase"]
    assert [kind for kind, _ in clock.matched] == ["close", "open"]
    for (_, at), frames in zip(clock.matched, ((10, 16), (20, 36)), strict=True):
        shown = max((m for m in clock.moments if m.at_s <= at + 2e-3), key=lambda m: m.at_s)
        assert (shown.a, shown.b) == frames
    # 0.8 s to the first closing (B is later), 1.0 s to the opening (B), 2.0 s to the end (A).
    assert clock.end_s == pytest.approx(0.8 + 1.0 + 2.0)


@pytest.mark.parametrize("events", [None, (), (("open", 0.3),)])
def test_phase_without_a_common_event_goes_from_start_to_end(events: tuple[tuple[str, float], ...] | None) -> None:
    clock = by_name(take(20, 10, 20, (("close", 0.5),)), take(40, 10, 40, events))["phase"]
    assert clock.matched == ()
    assert clock.end_s == pytest.approx(4.0)
    assert ("not recorded in B" in clock.how) == (events is None)
    assert [(m.a, m.b) for m in clock.moments] == [(n // 2, n) for n in range(40)]


def test_the_gripper_is_heard_only_when_it_means_it() -> None:
    openness = np.array([1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1.0])
    events = gripper_events(openness, np.arange(17) / 10, least_s=0.25)
    assert events == (("close", 0.5), ("open", pytest.approx(1.2)))
