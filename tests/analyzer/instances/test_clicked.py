"""What a person points at in one frame is followed to both ends of the episode."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.instances.clicked import Click, clicked
from analyzer.instances.discover import discover
from analyzer.instances.overlaid import overlaid
from analyzer.settings import Settings
from foundation.errors import BadInput
from tests.analyzer.instances.stage import SIDE, Stage, Thing, arm_from, overlap, rests

FRAMES = 50
HOSTILE = "<img src=x onerror=alert(1)>"


def scene() -> Stage:
    """Two look-alikes, of which the second slides; the arm passes over the first."""
    slides = Thing(1, lambda frame: (130 + 0.6 * frame, 150), 14)
    return Stage((Thing(1, rests(60, 110)), slides, arm_from(-20, 120, FRAMES, 140)), FRAMES)


@pytest.mark.parametrize("frame", [0, 25, FRAMES - 1])
def test_a_point_is_followed_both_ways(frame: int) -> None:
    stage = scene()
    x = 130 + 0.6 * frame
    found = clicked(stage.view, [Click(HOSTILE, frame, ((x, 150.0),))], Settings())
    (one,) = found.instances
    assert (one.id, one.name, one.origin) == (1, HOSTILE, "clicked")
    shown = [overlap(found.maps["front"][at] == 1, stage.truth(at) == 2) for at in range(FRAMES)]
    assert min(shown) > 0.6
    assert np.mean(shown) > 0.75


def test_a_box_is_as_good_as_a_point_and_the_arm_does_not_end_it() -> None:
    stage = scene()
    found = clicked(stage.view, [Click("bowl", 0, box=(43.0, 93.0, 34.0, 34.0))], Settings())
    shown = {at: overlap(found.maps["front"][at] == 1, stage.truth(at) == 1) for at in range(FRAMES)}
    whole = (stage.truth(0) == 1).sum()
    assert any((stage.truth(at) == 1).sum() < whole / 2 for at in shown)
    assert min(shown[at] for at in shown if (stage.truth(at) == 1).sum() == whole) > 0.7


def test_several_clicks_in_several_frames_keep_their_order() -> None:
    stage = scene()
    clicks = [Click("b", FRAMES - 1, ((159.0, 150.0),)), Click("a", 0, ((60.0, 110.0),))]
    found = clicked(stage.view, clicks, Settings())
    assert [one.name for one in found.instances] == ["b", "a"]
    assert overlap(found.maps["front"][0] == 1, stage.truth(0) == 2) > 0.6
    assert overlap(found.maps["front"][0] == 2, stage.truth(0) == 1) > 0.75
    again = clicked(stage.view, clicks, Settings())
    assert again.maps["front"].pngs == found.maps["front"].pngs


def test_a_click_replaces_what_was_found_there() -> None:
    stage = scene()
    found = discover(stage.view, Settings())
    named = clicked(stage.view, [Click("mine", 0, ((60.0, 110.0),))], Settings())
    both = overlaid(found, named, "standard")
    (mine,) = (one for one in both.instances if one.origin == "clicked")
    assert mine.name == "mine"
    assert both.maps["front"][0][110, 60] == mine.id
    assert len(both.of("front", "object")) == len(found.of("front", "object"))
    for one in both.instances:
        assert one.area == tuple(int((label_map == one.id).sum()) for label_map in both.maps["front"])


@pytest.mark.parametrize(
    ("click", "says"),
    [
        (Click("a", FRAMES, ((1.0, 1.0),)), "analysed frames are 0 … 49"),
        (Click("a", 0), "neither a point nor a box"),
        (Click("a\x1b[2J", 0, ((SIDE + 1.0, 1.0),)), "outside of the picture"),
        (Click("a", 0, box=(500.0, 1.0, 5.0, 5.0)), "holds nothing"),
        (Click("a", 0, ((float("nan"), 1.0),)), "outside of the picture"),
    ],
)
def test_a_click_that_hits_nothing_is_refused(click: Click, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        clicked(scene().view, [click], Settings())
    assert "\x1b" not in str(caught.value)


def test_no_click_is_refused() -> None:
    with pytest.raises(BadInput, match="0 things"):
        clicked(scene().view, [], Settings())
