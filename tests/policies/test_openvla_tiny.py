"""The embedded policy acts: from the catalogue, on a bundled recording, for an instruction in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foundation.action_space import LIBERO
from policies.catalog import BUNDLED, load_policy
from policies.policy import Policy
from videos.catalog import find_episodes, open_episode

NAME = "openvla-tiny-libero"
FOLDER = BUNDLED / NAME
SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "libero_success"
OTHER = "pick up the black bowl on the wooden cabinet and place it on the plate"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(NAME)


@pytest.fixture(scope="module")
def recording() -> tuple[list[np.ndarray], str, np.ndarray]:
    """Pictures of a few steps, the instruction, the recorded actions."""
    (summary,) = find_episodes(SAMPLE)
    episode = open_episode(summary)
    steps = [0, 15, 60, 90]
    pictures = [frame.rgb[None] for frame in episode.cameras["agentview"].frames(steps)]
    assert episode.instruction is not None
    assert episode.actions is not None
    return pictures, episode.instruction, episode.actions[steps]


def test_it_is_small_and_complete() -> None:
    assert (FOLDER / "model.safetensors").stat().st_size <= 25_000_000
    names = {path.name for path in FOLDER.iterdir()}
    wanted = {"config.json", "preprocessor_config.json", "dataset_statistics.json", "tokenizer.json", "MODEL_CARD.md"}
    assert wanted <= names


def test_its_sites_are_those_of_openvla(policy: Policy) -> None:
    names = list(policy.sites)
    assert {"vision.dino.0", "vision.siglip.0", "vision.fused", "projector", "llm.0", "llm.1", "llm.norm"} <= set(names)
    assert all(site.grid == (16, 16) and not site.depends_on_instruction for site in policy.sites.values())


def test_it_acts_in_the_units_of_libero(policy: Policy, recording: tuple) -> None:
    pictures, instruction, _ = recording
    output = policy.run(pictures, instruction, sites=["llm.1"], actions=True)
    assert policy.action_space == LIBERO
    assert output.actions is not None
    assert output.bin_probs is not None
    assert output.actions.shape == (4, 1, 7)
    assert output.bin_probs.shape == (4, 7, 256)
    assert np.abs(output.actions[..., :6]).max() <= 1
    assert set(output.actions[..., 6].ravel()) <= {-1.0, 1.0}
    again = policy.run(pictures, instruction, sites=["llm.1"], actions=True)
    np.testing.assert_array_equal(output.actions, again.actions)
    assert (output.features["llm.1"] == again.features["llm.1"]).all()


def test_the_gripper_is_open_before_the_grasp_and_closed_while_it_carries(policy: Policy, recording: tuple) -> None:
    pictures, instruction, recorded = recording
    predicted = policy.run(pictures, instruction, actions=True).actions
    assert predicted is not None
    np.testing.assert_array_equal(predicted[:, 0, 6], recorded[:, 6])


def test_pictures_and_words_matter(policy: Policy, recording: tuple) -> None:
    pictures, instruction, _ = recording
    own = policy.run(pictures[:2], instruction, actions=True).actions
    black = policy.run([picture * 0 for picture in pictures[:2]], instruction, actions=True).actions
    other = policy.run(pictures[:2], OTHER, actions=True).actions
    assert own is not None
    assert (own[:, 0, :3] != black[:, 0, :3]).any(axis=1).all()
    assert (own[:, 0, :3] != other[:, 0, :3]).any(axis=1).all()


def test_any_words_can_be_said(policy: Policy, recording: tuple) -> None:
    output = policy.run(recording[0][:1], "Größe: 漢字, with {braces} and 🙂", actions=True)
    assert np.isfinite(output.actions).all()
