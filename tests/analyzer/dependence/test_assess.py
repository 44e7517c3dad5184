"""A policy whose true dependence is known: it must be found, in its size and its units, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import BOWL, COLOURS, GRID, PLACES, PLATE, Scene, channel_of, scene

from analyzer.dependence.assess import MOST_ERASED, assess, flops, work
from analyzer.dependence.record import Dependence, Effect, InstanceDependence
from analyzer.instances.instances import Instances
from analyzer.settings import Settings
from benchmarks.linear_policy import LinearPolicy, NoGradients
from foundation.action_space import unnamed

SETTINGS = Settings(erase_frames=4, attribution_frames=5)
RED, BLUE = 0, 2
ON_PLATE = (slice(2, 4), slice(1, 3))
ON_BOWL = (slice(5, 7), slice(5, 7))
"""The patches under each, of 16 x 20 pixels."""


@pytest.fixture(scope="module")
def sees_the_plate(tmp_path_factory: pytest.TempPathFactory) -> tuple[LinearPolicy, Scene]:
    """dx is the redness where the plate is, times 4; nothing else counts."""
    policy = LinearPolicy(channel_of(*ON_PLATE, RED, 0, 4.0))
    return policy, scene(tmp_path_factory.mktemp("plate"), policy)


def told(policy: object, it: Scene, settings: Settings = SETTINGS, **more: object) -> Dependence:
    return assess(it.episode, policy, it.request, it.found, it.cameras, settings, **more).record  # type: ignore[arg-type]


def of(record: Dependence, instance: int) -> InstanceDependence:
    return next(one for one in record.instances if one.instance == instance)


def effect(one: InstanceDependence, quantity: str) -> Effect:
    return next(effect for effect in one.effects if effect.quantity == quantity)


def test_the_known_dependence_is_found_in_its_size_and_unit(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    record = told(*sees_the_plate)
    plate, bowl = of(record, PLATE), of(record, BOWL)
    # Erased, the place is as red as the background around it: a known change of 4 x redness, 5 cm each.
    redness = sees_the_plate[1].background[PLACES[PLATE]][..., RED].mean()
    expected = 4 * (redness - COLOURS[PLATE][RED]) / 255 * 5
    assert plate.verdict == "acts on it"
    assert effect(plate, "dx").signed == pytest.approx(expected, rel=0.05)
    assert effect(plate, "translation").value == pytest.approx(-expected, rel=0.05)
    assert effect(plate, "translation").unit == "cm per step"
    assert effect(plate, "translation").control == pytest.approx(0, abs=0.02)
    assert plate.effects[0].quantity == "translation"
    assert bowl.verdict == "no more than background"
    assert effect(bowl, "translation").value == pytest.approx(0, abs=0.02)
    assert [one.instance for one in record.instances] == [PLATE, BOWL]  # nobody erases the arm
    for quantity in ("rotation", "gripper", "dy", "dyaw"):
        assert effect(plate, quantity).value == 0
        assert effect(plate, quantity).p == 1


def test_the_sentence_says_what_the_policy_acts_on(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    first, second = told(*sees_the_plate).sentences
    assert first.startswith("Erasing plate changes translation by ")
    assert "cm per step (an equal piece of background: " in first
    assert ": the policy acts on plate. " in first
    assert " The background is a mild control here: filling it in changes its pixels by " in first  # it is smooth
    assert second.startswith("A hint, from gradients alone: plate has ")


def test_figures_are_told_of_where_the_arm_goes_if_that_is_clear(tmp_path: Path) -> None:
    """It turns more clearly than it moves, and both are clear: the way is what is told. Where only it turns, the turn."""
    turning = channel_of(*ON_PLATE, RED, 3, 4.0)
    both = LinearPolicy(turning + channel_of(*ON_PLATE, RED, 0, 0.5))
    assert told(both, scene(tmp_path, both)).sentences[0].startswith("Erasing plate changes translation by ")
    only = LinearPolicy(turning)
    sentence = told(only, scene(tmp_path, only)).sentences[0]
    assert sentence.startswith("Erasing plate changes rotation by ")
    assert "° per step (" in sentence


def test_attribution_of_a_linear_policy_is_its_terms(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    assessed = assess(it.episode, policy, it.request, it.found, it.cameras, SETTINGS)
    record, values = assessed.record, assessed.attribution
    assert values is not None
    assert values.shape == (12, 1, *GRID, 7)
    assert values.dtype == np.float16
    assert record.attribution_frames == (1, 3, 6, 8, 10)
    assert record.attribution_site == "projector"
    known = np.isfinite(values).all(axis=(1, 2, 3, 4))
    assert np.flatnonzero(known).tolist() == list(record.attribution_frames)
    tokens = policy.run([next(iter(it.episode.cameras.values())).frames([1]).__next__().rgb[None]], sites=["projector"])
    terms = tokens.features["projector"][0, 0].numpy()[..., None] * policy.weights
    np.testing.assert_allclose(values[1, 0], terms.sum(axis=2), rtol=2e-3, atol=1e-6)
    # All of it lies on the plate's four patches, of which the plate covers all.
    assert of(record, PLATE).attribution == pytest.approx(1, abs=1e-3)
    assert of(record, PLATE).attribution_area == pytest.approx(4 / 64, abs=1e-3)
    assert of(record, BOWL).attribution == 0


def test_a_policy_that_ignores_the_picture_depends_on_nothing(tmp_path: Path) -> None:
    policy = LinearPolicy(np.zeros((*GRID, 3, 7)))
    it = scene(tmp_path, policy)
    assessed = assess(it.episode, policy, it.request, it.found, it.cameras, SETTINGS)
    assert assessed.attribution is not None
    assert not np.nan_to_num(assessed.attribution).any()
    assert {one.verdict for one in assessed.record.instances} == {"no more than background"}
    assert {one.attribution for one in assessed.record.instances} == {0}
    (only,) = assessed.record.sentences
    assert "no more than background, as far as these frames tell." in only


def test_a_policy_that_looks_at_the_background_alone_is_not_said_to_act_on_things(tmp_path: Path) -> None:
    """Attribution of what is nowhere near a thing is no thing's, and a control that hits it is as large."""
    weights = channel_of(slice(0, 8), slice(0, 8), BLUE, 1, 4.0)
    weights[ON_PLATE] = weights[ON_BOWL] = 0
    policy = LinearPolicy(weights)
    record = told(policy, scene(tmp_path, policy), replace(SETTINGS, erase_frames=6))
    assert {one.verdict for one in record.instances} == {"no more than background"}


def test_a_policy_that_acts_on_two_things_is_said_to(tmp_path: Path) -> None:
    policy = LinearPolicy(channel_of(*ON_PLATE, RED, 0, 4.0) + channel_of(*ON_BOWL, BLUE, 1, 4.0))
    record = told(policy, scene(tmp_path, policy))
    assert [one.verdict for one in record.instances] == ["acts on it", "acts on it"]
    named = ("the policy acts on plate and bowl.", "the policy acts on bowl and plate.")
    assert any(one in record.sentences[0] for one in named)
    assert effect(of(record, BOWL), "dy").value > 1
    assert effect(of(record, BOWL), "dx").value == pytest.approx(0, abs=0.02)


def test_a_policy_with_one_view_depends_on_the_first_camera_alone(tmp_path: Path) -> None:
    policy = LinearPolicy(channel_of(*ON_PLATE, RED, 0, 4.0))
    it = scene(tmp_path, policy)
    (camera,), (source,) = it.cameras, it.episode.cameras.values()
    second = replace(camera, name="wrist")
    things = [replace(one, id=one.id + 10, camera="wrist") for one in it.found.instances]
    maps = it.found.maps[camera.name]
    other = type(maps).compress([np.where(one > 0, one + 10, 0).astype(np.uint8) for one in maps])
    assessed = assess(
        replace(it.episode, cameras={camera.name: source, "wrist": source}),
        policy,
        replace(it.request, cameras=(camera.name, "wrist")),
        Instances((*it.found.instances, *things), {camera.name: maps, "wrist": other}),
        (camera, second),
        SETTINGS,
    )
    alone = assess(it.episode, policy, it.request, it.found, it.cameras, SETTINGS)
    assert assessed.attribution is not None
    assert alone.attribution is not None
    assert assessed.attribution.shape == (12, 2, *GRID, 7)
    np.testing.assert_array_equal(assessed.attribution[:, :1], alone.attribution)
    assert not assessed.attribution[list(alone.record.attribution_frames), 1].any()
    assert assessed.record == alone.record


def test_equal_input_gives_equal_records(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    assert told(*sees_the_plate) == told(*sees_the_plate)
    policy, it = sees_the_plate
    one, two = (
        assess(it.episode, policy, replace(it.request, batch=batch), it.found, it.cameras, SETTINGS) for batch in (1, 7)
    )
    assert one.record == two.record
    np.testing.assert_array_equal(one.attribution, two.attribution)


def test_work_is_what_progress_is_told_and_bounds_what_the_policy_is_asked(
    sees_the_plate: tuple[LinearPolicy, Scene],
) -> None:
    policy, it = sees_the_plate
    policy.asked.clear()
    steps: list[int] = []
    told(policy, it, progress=steps.append)
    assert sum(steps) == work(it.request, policy, SETTINGS) == 4 + 5
    assert sum(policy.asked) == 4 * (1 + 2 * (1 + 3))
    assert sum(policy.asked) * policy.action_flops < flops(it.request, policy, SETTINGS)
    assert flops(it.request, policy, replace(SETTINGS, erase_frames=0, attribution_frames=0)) == 0


def test_events_are_looked_at_first(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    assert told(*sees_the_plate).erased_frames == (1, 4, 7, 10)
    assert told(*sees_the_plate, prefer=(0, 8)).erased_frames == (0, 4, 8, 10)


# -- what cannot be told ----------------------------------------------------------------------------------------------


def test_a_policy_that_does_not_act_is_not_assessed(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    seeing = LinearPolicy(policy.weights, action_space=None)
    for asked, reason in [(None, "not at hand"), (seeing, "does not act")]:
        record = told(asked, it)
        assert record.instances == ()
        assert len(record.not_assessed) == 1
        assert reason in record.not_assessed[0]
    silent = replace(it, request=replace(it.request, actions=False))
    assert "--actions" in told(policy, silent).not_assessed[0]
    off = replace(SETTINGS, erase_frames=0, attribution_frames=0)
    assert "turned off" in told(policy, it, off).not_assessed[0]


def test_what_is_never_visible_is_not_assessed(tmp_path: Path) -> None:
    policy = LinearPolicy(channel_of(*ON_PLATE, RED, 0))
    record = told(policy, scene(tmp_path, policy, hidden=[BOWL]))
    bowl = of(record, BOWL)
    assert bowl.verdict == "not assessed"
    assert "not visible" in bowl.reason
    assert bowl.attribution is None
    assert of(record, PLATE).verdict == "acts on it"


def test_one_frame_is_too_few_to_tell_by(tmp_path: Path) -> None:
    policy = LinearPolicy(channel_of(*ON_PLATE, RED, 0))
    record = told(policy, scene(tmp_path, policy, frames=1))
    plate = of(record, PLATE)
    assert record.erased_frames == (0,)
    assert plate.verdict == "not assessed"
    assert plate.reason == "3 pieces of background at 1 frame are too few to tell by."
    assert effect(plate, "dx").value > 0  # the figures are told all the same
    assert not any("acts on" in sentence for sentence in record.sentences)


def test_without_objects_there_is_attribution_alone(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    assessed = assess(it.episode, policy, it.request, Instances(), it.cameras, SETTINGS)
    assert assessed.attribution is not None
    assert assessed.record.erased_frames == ()
    assert assessed.record.sentences == ()
    assert assessed.record.not_assessed == (
        "No object was found in a picture that the policy acts on, so nothing was erased.",
    )


def test_without_gradients_there_is_erasing_alone(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    closed = NoGradients(policy.weights)
    record = told(closed, it)
    assert of(record, PLATE).verdict == "acts on it"
    assert of(record, PLATE).attribution is None
    assert record.not_assessed == ("Attribution was not assessed: gradients of linear cannot be had.",)


def test_gradients_that_overflow_are_told(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    record = told(LinearPolicy(policy.weights * 1e9), it)
    assert record.attribution_site is None
    assert any("overflow" in sentence for sentence in record.not_assessed)


def test_a_thing_larger_than_the_free_background_has_no_control(tmp_path: Path) -> None:
    policy = LinearPolicy(channel_of(*ON_PLATE, RED, 0))
    it = scene(tmp_path, policy)
    camera = it.cameras[0].name
    maps = it.found.maps[camera]
    full = np.where(maps[0] == 0, BOWL, maps[0]).astype(np.uint8)
    full[:4] = 0
    crowded = replace(it.found, maps={camera: type(maps).compress([full] * len(maps))})
    record = told(policy, replace(it, found=crowded))
    assert of(record, PLATE).reason == "No piece of background of its size and shape was free to compare with."


def test_only_the_largest_are_erased(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    camera = it.cameras[0].name
    labels = it.found.maps[camera][0].copy()
    first = it.found.instances[0]
    many = []
    for n in range(MOST_ERASED):
        labels[0:4, 8 * n : 8 * n + 4] = 10 + n
        many.append(replace(first, id=10 + n, name=f"crumb {n}", area=(16,) * 12))
    found = Instances((*it.found.instances[:2], *many), {camera: type(it.found.maps[camera]).compress([labels] * 12)})
    record = told(policy, replace(it, found=found), replace(SETTINGS, erase_frames=2))
    assert record.not_assessed == ("The 8 largest of 10 objects were erased, the others were not assessed.",)
    assert [one.instance for one in record.instances if not one.effects] == [16, 17]


def test_actions_without_units_are_told_as_they_are(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    plain = told(LinearPolicy(policy.weights, action_space=unnamed(7)), it)
    plate = of(plain, PLATE)
    assert plate.effects[0].quantity == "action"
    assert plate.effects[0].unit == ""
    assert plain.sentences[0].startswith("Erasing plate changes the action by ")


def test_names_out_of_a_recording_reach_a_sentence_on_one_line(sees_the_plate: tuple[LinearPolicy, Scene]) -> None:
    policy, it = sees_the_plate
    named = replace(it.found.instances[0], name="plate\n\x1b[31m<script>alert(1)</script>")
    found = replace(it.found, instances=(named, *it.found.instances[1:]))
    sentence = told(policy, replace(it, found=found)).sentences[0]
    assert sentence.isprintable()
