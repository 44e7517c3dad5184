"""The hand among objects, in made-up label maps."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.failures.hand import carried, distances, targets, tip_of_arm
from analyzer.failures.reach import Reach
from analyzer.settings import Settings

SIZE = (120, 160)
ARM, BOWL, PLATE = 1, 2, 3
FRAMES = 80
TIMES = np.arange(FRAMES) / 20
START, AT_BOWL, AT_PLATE = (80.0, 20.0), (40.0, 90.0), (130.0, 90.0)


def between(*stops: tuple[int, tuple[float, float]]) -> np.ndarray:
    """(FRAMES, 2) a hand that moves evenly from stop to stop: (frame, place)."""
    at, places = zip(*stops, strict=True)
    return np.stack([np.interp(np.arange(FRAMES), at, [place[axis] for place in places]) for axis in (0, 1)], axis=1)


def scene(hand: np.ndarray, bowl: np.ndarray) -> list[np.ndarray]:
    """Label maps: an arm from the top edge to the hand, a bowl wherever it is, a plate that stays."""
    maps = []
    for (x, y), (bowl_x, bowl_y) in zip(hand.round().astype(int), bowl.round().astype(int), strict=True):
        label_map = np.zeros(SIZE, np.uint8)
        label_map[95:105, 120:140] = PLATE
        label_map[bowl_y - 5 : bowl_y + 5, bowl_x - 6 : bowl_x + 6] = BOWL
        label_map[: y + 1, x - 2 : x + 3] = ARM
        maps.append(label_map)
    return maps


def reach(hand: np.ndarray, bowl: np.ndarray) -> Reach:
    return Reach.of("front", SIZE, [BOWL, PLATE], hand, scene(hand, bowl), TIMES, Settings())


BELOW = np.array([0.0, 10.0])
"""What is held hangs there."""
STAYS = np.repeat([[40.0, 100.0]], FRAMES, axis=0)
MISSES = between((0, START), (25, AT_BOWL), (30, AT_BOWL), (60, AT_PLATE), (79, AT_PLATE))
"""Goes to the bowl, then to the plate."""


def test_the_tip_of_the_arm() -> None:
    tips = tip_of_arm(scene(MISSES, STAYS), [ARM])
    assert np.abs(tips - MISSES).max() < 4
    nobody = tip_of_arm([np.zeros(SIZE, np.uint8)], [ARM])
    assert np.isnan(nobody).all()


def test_distances_go_to_the_outline_and_remember_what_is_hidden() -> None:
    maps = scene(MISSES, STAYS)
    maps[10][maps[10] == PLATE] = 0
    apart, middles = distances(maps, MISSES, [BOWL, PLATE, 9])
    assert apart[0, 0] == pytest.approx(np.hypot(80 - 45, 20 - 95), abs=2)
    assert apart[10, 1] == pytest.approx(np.hypot(*(MISSES[10] - [120, 95])), abs=2)
    assert middles[10, 1] == pytest.approx(middles[9, 1])
    assert np.isnan(apart[:, 2]).all()
    inside, _ = distances(maps[:1], np.array([[130.0, 100.0]]), [PLATE])
    assert inside[0, 0] == 0


def test_it_goes_for_what_it_comes_to() -> None:
    apart, _ = distances(scene(MISSES, STAYS), MISSES, [BOWL, PLATE])
    chosen = targets(apart, TIMES, 16.0, 1.0)
    assert chosen[20] == 0
    assert chosen[65] == 1
    assert chosen[0] == -1
    assert (targets(np.full((3, 2), np.nan), TIMES[:3], 16.0, 1.0) == -1).all()


def test_who_is_carried_went_the_same_way() -> None:
    hand = between((0, (0.0, 0.0)), (79, (100.0, 0.0)))
    middles = np.stack([hand + np.array([0, 5]), np.zeros_like(hand), -hand], axis=1)
    assert carried(middles, hand, 0, 79) == pytest.approx([1.0, 0.0, -1.0])
    assert np.isnan(carried(middles, hand, 5, 5)).all()


def test_leaving_one_thing_for_another_is_a_change_of_target() -> None:
    (event,) = reach(MISSES, STAYS).switches(Settings())
    assert (event.rule, event.instances) == ("target-switch", (BOWL, PLATE))
    assert 30 <= event.first <= event.last <= 60
    assert event.value == 0


def test_carrying_it_there_is_none() -> None:
    with_hand = np.where(np.arange(FRAMES)[:, None] < 30, [40.0, 100.0], MISSES + BELOW)
    assert reach(MISSES, with_hand).switches(Settings()) == []


def test_what_the_hand_starts_beside_was_no_target() -> None:
    away = between((0, AT_BOWL), (40, AT_PLATE), (79, AT_PLATE))
    assert reach(away, STAYS).switches(Settings()) == []


def test_what_it_passes_over_was_no_target() -> None:
    past = between((0, START), (25, (40.0, 92.0)), (55, (130.0, 92.0)), (79, (130.0, 92.0)))
    assert [event.instances for event in reach(MISSES, STAYS).switches(Settings())] == [(BOWL, PLATE)]
    assert reach(past, STAYS).switches(Settings()) == []


def test_closing_on_nothing_and_on_something() -> None:
    hand = between((0, START), (25, AT_BOWL), (40, AT_BOWL), (79, START))
    closed = [(30, 79)]
    left = reach(hand, STAYS).grips(closed, Settings())
    assert [(event.rule, event.instances) for event in left] == [("closes", (BOWL,)), ("closed-on-nothing", (BOWL,))]
    lifted = np.where(np.arange(FRAMES)[:, None] < 40, [40.0, 100.0], hand + BELOW)
    taken = reach(hand, lifted).grips(closed, Settings())
    assert [event.rule for event in taken] == ["closes"]


def test_a_hand_that_stays_says_nothing_about_what_it_holds() -> None:
    hand = between((0, START), (25, AT_BOWL), (79, AT_BOWL))
    assert [event.rule for event in reach(hand, STAYS).grips([(30, 79)], Settings())] == ["closes"]


def test_closing_for_a_moment_is_nothing() -> None:
    assert reach(MISSES, STAYS).grips([(30, 32)], Settings()) == []


def test_a_hand_that_is_not_known_says_nothing() -> None:
    nowhere = Reach.of(
        "front", SIZE, [BOWL, PLATE], np.full((FRAMES, 2), np.nan), scene(MISSES, STAYS), TIMES, Settings()
    )
    assert nowhere.switches(Settings()) == []
    assert nowhere.grips([(30, 79)], Settings()) == []
