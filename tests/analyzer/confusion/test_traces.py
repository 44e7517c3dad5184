"""Along the sites: what rises and stays up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.confusion.traces import late, onset, verdict

ON, OFF = 0.6, 0.4
values = st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=8).map(np.array)
NAN = float("nan")


@pytest.mark.parametrize(
    ("trace", "site"),
    [
        ([0.1, 0.2, 0.8, 0.9], 2),
        ([0.1, 0.8, 0.1, 0.9], 3),
        ([0.1, 0.8, 0.5, 0.9], 1),
        ([0.1, 0.5, 0.8, 0.9], 2),
        ([0.9, 0.9, 0.9, 0.9], 0),
        ([0.1, 0.9, 0.9, 0.1], None),
        ([0.1, 0.9, 0.9, 0.5], 1),
        ([0.5, 0.5, 0.5, 0.5], None),
        ([0.1, NAN, 0.8, NAN], 2),
        ([NAN, NAN], None),
    ],
)
def test_onset(trace: list[float], site: int | None) -> None:
    assert onset(np.array(trace), ON, OFF) == site


@given(values)
def test_there_is_an_onset_exactly_where_it_is_late_confusion(trace: np.ndarray) -> None:
    found = onset(trace, ON, OFF)
    reached = late(trace[:, None], ON - OFF)[0]
    # One site and margin: a rounding of on - margin against off must not decide.
    if np.isnan(reached) or abs(np.nan_to_num(trace, nan=9.0) - OFF).min() < 1e-9:
        return
    assert (found is not None) == (reached >= ON)


@given(values)
def test_late_confusion_is_never_above_the_highest_and_without_margin_that_of_the_last_site(trace: np.ndarray) -> None:
    known = trace[~np.isnan(trace)]
    if not len(known):
        assert np.isnan(late(trace[:, None], 0.2)[0])
        return
    assert late(trace[:, None], 0.2)[0] <= known.max()
    assert late(trace[:, None], 0.0)[0] == known[-1]


@pytest.mark.parametrize(
    ("trace", "pixels", "told"),
    [
        ([0.1, 0.9], 0.2, ("merged", 1)),
        ([0.1, 0.2], 0.2, ("apart", None)),
        ([0.9, 0.9], 0.95, ("look-alikes", None)),
        ([0.1, 0.2], 0.95, ("look-alikes", None)),
        ([0.1, 0.9], NAN, ("merged", 1)),
        ([NAN, NAN], NAN, ("not assessed", None)),
        ([NAN, 0.9], 0.2, ("merged", 1)),
    ],
)
def test_verdict(trace: list[float], pixels: float, told: tuple[str, int | None]) -> None:
    assert verdict(np.array(trace), pixels, on=ON, off=OFF, look_alike=0.8) == told
