"""LLaVA against transformers' own forward pass, with its own packing of the crops."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import llava

from foundation.errors import BadInput, PolicyUnavailable
from policies.catalog import load_policy

FRAME = np.random.default_rng(4).integers(0, 256, (1, 90, 90, 3), dtype=np.uint8)


def test_layers_equal_the_models_own(tmp_path: Path) -> None:
    from transformers import LlavaForConditionalGeneration

    policy = llava(tmp_path, "Llava")
    model = LlavaForConditionalGeneration.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        output = model(
            input_ids=torch.tensor([[1] + [63] * 16 + [5, 6, 7]]),
            pixel_values=policy.transform.pixels(FRAME[0])[None],
            output_hidden_states=True,
        )
    features = policy.run([FRAME], sites=["projector", "llm.1", "llm.2", "llm.norm"]).features
    torch.testing.assert_close(
        features["projector"].flatten(0, 3), output.hidden_states[0][0, 1:17], atol=1e-5, rtol=1e-4
    )
    for site, state in {"llm.1": 1, "llm.2": 2, "llm.norm": 3}.items():
        torch.testing.assert_close(
            features[site].flatten(0, 3), output.hidden_states[state][0, 1:17], atol=1e-5, rtol=1e-4
        )


def test_crops_lie_where_the_models_own_packing_puts_them(tmp_path: Path) -> None:
    from transformers import LlavaNextForConditionalGeneration

    policy = llava(tmp_path, "LlavaNext", image_grid_pinpoints=[[56, 112], [112, 112]])
    model = LlavaNextForConditionalGeneration.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        output = model(
            input_ids=torch.tensor([[1] + [63] * (16 + 8 * 9) + [5, 6]]),
            pixel_values=policy._crops([FRAME]),  # type: ignore[attr-defined]
            image_sizes=torch.tensor([[90, 90]]),
            output_hidden_states=True,
        )
    sites = ["llm.0", "overview.llm.0", "llm.2", "overview.llm.2"]
    features = policy.run([FRAME], sites=sites).features
    for site in ("llm.0", "llm.2"):
        image = output.hidden_states[int(site[-1])][0, 1 : 1 + 16 + 72]
        overview, crops = image[:16], image[16:].unflatten(0, (8, 9))[:, :8]
        torch.testing.assert_close(features[f"overview.{site}"].flatten(0, 3), overview, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(features[site][0, 0], crops, atol=1e-5, rtol=1e-4)


def test_words_before_the_image_need_a_tokenizer(tmp_path: Path) -> None:
    llava(tmp_path, "Llava")
    with pytest.raises(PolicyUnavailable, match=r"tokenizer\.json"):
        load_policy(str(tmp_path))


def test_a_picture_grid_without_a_square_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyUnavailable, match="no square"):
        llava(tmp_path, "LlavaNext", image_grid_pinpoints=[[56, 112]])


def test_it_does_not_act(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no actions"):
        llava(tmp_path, "Llava").run([FRAME], actions=True)
