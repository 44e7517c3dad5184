"""Events made into cases: every rule has its sentence, what matters comes first, and names stay plain text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analyzer.confusion.pair import PairTrace, SiteConfusion
from analyzer.dependence.record import Dependence, Effect, InstanceDependence
from analyzer.failures.case import Case, Event
from analyzer.failures.cases import Telling, make_cases
from analyzer.failures.events import Motion, confused, of_motion
from analyzer.failures.rules import RULES
from analyzer.instances.instance import Instance
from analyzer.settings import Settings
from foundation.action_space import LIBERO

SITES = ("vision.3", "vision.7", "vision.11")
FRAMES = 100
TIMES = np.arange(FRAMES) / 20
BOWL, PLATE, CUP = 1, 2, 3
MERGED = np.array([[0.1, 0.05, 0.2], [0.2, 0.1, 0.3], [0.9, 0.8, 1.0]], np.float32)
HOSTILE = "<script>alert(1)</script>\x1b[31m\n‮"


def telling(*names: str, counted: str = "step") -> Telling:
    given = names or ("bowl", "plate", "cup")
    instances = {
        number: Instance(number, name, "front", (1, 2, 3), "mask", "object", (50,) * FRAMES, 0)
        for number, name in enumerate(given, start=1)
    }
    return Telling("take", SITES, instances, TIMES, tuple(range(FRAMES)), counted, Settings())


def pair(a: int, b: int, verdict: str = "merged", pixels: float | None = 0.2) -> PairTrace:
    sites = tuple(SiteConfusion(site, 0.5, 0.4, 0.6, None) for site in SITES)
    return PairTrace(a, b, sites, pixels, verdict, "vision.11" if verdict == "merged" else None)


def event(rule: str, first: int = 40, last: int = 60, instances: tuple[int, ...] = (), value: float = 1.0) -> Event:
    return Event(rule, first, last, value, 0.5, RULES[rule].unit, instances, None)


def cases(events: list[Event], pairs: list[PairTrace], values: Any = MERGED, **options: Any) -> tuple[Case, ...]:
    told = options.pop("telling", None) or telling()
    return make_cases(events, pairs, lambda stretches: np.array([values for _ in stretches]), told, **options)


def test_a_confused_pair_is_told_in_one_sentence() -> None:
    (case,) = cases([event("confused", instances=(BOWL, PLATE))], [pair(BOWL, PLATE)])
    assert case.sentence == (
        "From step 40 to 60 the policy cannot tell bowl from plate: at vision.11 a patch of the one is as close to the "
        "other as to its own kind or to its usual self (confusion 0.90, 0.80–1.00; 1 is indistinguishable); they are still "
        "apart at vision.7 (0.20)."
    )
    assert case.sites == ("vision.11",)
    assert [one.name for one in case.evidence][:2] == ["confusion at vision.11", "confusion at vision.7"]
    assert case.reproduce == "python -m analyzer assess RUN --episode take"


def test_what_the_hand_does_to_the_pair_is_told_with_it_and_raises_its_score() -> None:
    alone = cases([event("confused", instances=(BOWL, PLATE))], [pair(BOWL, PLATE)])
    acted = [
        event("confused", instances=(BOWL, PLATE)),
        event("target-switch", 45, 50, (BOWL, PLATE), 0.0),
        event("closes", 55, 60, (PLATE,)),
    ]
    (case,) = cases(acted, [pair(BOWL, PLATE)])
    assert "at step 45 the hand leaves bowl behind and goes for plate" in case.sentence
    assert case.sentence.endswith("; the gripper closes on plate at step 55.")
    assert case.score > alone[0].score


def test_the_pair_that_is_acted_on_comes_before_one_that_is_more_alike() -> None:
    events = [
        event("confused", instances=(BOWL, PLATE)),
        event("confused", instances=(BOWL, CUP)),
        event("target-switch", 45, 50, (BOWL, PLATE), 0.0),
    ]
    told = make_cases(
        events,
        [pair(BOWL, PLATE), pair(BOWL, CUP)],
        lambda stretches: np.stack([MERGED * (0.8 if which == (BOWL, PLATE) else 1.0) for which, *_ in stretches]),
        telling(),
    )
    assert [case.instances for case in told] == [(BOWL, PLATE), (BOWL, CUP)]
    assert [case.score for case in told] == sorted((case.score for case in told), reverse=True)


def test_look_alikes_say_so() -> None:
    (case,) = cases([event("confused", instances=(BOWL, PLATE))], [pair(BOWL, PLATE, "look-alikes", 0.95)])
    assert "look-alikes, their colours are the same already (confusion 0.95)" in case.sentence


def test_one_pair_makes_one_case_of_the_stretch_that_matters_most() -> None:
    events = [
        event("confused", 0, 20, (BOWL, PLATE)),
        event("confused", 50, 90, (BOWL, PLATE)),
        event("closes", 55, 60, (PLATE,)),
    ]
    (case,) = cases(events, [pair(BOWL, PLATE)])
    assert (case.first, case.last) == (50, 90)


def test_what_does_not_hold_over_the_stretch_is_no_case() -> None:
    assert cases([event("confused", instances=(BOWL, PLATE))], [pair(BOWL, PLATE)], values=MERGED / 2) == ()


def test_the_counterfactual_is_evidence() -> None:
    effect = Effect("translation", "cm per step", 3.1, None, 0.2, 0.1, 0.01)
    dependence = Dependence(instances=(InstanceDependence(PLATE, "acts on it", (3, 4), 6, (effect,)),))
    (case,) = cases([event("confused", instances=(BOWL, PLATE))], [pair(BOWL, PLATE)], dependence=dependence)
    assert "erasing plate changes translation by 3.1 cm per step, erasing background by 0.2" in case.sentence
    plain = cases([event("confused", instances=(BOWL, PLATE))], [pair(BOWL, PLATE)])[0]
    assert case.score > plain.score
    assert any("Whether the action depends" in text for text in plain.not_assessed)
    assert not any("Whether the action depends" in text for text in case.not_assessed)


@pytest.mark.parametrize("rule", [name for name in RULES if name not in ("confused", "closes")])
def test_every_rule_has_its_sentence(rule: str) -> None:
    (case,) = cases([event(rule, instances=(BOWL, PLATE) if rule == "target-switch" else ())], [])
    assert case.kind == rule
    assert case.sentence.startswith("From step 40 to 60 ")
    assert case.sentence.endswith(".")
    assert 0 < case.score <= 1


def test_closing_on_an_object_is_no_case() -> None:
    assert cases([event("closes", instances=(BOWL,))], []) == ()


def test_hostile_names_stay_plain_text_on_one_line() -> None:
    events = [event("confused", instances=(BOWL, PLATE)), event("target-switch", 45, 50, (BOWL, PLATE), 0.0)]
    told = cases(events, [pair(BOWL, PLATE)], telling=telling(HOSTILE, "x" * 500, "  "))
    for text in (told[0].sentence, *(one.name for one in told[0].evidence)):
        assert text.isprintable()
        assert len(text) < 1200
    assert "<script>" in told[0].sentence  # shown as it is: who makes a page of it escapes it


def test_two_of_one_name_are_told_apart_by_number() -> None:
    (case,) = cases([event("confused", instances=(BOWL, PLATE))], [pair(BOWL, PLATE)], telling=telling("bowl", "bowl"))
    assert "bowl (#1) from bowl (#2)" in case.sentence


def test_spans() -> None:
    shown = telling(counted="frame")
    assert shown.span(0, FRAMES - 1) == "Throughout the episode"
    assert shown.span(5, FRAMES - 1) == "From frame 5 to the end"
    assert shown.span(5, 5) == "At frame 5"


def test_ids_are_unique_and_stable() -> None:
    events = [event("stall", 0, 30), event("stall", 50, 90), event("oscillation", 0, 30)]
    first, second = cases(events, []), cases(events[::-1], [])
    assert [case.id for case in first] == [case.id for case in second]
    assert len({case.id for case in first}) == 3


def motion(recorded: np.ndarray | None = None, **changes: Any) -> Motion:
    steps = np.arange(FRAMES)
    return Motion(steps, TIMES, recorded, None if recorded is None else LIBERO, **changes)


def quiet() -> np.ndarray:
    actions = np.zeros((FRAMES, 7))
    actions[:, :3] = [0.5, -0.3, 0.2] + 0.05 * np.random.default_rng(0).normal(size=(FRAMES, 3))
    actions[:, 6] = np.where(np.arange(FRAMES) < 50, -1, 1)
    return actions


def test_nothing_wrong_raises_nothing() -> None:
    difference = 0.1 * np.random.default_rng(1).normal(size=(FRAMES, 7)) * quiet().std(axis=0)
    events, _ = of_motion(motion(quiet(), difference=difference, uncertainty=np.full((FRAMES, 7), 1.0)), Settings())
    assert events == []


def test_a_stall_is_found_where_it_is_unless_the_task_is_done() -> None:
    actions = quiet()
    actions[60:, :6] = 0
    ((stall,), _) = of_motion(motion(actions, success=False), Settings())
    assert (stall.rule, stall.last) == ("stall", FRAMES - 1)
    assert abs(stall.first - 60) <= 5
    assert of_motion(motion(actions, success=True), Settings())[0] == []


def test_a_policy_that_is_never_certain_is_not_told_so_at_every_step() -> None:
    events, _ = of_motion(motion(quiet(), uncertainty=np.full((FRAMES, 7), 7.4)), Settings())
    assert not [one for one in events if one.rule == "uncertain"]


def test_oscillation_disagreement_and_uncertainty_are_found() -> None:
    actions = quiet()
    actions[20:80, :3] *= np.where(np.arange(60) // 2 % 2, 1, -1)[:, None]
    difference = np.zeros((FRAMES, 7))
    difference[70:90] = 3 * actions.std(axis=0)
    bits = np.full((FRAMES, 7), 1.0)
    bits[10:30, 2] = 6.0
    events, missing = of_motion(motion(actions, difference=difference, uncertainty=bits), Settings())
    found = {one.rule: (one.first, one.last) for one in events}
    assert found["far-from-recorded"] == (70, 89)
    assert found["uncertain"] == (10, 29)
    first, last = found["oscillation"]
    assert abs(first - 20) <= 20
    assert abs(last - 80) <= 20
    assert missing == []


def test_without_actions_it_is_said_what_was_not_assessed() -> None:
    events, missing = of_motion(motion(), Settings())
    assert events == []
    assert any("no actions were recorded" in text for text in missing)
    assert any("Predicted actions were not compared" in text for text in missing)
    assert motion().closed() == []


def test_stretches_of_a_closed_gripper_in_analysed_frames() -> None:
    actions = quiet()
    every_third = Motion(np.arange(0, FRAMES, 3), TIMES[::3], actions, LIBERO)
    assert every_third.closed() == [(17, 33)]


def test_confusion_in_time_and_the_site_where_it_is_strongest() -> None:
    curves = np.full((3, FRAMES), 0.1)
    curves[1:, 30:70] = [[0.7], [0.9]]
    curves[0, 20] = 0.9  # comes apart again at the deeper sites
    (found,) = confused((BOWL, PLATE), curves, SITES, TIMES, Settings())
    assert (found.first, found.last, found.site) == (30, 69, "vision.11")
    assert found.value == pytest.approx(0.9)
    assert confused((BOWL, PLATE), np.full((3, FRAMES), np.nan), SITES, TIMES, Settings()) == []
