"""pi0 against transformers' own sampling, and the names under which LeRobot saves it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import IDS, pi0

from foundation.errors import BadInput, PolicyUnavailable
from policies.catalog import load_policy
from policies.padding import FitCentred
from policies.transform import Normalisation, StepTransform, patches_inside

FRAME = np.random.default_rng(2).integers(0, 256, (2, 60, 80, 3), dtype=np.uint8)


def test_actions_equal_the_sampling_of_transformers(tmp_path: Path) -> None:
    """Same noise, same inputs: its processor's layout of tokens, images first."""
    from transformers import PI0ForConditionalGeneration

    policy = pi0(tmp_path)
    state = np.linspace(-1, 1, 6)[None]
    actions = policy.run([FRAME], IDS, actions=True, state=state, seed=3).actions
    model = PI0ForConditionalGeneration.from_pretrained(tmp_path).eval()
    pixels = torch.stack([policy.transform.pixels(view) for view in FRAME])[None]
    ids = torch.tensor([[127] * 128 + IDS.tolist()])
    expected = model.sample_actions(
        state=torch.nn.functional.pad(torch.tensor(state, dtype=torch.float32), (0, 26)),
        input_ids=ids,
        pixel_values=pixels,
        noise=torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(3)),
        attention_mask=torch.ones_like(ids),
        pixel_attention_mask=torch.ones(1, 2, dtype=torch.bool),
    )[0, :, :7]
    assert actions is not None
    np.testing.assert_allclose(actions[0], expected.numpy() * 2.0 + np.arange(7), atol=1e-4)


def test_the_noise_is_that_of_the_seed(tmp_path: Path) -> None:
    policy = pi0(tmp_path)
    one, same, other = (
        policy.run([FRAME, FRAME], IDS, actions=True, state=np.zeros((2, 6)), seed=seed).actions for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)  # type: ignore[arg-type]
    assert not np.allclose(one, other)  # type: ignore[arg-type]
    np.testing.assert_allclose(one[0], one[1], atol=1e-5)  # type: ignore[index]


def test_lerobots_names_load_as_well(tmp_path: Path) -> None:
    policy = pi0(tmp_path)
    sites = ["vision.siglip.2", "llm.3"]
    expected = policy.run([FRAME], IDS, sites=sites, actions=True, state=np.zeros((1, 6)))
    theirs = {}
    for name, tensor in load_file(tmp_path / "model.safetensors").items():
        name = name.replace("language_model.model.", "language_model.")
        name = name.replace("vision_tower.", "vision_tower.vision_model.")
        name = name.replace("paligemma.model.language_model.embed_tokens", "paligemma.lm_head")
        theirs[f"model.{name}"] = tensor.clone()
    assert "model.paligemma_with_expert.paligemma.lm_head.weight" in theirs
    save_file(theirs, tmp_path / "model.safetensors", metadata={"format": "pt"})
    output = load_policy(str(tmp_path)).run([FRAME], IDS, sites=sites, actions=True, state=np.zeros((1, 6)))
    for site in sites:
        assert torch.equal(output.features[site], expected.features[site])
    assert np.array_equal(output.actions, expected.actions)  # type: ignore[arg-type]


def test_a_missing_tensor_is_never_made_up(tmp_path: Path) -> None:
    pi0(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["action_out_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PolicyUnavailable, match=r"1 missing .*action_out_proj"):
        load_policy(str(tmp_path)).run([FRAME], sites=["vision.siglip.0"])


@pytest.mark.parametrize("kind", ["pi05", "pi0_fast"])
def test_its_relatives_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    pi0(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": kind}))
    with pytest.raises(PolicyUnavailable, match=f"'{kind}'.*pi0 alone"):
        load_policy(str(tmp_path))


def test_actions_without_statistics_are_refused(tmp_path: Path) -> None:
    pi0(tmp_path)
    next(tmp_path.glob("*normalizer*")).unlink()
    with pytest.raises(BadInput, match="no units"):
        load_policy(str(tmp_path)).run([FRAME], IDS, actions=True, state=np.zeros((1, 6)))


def test_padding_is_centred_and_known() -> None:
    transform = StepTransform((FitCentred(112, 112),), (Normalisation((0, 0, 0), (1, 1, 1)),))
    pixels = transform.pixels(np.full((50, 100, 3), 255, np.uint8))
    assert pixels[0, :28].max() == 0
    assert pixels[0, 28:84].min() == 1
    assert pixels[0, 84:].max() == 0
    assert transform.to_recording(50, 100)[:2, 2].tolist() == [0, -25]
    inside = patches_inside(transform, (8, 8), 50, 100)
    assert inside[2:6].all()
    assert not inside[:2].any()
    assert not inside[6:].any()
