"""Predicted actions: the policy's own, in the recording's convention, cached, and never compared with what means another thing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from command import Command
from fake_policy import FakePolicy, install
from takes import quick, write_take

from analyzer import recordings
from analyzer.actions import by_step, convention, entropy_bits, pack, unpack
from analyzer.features import FeatureRequest, extract, predicted
from analyzer.pipeline import run
from analyzer.render import RenderRequest, render
from analyzer.run_folder import RunFolder
from foundation.action_space import LIBERO, ActionSpace, unnamed
from foundation.errors import BadInput
from videos.catalog import open_episode

sys.path.append(str(Path(__file__).resolve().parents[1] / "policies"))
BRIDGE = ActionSpace(
    LIBERO.names,
    ("m", "m", "m", "rad", "rad", "rad", ""),
    kind="delta",
    gripper=6,
    gripper_open=1.0,
    gripper_closed=0.0,
)
FRAMES = 6


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> FakePolicy:
    return install(monkeypatch, FakePolicy(action_space=LIBERO, action_flops=1.0, bins=8))


def recording(folder: Path, frames: int = FRAMES, **fields: np.ndarray) -> Path:
    """An episode folder with an instruction and these arrays a step."""
    write_take(folder / "camera.mp4", frames)
    (folder / "meta.json").write_text(json.dumps({"instruction": "lift it", "length": frames}))
    np.savez(folder / "data.npz", **(fields or {"reward": np.zeros(frames)}))
    return folder


def recorded(frames: int = FRAMES) -> np.ndarray:
    return np.sin(np.arange(frames * 7.0).reshape(frames, 7))


def analyse(take: Path, out: str = "out", **settings: object) -> RunFolder:
    place = take.parent
    # Nothing is erased or attributed: what is counted here are the passes that predict.
    asked = quick(actions=True, erase_frames=0, attribution_frames=0, **settings)
    return run(recordings.find([take]), asked, place / out, cache=place / "cache")


# -- conventions -----------------------------------------------------------------------------------------------------


def test_metres_and_an_open_gripper_become_liberos() -> None:
    to_libero = convention(BRIDGE, LIBERO)
    assert to_libero.space == LIBERO
    assert to_libero.comparable.all()
    converted = to_libero(np.array([[0.05, 0.1, 0.0, 0.5, 0.0, -0.25, 1.0], [0, 0, 0, 0, 0, 0, 0.0]]))
    np.testing.assert_allclose(converted, [[1, 2, 0, 1, 0, -0.5, -1], [0, 0, 0, 0, 0, 0, 1]], atol=1e-12)
    assert any("opens with 1, the recording with -1" in note for note in to_libero.notes)


def test_there_and_back_is_the_same() -> None:
    actions = np.random.default_rng(0).normal(size=(5, 3, 7))
    np.testing.assert_allclose(convention(LIBERO, BRIDGE)(convention(BRIDGE, LIBERO)(actions)), actions, atol=1e-12)


def test_equal_spaces_change_nothing_and_need_no_words() -> None:
    same = convention(LIBERO, LIBERO)
    np.testing.assert_array_equal(same(recorded()), recorded())
    assert same.notes == ()


def test_another_order_of_dimensions_is_put_right() -> None:
    turned = ActionSpace(("b", "a"), ("m", "mm"), kind="delta")
    converted = convention(turned, ActionSpace(("a", "b"), ("m", "m"), kind="delta"))
    np.testing.assert_allclose(converted(np.array([[1.0, 2.0]])), [[0.002, 1.0]])


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (unnamed(14), "predicts 7 numbers, 14 were recorded"),
        (replace(LIBERO, kind="absolute"), "policy's are delta, the recorded ones absolute"),
        (replace(LIBERO, names=("j1", "j2", "j3", "j4", "j5", "j6", "gripper")), "recorded ones j1, j2"),
    ],
)
def test_what_contradicts_is_kept_apart_and_said(theirs: ActionSpace, why: str) -> None:
    kept = convention(LIBERO, theirs)
    assert kept.space == LIBERO
    assert not kept.comparable.any()
    assert why in kept.notes[0]


def test_a_gripper_of_unknown_convention_is_not_subtracted() -> None:
    silent = replace(LIBERO, gripper_open=None, gripper_closed=None)
    half = convention(LIBERO, silent)
    assert half.comparable.tolist() == [True] * 6 + [False]
    assert any("which value opens the gripper" in note for note in half.notes)


def test_metres_are_no_radians() -> None:
    half = convention(ActionSpace(("a",), ("m",), kind="delta"), ActionSpace(("a",), ("rad",), kind="delta"))
    assert not half.comparable.any()


def test_what_is_only_assumed_is_said() -> None:
    assert convention(unnamed(7), LIBERO).notes
    assert convention(unnamed(7), LIBERO).comparable.all()


def test_entropy_counts_the_bits() -> None:
    assert entropy_bits(np.full(256, 1 / 256)) == pytest.approx(8)
    assert entropy_bits(np.eye(4)[1]) == 0
    assert entropy_bits(np.array([[0.5, 0.5, 0, 0]])) == pytest.approx([1])


def test_packing_loses_nothing() -> None:
    chunks = np.random.default_rng(0).normal(size=(4, 5, 7))
    back = unpack(pack(chunks, np.full((4, 7, 16), 1 / 16)))
    np.testing.assert_array_equal(back.chunks, chunks)
    np.testing.assert_allclose(back.uncertainty, 4)
    assert np.isnan(unpack(pack(chunks, None)).uncertainty).all()
    with pytest.raises(BadInput, match="NaN or infinity"):
        pack(chunks * np.nan, None)


def test_the_first_frame_of_a_step_speaks_for_it() -> None:
    prediction = unpack(pack(np.arange(3.0)[:, None, None], None))
    table = by_step(prediction, convention(unnamed(1), None), [0, 0, 2], 4, None)
    np.testing.assert_array_equal(table.values[:, 0], [0, np.nan, 2, np.nan])
    assert np.isnan(table.difference).all()


# -- in a run --------------------------------------------------------------------------------------------------------


def test_recorded_predicted_difference_and_bits_stand_beside_each_other(policy: FakePolicy, tmp_path: Path) -> None:
    take = recording(tmp_path / "take", action=recorded(), action_names=np.array(LIBERO.names))
    folder = analyse(take, stride=2)
    actions = {kind: folder.actions("take", kind) for kind in ("recorded", "predicted", "difference", "uncertainty")}
    np.testing.assert_array_equal(actions["recorded"], recorded())
    seen = [0, 2, 4]
    for kind in ("predicted", "difference", "uncertainty"):
        values = actions[kind]
        assert values is not None
        assert values.shape == (FRAMES, 7)
        assert np.flatnonzero(~np.isnan(values).any(axis=1)).tolist() == seen
    np.testing.assert_allclose(actions["difference"][seen], actions["predicted"][seen] - recorded()[seen])
    np.testing.assert_allclose(actions["uncertainty"][seen], 3)
    table = parquet.read_table(folder.episode_folder("take") / "actions.parquet")
    assert table.column_names[0] == "step"
    assert table["predicted.dx"].null_count == 3
    assert folder.episode("take").predicted_space == LIBERO
    assert folder.action_chunks("take") is None
    with pytest.raises(BadInput, match="Did you mean 'predicted'"):
        folder.actions("take", "predictd")


def test_actions_and_features_share_a_pass(policy: FakePolicy, tmp_path: Path) -> None:
    take = recording(tmp_path / "take")
    analyse(take)
    assert policy.frames_seen == sum(policy.asked_to_act) == FRAMES
    analyse(take, "again")
    assert policy.frames_seen == FRAMES


def test_features_that_exist_are_not_computed_again_for_actions(policy: FakePolicy, tmp_path: Path) -> None:
    take = recording(tmp_path / "take")
    run(recordings.find([take]), quick(), tmp_path / "without", cache=tmp_path / "cache")
    policy.calls.clear()
    analyse(take)
    assert {sites for _, sites in policy.calls} == {()}
    assert sum(policy.asked_to_act) == FRAMES


@pytest.mark.parametrize("changed", [{"instruction": "drop it"}, {"seed": 3}])
def test_another_instruction_or_seed_is_another_prediction(
    policy: FakePolicy, tmp_path: Path, changed: dict[str, object]
) -> None:
    take = recording(tmp_path / "take")
    analyse(take)
    analyse(take, "other", **changed)
    assert sum(policy.asked_to_act) == 2 * FRAMES
    assert policy.calls[-1][1] == ()  # the features do not depend on it


def test_a_recording_without_actions_gets_predicted_ones_alone(policy: FakePolicy, tmp_path: Path) -> None:
    folder = analyse(recording(tmp_path / "take"))
    assert folder.actions("take") is None
    assert folder.actions("take", "difference") is None
    predicted_ones = folder.actions("take", "predicted")
    assert predicted_ones is not None
    assert predicted_ones.shape == (FRAMES, 7)
    record = folder.episode("take")
    assert (record.action_space, record.predicted_space) == (None, LIBERO)
    assert render(folder, "take", RenderRequest(sites=("vision.0",)), tmp_path / "out.png").exists()


def test_chunks_are_kept_whole(policy: FakePolicy, tmp_path: Path) -> None:
    policy.horizon, policy.bins = 4, None
    folder = analyse(recording(tmp_path / "take"))
    chunks = folder.action_chunks("take")
    assert chunks is not None
    assert chunks.shape == (FRAMES, 4, 7)
    np.testing.assert_array_equal(chunks[:, 0], folder.actions("take", "predicted"))
    np.testing.assert_allclose(np.diff(chunks, axis=1), 1)
    assert folder.actions("take", "uncertainty") is None


def test_the_state_of_every_step_reaches_the_policy(policy: FakePolicy, tmp_path: Path) -> None:
    states = np.arange(FRAMES * 2.0).reshape(FRAMES, 2)
    take = recording(tmp_path / "take", action=recorded(), state=states)
    without = analyse(take, "without").actions("take", "predicted")
    policy.state_size, policy.fingerprint = 2, "with a state"
    with_state = analyse(take, "with", stride=2).actions("take", "predicted")
    assert with_state is not None
    np.testing.assert_allclose((with_state - without)[::2, 0], states[::2, 0])


def test_a_stop_between_leaves_predictions_to_go_on_from(policy: FakePolicy, tmp_path: Path) -> None:
    take = recording(tmp_path / "take")
    whole = analyse(take, "whole").actions("take", "predicted")
    found = recordings.find([take])
    settings = quick(actions=True, batch=2, erase_frames=0, attribution_frames=0)

    def stop(asked: FakePolicy) -> None:
        if len(asked.calls) == 2:
            raise KeyboardInterrupt

    policy.calls.clear()
    policy.on_call = stop
    with pytest.raises(KeyboardInterrupt):
        run(found, settings, tmp_path / "out", cache=tmp_path / "other")
    policy.on_call = lambda asked: None
    policy.asked_to_act.clear()
    folder = run(found, settings, tmp_path / "out", cache=tmp_path / "other", resume=True)
    assert policy.asked_to_act == [2]
    np.testing.assert_array_equal(folder.actions("take", "predicted"), whole)


def test_through_several_cameras_the_first_one_acts(policy: FakePolicy, tiny_recording: Path, tmp_path: Path) -> None:
    episode = open_episode(tiny_recording)
    cameras = tuple(episode.cameras)
    both = FeatureRequest(cameras, (0, 1, 2), ("vision.0",), 2, actions=True)
    alone = replace(both, cameras=cameras[:1])
    features = extract(episode, policy, both, tmp_path / "cache")["vision.0"]
    extract(episode, policy, alone, tmp_path / "cache")
    first, second = (predicted(episode, policy, request, tmp_path / "cache") for request in (both, alone))
    np.testing.assert_array_equal(first.chunks, second.chunks)
    plain = extract(episode, policy, replace(both, actions=False), tmp_path / "plain")["vision.0"]
    np.testing.assert_array_equal(features.frames(0, 3), plain.frames(0, 3))


def test_a_real_policy_acts_from_its_tokens(tmp_path: Path) -> None:
    """The recorded OpenVLA checkpoint has no tokenizer: token ids take the place of words, which no cache can be keyed by."""
    from tiny import FAMILIES

    family = FAMILIES["openvla"]
    openvla = family.load(tmp_path / "model")
    frames = [np.random.default_rng(n).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8) for n in range(2)]
    output = openvla.run(frames, family.instruction, actions=True)
    assert output.actions is not None
    prediction = unpack(pack(output.actions, output.bin_probs))
    assert prediction.chunks.shape == (2, 1, 7)
    assert ((prediction.uncertainty >= 0) & (prediction.uncertainty <= 8)).all()


# -- what is refused -------------------------------------------------------------------------------------------------


def test_a_backbone_does_not_act(command: Command, tmp_path: Path) -> None:
    take = recording(tmp_path / "take")
    command.refuses(
        command.run(take, "--actions", "--input-size", "70"), 2, "does not act", "--policy openvla-tiny-libero"
    )


def test_an_instruction_that_was_not_recorded_can_be_given(
    policy: FakePolicy, command: Command, tmp_path: Path
) -> None:
    take = write_take(tmp_path / "take.mp4", FRAMES)
    command.refuses(command.run(take, "--actions"), 2, "no instruction was recorded", "--instruction TEXT")
    said = command.run(take, "--actions", "--instruction", "lift it")
    assert said.code == 0, said.err
    assert set(policy.instructions) == {"lift it"}
    record = RunFolder.open(tmp_path / "out").episode("take")
    assert record.instruction == "lift it"
    assert any("none was recorded" in note for note in record.notes)


def test_a_given_instruction_takes_the_place_of_the_recorded(policy: FakePolicy, tmp_path: Path) -> None:
    folder = analyse(recording(tmp_path / "take"), instruction="drop it")
    assert set(policy.instructions) == {"drop it"}
    assert any("recorded: 'lift it'" in note for note in folder.episode("take").notes)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ("no proprioception was recorded", "needs 3 numbers")),
        ({"action": recorded(), "state": np.zeros((FRAMES, 5))}, ("takes 3 numbers", "5 were recorded")),
    ],
)
def test_a_state_that_is_missing_or_does_not_fit_is_named(
    policy: FakePolicy, command: Command, tmp_path: Path, fields: dict[str, np.ndarray], told: tuple[str, ...]
) -> None:
    policy.state_size = 3
    command.refuses(command.run(recording(tmp_path / "take", **fields), "--actions"), 2, *told)
    assert policy.calls == []


def test_options_reach_the_policy_only_when_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[dict[str, object]] = []

    def load(name: str, **options: object) -> FakePolicy:
        asked.append(options)
        return FakePolicy()

    monkeypatch.setattr("policies.catalog.load_policy", load)
    found = recordings.find([write_take(tmp_path / "take.mp4", 2)])
    run(found, quick(), tmp_path / "plain", cache=tmp_path / "cache")
    run(found, quick(densify=2, unnorm_key="toy", recipe="libero"), tmp_path / "all", cache=tmp_path / "cache")
    assert set(asked[0]) == {"device", "dtype"}
    assert {name: asked[1][name] for name in ("densify", "unnorm_key", "recipe")} == {
        "densify": 2,
        "unnorm_key": "toy",
        "recipe": "libero",
    }


def test_a_render_shows_predicted_beside_recorded(policy: FakePolicy, tmp_path: Path) -> None:
    take = recording(tmp_path / "take", action=recorded(), action_names=np.array(LIBERO.names))
    without = run(recordings.find([take]), quick(), tmp_path / "plain", cache=tmp_path / "cache")
    pictures = [
        render(folder, "take", RenderRequest(sites=("vision.0",)), tmp_path / name).read_bytes()
        for folder, name in ((without, "a.png"), (analyse(take), "b.png"))
    ]
    assert pictures[0] != pictures[1]
