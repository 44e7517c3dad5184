"""Intervals in time: hysteresis and minimum length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.confusion.intervals import frame_lengths, intervals

ON, OFF = 0.6, 0.4
NAN = float("nan")
signals = st.lists(st.floats(0, 1) | st.just(NAN), max_size=40).map(np.array)


def found(signal: list[float] | np.ndarray, min_s: float = 0.0, step: float = 0.1) -> list[tuple[int, int]]:
    return intervals(np.array(signal, float), np.arange(len(signal)) * step, ON, OFF, min_s)


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ([0.1, 0.7, 0.7, 0.1], [(1, 2)]),
        ([0.1, 0.7, 0.5, 0.7, 0.1], [(1, 3)]),
        ([0.5, 0.7, 0.1], [(1, 1)]),
        ([0.7, 0.7], [(0, 1)]),
        ([0.5, 0.5, 0.5], []),
        ([0.7, 0.1, 0.5, 0.7], [(0, 0), (3, 3)]),
        ([], []),
        ([NAN, NAN], []),
    ],
)
def test_hysteresis(signal: list[float], expected: list[tuple[int, int]]) -> None:
    assert found(signal) == expected


def test_what_trembles_about_one_threshold_is_one_interval() -> None:
    trembling = 0.6 + 0.1 * np.array([1, -1] * 20)
    assert len(found(trembling)) == 1
    assert len(intervals(trembling, np.arange(40) * 0.1, 0.6, 0.6, 0.0)) == 20


def test_short_ones_are_left_out() -> None:
    assert found([0.1, 0.7, 0.7, 0.1], min_s=0.2) == [(1, 2)]
    assert found([0.1, 0.7, 0.7, 0.1], min_s=0.3) == []


def test_a_short_gap_is_bridged_and_a_long_one_ends_it() -> None:
    assert found([0.7, NAN, 0.7], min_s=0.1) == [(0, 2)]
    assert found([0.7, 0.7, NAN, NAN, 0.7, 0.7], min_s=0.1) == [(0, 1), (4, 5)]
    assert found([0.7, 0.7, NAN], min_s=0.1) == [(0, 1)]


def test_lengths_follow_the_times_of_the_frames() -> None:
    times = np.array([0.0, 0.1, 1.1, 1.2])
    assert frame_lengths(times) == pytest.approx([0.1, 1.0, 0.1, 0.1])
    assert intervals(np.array([0, 1, 0, 0.0]), times, ON, OFF, 0.9) == [(1, 1)]
    assert intervals(np.array([1, 0, 0, 0.0]), times, ON, OFF, 0.9) == []


def test_one_frame_has_no_length() -> None:
    assert found([0.9]) == [(0, 0)]
    assert found([0.9], min_s=0.1) == []


def test_a_signal_that_ends_above_where_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="end at or below"):
        intervals(np.zeros(2), np.arange(2.0), 0.4, 0.6, 0.0)


@given(signals, st.floats(0, 0.5))
def test_laws(signal: np.ndarray, min_s: float) -> None:
    told = found(signal, min_s)
    times = np.arange(len(signal)) * 0.1
    for (_, before), (after, _) in pairwise(told):
        assert before < after
    for first, last in told:
        assert signal[first] >= ON
        assert signal[last] >= OFF
        inside = signal[first : last + 1]
        assert (inside[~np.isnan(inside)] >= OFF).all()
        assert frame_lengths(times)[first : last + 1].sum() >= min_s * (1 - 1e-9)
    held = {t for first, last in told for t in range(first, last + 1)}
    assert min_s > 0 or all(t in held for t in np.flatnonzero(signal >= ON))
