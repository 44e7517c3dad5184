"""The small pieces: ticks, gaps, rows of a timeline, moments, gates, hostile text in every kind of element."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import made_findings
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.drawing.outlines import Outlined, outlined
from analyzer.failures.rules import RULES
from analyzer.report.gate import Gate
from analyzer.report.markdown import escaped
from analyzer.report.moments import MOST_SITES, around, key_frames, pair_of, shown_sites
from analyzer.report.pictures import Window, close_up
from analyzer.report.plots.axes import frame_ticks, round_ticks
from analyzer.report.plots.svg import element, polyline
from analyzer.report.plots.timeline import Bar, Lane, timeline
from foundation.errors import BadInput


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e6), st.integers(1, 12))
def test_ticks_are_round_and_inside(low: float, span: float, about: int) -> None:
    high = low + span
    ticks = round_ticks(low, high, about)
    assert ticks == sorted(set(ticks))
    assert all(low - 1e-6 * span - 1e-9 <= tick <= high + 1e-6 * span + 1e-9 for tick in ticks)
    assert len(ticks) <= 2.5 * about + 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60, unique=True).map(sorted))
def test_a_frame_tick_is_a_frame(frames: list[int]) -> None:
    positions, words = frame_ticks(tuple(frames), 0, len(frames) - 1, 6)
    assert [str(frames[int(position)]) for position in positions] == words


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text())
def test_any_text_makes_a_well_formed_element(inside: str, attribute: str) -> None:
    try:
        parsed = ElementTree.fromstring(element("text", inside, data_x=attribute))
    except ElementTree.ParseError as error:
        raise AssertionError(f"{inside!r} {attribute!r}") from error
    assert list(parsed) == []
    if (inside + attribute).isprintable():
        assert (parsed.text or "") == inside
        assert parsed.get("data-x") == attribute


def test_a_curve_has_gaps_and_lone_points() -> None:
    y = np.array([1.0, 2.0, np.nan, 3.0, np.nan, 4.0, 5.0])
    drawn = ElementTree.fromstring(f"<g>{polyline(np.arange(7.0), y, 'main')}</g>")
    assert [child.tag for child in drawn] == ["polyline", "circle", "polyline"]
    assert drawn[0].get("points") == "0,1 1,2"
    assert (drawn[1].get("cx"), drawn[1].get("cy")) == ("3", "3")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=12))
def test_bars_of_a_timeline_never_lie_on_each_other(spans: list[tuple[int, int]]) -> None:
    bars = tuple(Bar(first, min(49, first + length), f"bar {n}") for n, (first, length) in enumerate(spans))
    drawn = ElementTree.fromstring(timeline([Lane("x", bars)], tuple(range(50)), tuple(np.arange(50) / 20), "words"))
    rows: dict[str, list[tuple[float, float]]] = {}
    for rect in drawn.iter("rect"):
        if rect.get("class") == "bar":
            left = float(rect.get("x") or 0)
            rows.setdefault(rect.get("y") or "", []).append((left, left + float(rect.get("width") or 0)))
    assert sum(map(len, rows.values())) == len(bars)
    for row in rows.values():
        row.sort()
        assert all(end <= start + 0.02 for (_, end), (start, _) in pairwise(row))


class TestMoments:
    made = made_findings.findings()

    def test_the_strongest_frame_of_a_case_is_shown(self) -> None:
        case = replace(self.made.cases[0], first=40, last=60)
        strength = np.full(100, 0.1)
        strength[53], strength[80] = 0.9, 1.0
        assert key_frames(case, 100, strength) == [25, 40, 53, 60]
        assert key_frames(case, 100, None) == [25, 40, 50, 60]
        assert key_frames(case, 100, np.full(100, np.nan)) == [25, 40, 50, 60]

    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 50), st.data())
    def test_moments_are_frames_of_the_episode(self, count: int, data: st.DataObject) -> None:
        first = data.draw(st.integers(0, count - 1))
        last = data.draw(st.integers(first, count - 1))
        shown = key_frames(replace(self.made.cases[0], first=first, last=last), count, None)
        assert shown == sorted(set(shown))
        assert {first, last} <= set(shown) <= set(range(count))
        assert 0 <= around(first, last, count)[0] <= first <= last <= around(first, last, count)[1] < count

    def test_the_onset_and_the_site_before_it_are_shown(self) -> None:
        sites = [f"llm.{n}" for n in range(33)]
        pair = replace(self.made.pairs[0], onset="llm.12")
        case = replace(self.made.cases[0], sites=("llm.12", "llm.30"))
        shown = shown_sites(case, pair, sites)
        assert {"llm.11", "llm.12", "llm.30", "llm.32"} == set(shown)
        assert shown == [site for site in sites if site in shown]
        assert len(shown_sites(replace(case, sites=tuple(sites)), None, sites)) == MOST_SITES

    def test_a_case_that_is_not_about_sites_is_about_no_pair(self) -> None:
        assert pair_of(self.made, self.made.cases[0]) == 0
        assert pair_of(self.made, replace(self.made.cases[0], sites=())) is None


class TestCloseUp:
    def test_it_holds_the_instances_with_air(self) -> None:
        labels = np.zeros((200, 300), np.uint8)
        labels[90:110, 140:170] = 3
        window = close_up([labels], (3,))
        assert window is not None
        left, top, right, bottom = window.pixels(labels[..., None])
        assert left < 140
        assert right > 170
        assert top < 90
        assert bottom > 110
        assert (right - left) / (bottom - top) == pytest.approx(4 / 3, abs=0.05)

    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 190), st.integers(0, 290), st.integers(1, 60))
    def test_it_stays_in_the_picture(self, top: int, left: int, size: int) -> None:
        labels = np.zeros((200, 300), np.uint8)
        labels[top : top + size, left : left + size] = 3
        window = close_up([labels], (3,))
        if window is not None:
            assert window.left >= 0
            assert window.top >= 0
            assert window.left + window.width <= 1 + 1e-9
            assert window.top + window.height <= 1 + 1e-9
            cut = window.cut(labels[..., None])
            assert (cut == 3).sum() == (labels == 3).sum()

    def test_nothing_to_show_and_nothing_to_gain(self) -> None:
        assert close_up([np.zeros((20, 30), np.uint8)], (3,)) is None
        assert close_up([np.full((20, 30), 3, np.uint8)], (3,)) is None
        assert close_up([], ()) is None
        assert Window(0, 0, 1, 1).cut(np.zeros((2, 3, 3), np.uint8)).shape == (2, 3, 3)


def test_an_outline_goes_around_its_instance_and_no_further() -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[30:50, 20:40] = 2
    pixels = np.full((120, 160, 3), 128, np.uint8)
    drawn = outlined(pixels, labels, [Outlined(2, "2", (250, 0, 0)), Outlined(9, "9", (0, 0, 250))])
    assert (pixels == 128).all()
    red = drawn[..., 0].astype(int) - drawn[..., 1] > 60
    _, columns = np.nonzero(red[62:])
    assert 38 <= columns.min() <= 42
    assert 76 <= columns.max() <= 82
    assert (drawn[66:94, 46:74] == 128).all()
    assert (drawn[105:] == 128).all()
    assert not (drawn[..., 2].astype(int) - drawn[..., 0] > 60).any()


@pytest.mark.parametrize(
    ("text", "kind", "score"),
    [("confused", "confused", 0.0), ("confused:0.5", "confused", 0.5), ("0.7", "any", 0.7), ("any", "any", 0.0)],
)
def test_a_gate_is_read(text: str, kind: str, score: float) -> None:
    assert Gate.parse(text, RULES) == Gate(kind, score)


@pytest.mark.parametrize("text", ["", ":", "confused:", "confused:x", "any:-1", "nan", "stal"])
def test_a_gate_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--fail-on"):
        Gate.parse(text, RULES)


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab *_`[]<>()#@!|~&-+.:/\\1\nhtpsw"), max_size=40))
def test_escaped_text_has_no_markup(text: str) -> None:
    shown = escaped(text)
    assert "\n" not in shown
    for mark in "*_`[]|~&":
        assert all(shown[n - 1] == "\\" for n, letter in enumerate(shown) if letter == mark)
