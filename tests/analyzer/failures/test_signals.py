"""Signals on made-up actions: each speaks where it should and is quiet where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analyzer.failures import signals
from foundation.action_space import LIBERO, unnamed

STEPS = 100
TIMES = np.arange(STEPS) / 20


def reaching(seed: int = 0) -> np.ndarray:
    """(steps, 7) an arm that goes somewhere, gently, with the gripper open."""
    rng = np.random.default_rng(seed)
    actions = np.zeros((STEPS, 7))
    actions[:, :3] = [0.5, -0.3, 0.2] + 0.05 * rng.normal(size=(STEPS, 3))
    actions[:, 6] = -1.0
    return actions


def test_velocity_is_relative_to_the_usual_size() -> None:
    actions = reaching()
    moving = signals.velocity(actions, LIBERO)
    assert moving is not None
    assert moving.shape == (STEPS, 3)  # rotations were never used
    assert np.percentile(np.linalg.norm(moving, axis=1), 95) == pytest.approx(1.0)
    larger = signals.velocity(actions * [10, 10, 10, 1, 1, 1, 1], LIBERO)
    assert larger == pytest.approx(moving)


def test_goals_and_changes_say_the_same() -> None:
    actions = reaching()
    goals = actions.copy()
    goals[:, :6] = np.cumsum(actions[:, :6], axis=0)
    absolute = signals.velocity(goals, replace(LIBERO, kind="absolute"))
    assert absolute is not None
    assert absolute[1:] == pytest.approx(signals.velocity(actions, LIBERO)[1:], rel=0.05)  # type: ignore[index]


def test_what_is_not_known_is_not_told() -> None:
    assert signals.velocity(reaching(), replace(LIBERO, kind="unknown")) is None
    assert signals.velocity(np.zeros((STEPS, 7)), LIBERO) is None
    assert signals.openness(reaching(), unnamed(7)) is None


@pytest.mark.parametrize("tremble", [0.0, 0.15])
def test_stillness(tremble: float) -> None:
    actions = reaching()
    actions[40:60, :3] = tremble * np.random.default_rng(1).normal(size=(20, 3))
    still = signals.stillness(signals.velocity(actions, LIBERO), TIMES, 0.5)  # type: ignore[arg-type]
    assert still[46:54].min() > 0.8
    assert still[:34].max() < 0.5
    assert still[66:].max() < 0.5


def test_reversals_count_turns_a_second() -> None:
    actions = reaching()
    actions[40:80, :3] *= np.where(np.arange(40) // 2 % 2, 1, -1)[:, None]
    turns = signals.reversals(signals.velocity(actions, LIBERO), TIMES, 1.0)  # type: ignore[arg-type]
    assert turns[60] == pytest.approx(10, abs=1)  # every other of 20 steps a second
    assert turns[:25].max() == 0


def test_one_turn_back_is_no_oscillation() -> None:
    actions = reaching()
    actions[50:, :3] *= -1
    turns = signals.reversals(signals.velocity(actions, LIBERO), TIMES, 2.0)  # type: ignore[arg-type]
    assert turns.max() == 0.5


def test_closings() -> None:
    actions = reaching()
    actions[30:50, 6] = 1
    actions[70:, 6] = 1
    openness = signals.openness(actions, LIBERO)
    assert openness is not None
    assert set(openness) == {0.0, 1.0}
    assert signals.closings(openness) == [(30, 49), (70, 99)]
    # What is closed from the start was not closed in the episode.
    assert signals.closings(1 - openness) == [(50, 69)]
    assert signals.closings(np.ones(5)) == []


def test_disagreement_is_in_standard_deviations() -> None:
    recorded = np.random.default_rng(0).normal(size=(STEPS, 3)) * [1.0, 10.0, 0.0]
    apart = np.zeros((STEPS, 3))
    apart[20] = 2 * recorded.std(axis=0)
    apart[20, 2] = 5.0  # never moved: nothing to compare with
    apart[30] = np.nan
    told = signals.disagreement(apart, recorded)
    assert told[20] == pytest.approx(2)
    assert np.isnan(told[30])
    assert np.delete(told, [20, 30]).max() == 0
    assert np.isnan(signals.disagreement(np.full((4, 3), np.nan), np.ones((4, 3)))).all()


def test_uncertainty_is_how_far_a_dimension_is_above_its_own_median() -> None:
    bits = np.array([[1.0, 5.0], [np.nan, 2.0], [np.nan, np.nan], [3.0, 2.0], [1.0, 2.0]])
    assert signals.uncertainty(bits) == pytest.approx([3.0, 0.0, np.nan, 2.0, 0.0], nan_ok=True)
    assert signals.uncertainty(bits + np.array([4.0, 0.5])) == pytest.approx(signals.uncertainty(bits), nan_ok=True)
    assert np.isnan(signals.uncertainty(np.full((3, 2), np.nan))).all()


def test_steps_that_no_frame_shows_are_left_out() -> None:
    told = signals.at_frames(np.array([0.0, 1.0, 2.0]), np.array([2, 0, 7]))
    assert told == pytest.approx([2.0, 0.0, np.nan], nan_ok=True)
    assert np.isnan(signals.at_frames(np.zeros(0), np.array([0]))).all()
