"""OpenVLA against tensors recorded from the official implementation (tests/data/openvla_golden/README.md)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from foundation.errors import BadInput, PolicyUnavailable
from policies.catalog import load_policy
from policies.policy import Policy

GOLDEN = Path(__file__).parents[1] / "data" / "openvla_golden"
TOLERANCE = 5e-5
HALF = 2.0**-11
"""Relative rounding of a tensor that was recorded in float16."""


@pytest.fixture(scope="module")
def recorded() -> dict[str, torch.Tensor]:
    return load_file(GOLDEN / "recorded.safetensors")


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(str(GOLDEN), dtype="float32")


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    return np.asarray(Image.open(GOLDEN / "frame.png").convert("RGB"))[None]


def recorded_as(site: str) -> str:
    """Our name of a stage -> the recording's."""
    for ours, theirs in {
        "vision.dino.": "dino.block.",
        "vision.siglip.": "siglip.block.",
        "llm.norm": "hidden.3",
    }.items():
        site = site.replace(ours, theirs)
    return site.replace("llm.", "hidden.")


def test_every_stage_is_as_recorded(policy: Policy, frame: np.ndarray, recorded: dict[str, torch.Tensor]) -> None:
    # `vision.fused` is its towers side by side; the last raw layer was recorded only behind the norm, as `llm.norm`.
    sites = [site for site in policy.sites if site not in ("vision.fused", "llm.3")]
    features = policy.run([frame], recorded["ids"].numpy(), sites=sites).features
    for site in sites:
        expected = recorded[recorded_as(site)]
        image = expected[1:257] if len(expected) == 270 else expected
        rounding = image.float().abs() * HALF if expected.dtype == torch.float16 else 0
        error = (features[site][0, 0].flatten(0, 1) - image.float()).abs() - rounding
        assert error.max() <= TOLERANCE, site


def test_the_towers_stand_side_by_side(policy: Policy, frame: np.ndarray) -> None:
    features = policy.run([frame], sites=["vision.dino.2", "vision.siglip.2", "vision.fused"]).features
    assert torch.equal(
        features["vision.fused"], torch.cat([features["vision.dino.2"], features["vision.siglip.2"]], dim=-1)
    )


def test_tokens_and_action_are_as_recorded(
    policy: Policy, frame: np.ndarray, recorded: dict[str, torch.Tensor]
) -> None:
    output = policy.run([frame], recorded["ids"].numpy(), actions=True)
    assert output.actions is not None
    assert output.bin_probs is not None
    assert np.array_equal(output.actions[0, 0], recorded["action"].numpy())
    assert np.array_equal(319 - output.bin_probs[0].argmax(-1), recorded["tokens"].numpy())
    assert output.bin_probs.shape == (1, 7, 256)
    assert output.bin_probs.sum(-1) == pytest.approx(1)


def test_the_action_depends_on_the_picture_and_on_the_instruction(
    policy: Policy, frame: np.ndarray, recorded: dict[str, torch.Tensor]
) -> None:
    ids = recorded["ids"].numpy()
    others = ids[[0, *range(len(ids) - 1, 0, -1)]]
    seen = policy.run([frame, np.zeros_like(frame)], ids, actions=True)
    asked = policy.run([frame], others, actions=True)
    assert seen.actions is not None
    assert asked.actions is not None
    assert not np.array_equal(seen.actions[0], seen.actions[1])
    assert not np.array_equal(seen.actions[0], asked.actions[0])


def test_image_tokens_do_not_depend_on_the_instruction(
    policy: Policy, frame: np.ndarray, recorded: dict[str, torch.Tensor]
) -> None:
    """Difference exactly 0, whether an action is predicted or not."""
    ids = recorded["ids"].numpy()
    runs = [
        policy.run([frame], None, sites=list(policy.sites)),
        policy.run([frame], ids, sites=list(policy.sites), actions=True),
        policy.run([frame], ids[[0, *range(len(ids) - 1, 0, -1)]], sites=list(policy.sites), actions=True),
    ]
    for site, listed in policy.sites.items():
        assert not listed.depends_on_instruction
        assert torch.equal(runs[0].features[site], runs[1].features[site])
        assert torch.equal(runs[1].features[site], runs[2].features[site])


def test_a_batch_of_actions_equals_single_actions(
    policy: Policy, frame: np.ndarray, recorded: dict[str, torch.Tensor]
) -> None:
    frames = [frame, 255 - frame, frame[:, :90]]
    together = policy.run(frames, recorded["ids"].numpy(), actions=True)
    assert together.bin_probs is not None
    for index, picture in enumerate(frames):
        alone = policy.run([picture], recorded["ids"].numpy(), actions=True)
        assert alone.bin_probs is not None
        np.testing.assert_allclose(together.bin_probs[index], alone.bin_probs[0], atol=1e-5)


def test_only_what_is_needed_is_read(frame: np.ndarray) -> None:
    policy = load_policy(str(GOLDEN))
    policy.run([frame], sites=["vision.dino.1"])
    filled = {name for name, tensor in policy._network.named_parameters() if not tensor.is_meta}  # type: ignore[attr-defined]
    assert filled
    assert all(name.startswith("vision_backbone.featurizer.") for name in filled)
    assert not any(".blocks.2." in name for name in filled)


def test_a_small_checkpoint_runs_in_float32_unless_told(frame: np.ndarray) -> None:
    assert load_policy(str(GOLDEN)).run([frame], sites=["projector"]).features["projector"].dtype == torch.float32
    bfloat16 = load_policy(str(GOLDEN), dtype="bfloat16")
    assert bfloat16.run([frame], sites=["projector"]).features["projector"].dtype == torch.bfloat16


def test_weights_in_their_own_type_stay_in_the_file(frame: np.ndarray) -> None:
    """The parameter is the memory map: nothing was copied."""
    policy = load_policy(str(GOLDEN), dtype="bfloat16")
    policy.run([frame], sites=["projector"])
    network = policy._network  # type: ignore[attr-defined]
    assert network.projector.fc1.weight.data_ptr() == network.checkpoint.tensor("projector.fc1.weight").data_ptr()


@pytest.mark.parametrize("sites", [["vision.dino.1"], ["vision.siglip.0"], ["projector"], ["llm.2"], ["llm.norm"]])
def test_the_memory_of_weights_is_foreseen(frame: np.ndarray, sites: list[str]) -> None:
    """In another type than the file's they are copied, as deep as a run goes; in its own type none is."""
    policy = load_policy(str(GOLDEN), dtype="float32")
    foreseen = policy.weight_bytes(sites, actions=False)
    policy.run([frame], sites=sites)
    network = policy._network  # type: ignore[attr-defined]
    assert foreseen == sum(weight.nbytes for weight in network.parameters() if not weight.is_meta)
    assert load_policy(str(GOLDEN), dtype="bfloat16").weight_bytes(sites, actions=True) == 0


def test_actions_need_an_instruction_and_tokens_in_range(policy: Policy, frame: np.ndarray) -> None:
    with pytest.raises(BadInput, match="none was given"):
        policy.run([frame], None, actions=True)
    with pytest.raises(BadInput, match=r"0 … 383"):
        policy.run([frame], np.array([1, 384]), actions=True)
    with pytest.raises(BadInput, match="1-D array of integers"):
        policy.run([frame], np.array([1.0, 2.0]), actions=True)
    with pytest.raises(PolicyUnavailable, match=r"tokenizer\.json"):
        policy.run([frame], "pick up the bowl", actions=True)
