"""Backbones against the hidden states that transformers itself reports."""

import json
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny import FAMILIES, backbone

from foundation.errors import BadInput, PolicyUnavailable
from policies.catalog import load_policy
from policies.policy import Policy
from policies.transform import patch_corners

FRAME = np.random.default_rng(4).integers(0, 256, (1, 50, 64, 3), dtype=np.uint8)
MODELS = {
    "dinov2": ("Dinov2Model", 1),
    "dinov2 with registers": ("Dinov2WithRegistersModel", 5),
    "dinov3": ("DINOv3ViTModel", 5),
    "clip": ("CLIPVisionModel", 1),
    "siglip": ("SiglipVisionModel", 0),
    "sam": ("SamVisionModel", 0),
}


@pytest.mark.parametrize("family", MODELS)
def test_blocks_are_the_hidden_states_of_transformers(tmp_path: Path, family: str) -> None:
    import transformers

    policy = FAMILIES[family].load(tmp_path)
    name, prefix = MODELS[family]
    model = getattr(transformers, name).from_pretrained(tmp_path).eval()
    pixels = policy.transform.pixels(FRAME[0])[None]
    with torch.inference_mode():
        states = model(pixels, output_hidden_states=True).hidden_states
    features = policy.run([FRAME], sites=[f"vision.{block}" for block in range(3)]).features
    for block in range(3):
        expected = states[block + 1]
        tokens = expected if expected.ndim == 4 else expected[:, prefix:].unflatten(1, policy.sites["vision.0"].grid)
        torch.testing.assert_close(features[f"vision.{block}"][0], tokens, atol=1e-5, rtol=1e-5)


def test_siglip_2_cuts_patches_as_its_own_processor_does(tmp_path: Path) -> None:
    """Row by row, and inside a patch row, column, channel."""
    policy = FAMILIES["siglip2"].load(tmp_path)
    from transformers import Siglip2VisionModel

    model = Siglip2VisionModel.from_pretrained(tmp_path).eval()
    pixels = policy.transform.pixels(FRAME[0]).permute(1, 2, 0)
    patches = torch.stack(
        [pixels[14 * r : 14 * r + 14, 14 * c : 14 * c + 14].reshape(-1) for r in range(7) for c in range(7)]
    )[None]
    with torch.inference_mode():
        states = model(
            pixel_values=patches,
            pixel_attention_mask=torch.ones(1, 49, dtype=torch.int32),
            spatial_shapes=torch.tensor([[7, 7]]),
            output_hidden_states=True,
        ).hidden_states
    features = policy.run([FRAME], sites=["vision.2"]).features["vision.2"]
    torch.testing.assert_close(features[0, 0].flatten(0, 1), states[3][0], atol=1e-5, rtol=1e-5)


def clip_of_two_halves(folder: Path) -> Policy:
    from transformers import CLIPConfig, CLIPModel

    tower = {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "image_size": 56, "patch_size": 14,
    }  # fmt: skip
    text = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "intermediate_size": 32,
        "vocab_size": 50,
    }
    CLIPModel(CLIPConfig(vision_config=tower, text_config=text)).save_pretrained(folder)
    return load_policy(str(folder))


def test_the_vision_half_of_a_whole_model_is_taken(tmp_path: Path) -> None:
    policy = clip_of_two_halves(tmp_path)
    assert policy.run([FRAME], sites=["vision.1"]).features["vision.1"].shape == (1, 1, 4, 4, 48)


def test_a_tensor_of_nothing_known_is_refused(tmp_path: Path) -> None:
    clip_of_two_halves(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file(tensors | {"surprise.weight": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PolicyUnavailable, match=r"1 not known .*surprise"):
        load_policy(str(tmp_path)).run([FRAME], sites=["vision.0"])


def test_positions_are_resampled_on_request(tmp_path: Path) -> None:
    clip_of_two_halves(tmp_path)
    policy = load_policy(str(tmp_path), input_size=112)
    assert policy.run([FRAME], sites=["vision.0"]).features["vision.0"].shape == (1, 1, 8, 8, 48)
    with pytest.raises(BadInput, match="multiples of 14"):
        load_policy(str(tmp_path), input_size=100)


def test_sam_takes_one_size_alone(tmp_path: Path) -> None:
    FAMILIES["sam"].load(tmp_path)
    with pytest.raises(BadInput, match="112 alone"):
        load_policy(str(tmp_path), input_size=224)


def test_pixels_that_no_patch_covers_are_outside_the_grid(tmp_path: Path) -> None:
    """SigLIP at 104 pixels has 7 patches of 14 and 6 pixels nobody looks at."""
    policy = FAMILIES["siglip"].load(tmp_path)
    assert policy.transform.size == (98, 98)
    corners = patch_corners(policy.transform, policy.sites["vision.0"].grid, 208, 104)
    assert corners[-1, -1].tolist() == [98, 196]


def test_the_checkpoints_own_constants_are_used(tmp_path: Path) -> None:
    backbone(tmp_path, "Dinov2Config", "Dinov2Model", patch_size=56)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}))
    white = np.full((1, 8, 8, 3), 255, np.uint8)
    assert load_policy(str(tmp_path)).transform.pixels(white[0]).eq(1).all()
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": 3}))
    with pytest.raises(PolicyUnavailable, match="preprocessor_config"):
        load_policy(str(tmp_path))


def test_torchvision_and_timm_are_not_there() -> None:
    """Else these tests would not show that they are not needed."""
    assert "torchvision" not in sys.modules
    with pytest.raises(ImportError):
        __import__("torchvision")
    with pytest.raises(ImportError):
        __import__("timm")


def test_loading_says_nothing_and_leaves_the_librarys_voice_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A run draws a progress bar of its own, and what is wrong is an error."""
    policy = FAMILIES["clip"].load(tmp_path)
    capfd.readouterr()
    voice = logging.getLogger("transformers").level
    policy.run([np.zeros((1, 9, 9, 3), np.uint8)], sites=["vision.0"])
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("transformers").level == voice
    assert transformers.utils.logging.is_progress_bar_enabled()
