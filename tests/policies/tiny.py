"""A small policy of every family, with random weights where no real ones are at hand."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from oft_checkpoint import GOLDEN, write_oft
from safetensors.torch import load_file, save_file

from policies.catalog import load_policy
from policies.policy import Policy

IDS = np.array([1, *range(40, 63)])
"""A prompt of usual length for the tiny vocabulary."""


@dataclass(frozen=True)
class Family:
    """How to get a small member, and what it takes."""

    load: Callable[[Path], Policy]
    """In an empty folder."""
    instruction: np.ndarray | None = None
    state: int | None = None
    """Numbers of proprioception."""
    acts: bool = False
    several_cameras: bool = False

    @property
    def takes_instruction(self) -> bool:
        return self.instruction is not None

    @property
    def takes_state(self) -> bool:
        return self.state is not None

    def other_instruction(self) -> np.ndarray | None:
        """Other words, as many: reordered ones would have the same mean, which is all that FiLM sees."""
        return None if self.instruction is None else np.where(self.instruction == 1, 1, self.instruction - 7)

    def states(self, batch: int) -> np.ndarray | None:
        if self.state is None:
            return None
        return np.linspace(-0.5, 0.5, self.state) + np.zeros((batch, 1))


def first_release(folder: Path) -> Policy:
    """The layout of OpenVLA v01: one tower (SigLIP, of the recorded checkpoint), two layers of projector, Vicuna's prompt."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, tensor in load_file(GOLDEN / "model.safetensors").items():
        if name.startswith("vision_backbone.fused_featurizer."):
            tensors[name.replace("fused_featurizer", "featurizer")] = tensor
        elif name.startswith("language_model."):
            tensors[name] = tensor
    width = tensors["vision_backbone.featurizer.patch_embed.proj.bias"].shape[0]
    for layer, inputs in (("fc1", width), ("fc2", 64)):
        tensors[f"projector.{layer}.weight"] = torch.randn(64, inputs, generator=generator) * 0.2
        tensors[f"projector.{layer}.bias"] = torch.zeros(64)
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((GOLDEN / "config.json").read_text())
    config |= {
        "arch_specifier": "no-align+gelu-mlp",
        "llm_backbone_id": "vicuna-v15-7b",
        "timm_model_ids": config["timm_model_ids"][1:],
        "timm_override_act_layers": [None],
        "use_fused_vision_backbone": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    prepared = json.loads((GOLDEN / "preprocessor_config.json").read_text())
    one = {
        name: value[1:] if isinstance(value, list) and len(value) == 2 else value for name, value in prepared.items()
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(one))
    return load_policy(str(folder))


def oft(folder: Path, *, film: bool) -> Policy:
    """The recorded OpenVLA checkpoint with the parts of OFT added to it."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int, scale: float = 0.2) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * scale

    model = {name: tensor.float() for name, tensor in load_file(GOLDEN / "model.safetensors").items()}
    tensors = {f"vla.{name}": tensor for name, tensor in model.items()}
    if film:
        tensors = {}
        for name, tensor in model.items():
            if name.startswith("vision_backbone."):
                name = f"vision_backbone.{name}"
                head, dot, tail = name.partition(".blocks.")
                if dot:
                    index, rest = tail.split(".", 1)
                    name = f"{head}.blocks.{index}.block.{rest}"
                    for part in ("scale", "shift"):
                        width = model[f"{head.removeprefix('vision_backbone.')}.patch_embed.proj.bias"].shape[0]
                        tensors[f"vla.{head}.blocks.{index}.{part}.weight"] = random(width, 64)
                        tensors[f"vla.{head}.blocks.{index}.{part}.bias"] = random(width)
            tensors[f"vla.{name}"] = tensor
    tensors |= {
        "head.model.layer_norm1.weight": torch.ones(448),
        "head.model.layer_norm1.bias": torch.zeros(448),
        "head.model.fc1.weight": random(64, 448),
        "head.model.fc1.bias": random(64),
        "head.model.mlp_resnet_blocks.0.ffn.0.weight": torch.ones(64),
        "head.model.mlp_resnet_blocks.0.ffn.0.bias": torch.zeros(64),
        "head.model.mlp_resnet_blocks.0.ffn.1.weight": random(64, 64),
        "head.model.mlp_resnet_blocks.0.ffn.1.bias": random(64),
        "head.model.layer_norm2.weight": torch.ones(64),
        "head.model.layer_norm2.bias": torch.zeros(64),
        "head.model.fc2.weight": random(7, 64),
        "head.model.fc2.bias": random(7),
        "prop.fc1.weight": random(64, 8),
        "prop.fc1.bias": random(64),
        "prop.fc2.weight": random(64, 64),
        "prop.fc2.bias": random(64),
    }
    config = json.loads((GOLDEN / "config.json").read_text())
    return load_policy(str(write_oft(folder / "oft", tensors, config)))


def pi0(folder: Path) -> Policy:
    """Two cameras, random weights, in LeRobot's configuration of features and statistics."""
    from transformers import PI0Config, PI0ForConditionalGeneration

    torch.manual_seed(0)
    text = {
        "model_type": "gemma", "hidden_size": 48, "num_hidden_layers": 3, "intermediate_size": 64,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 16, "vocab_size": 128, "bos_token_id": 1,
    }  # fmt: skip
    vision = {
        "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "patch_size": 14, "image_size": 112, "vision_use_head": False,
    }  # fmt: skip
    config = PI0Config(
        vlm_config={"model_type": "paligemma", "text_config": text, "vision_config": vision, "projection_dim": 48,
                    "image_token_id": 127},
        dit_config=text | {"hidden_size": 40}, chunk_size=5, num_inference_steps=3,
    )  # fmt: skip
    model = PI0ForConditionalGeneration(config)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.15)
    model.save_pretrained(folder)
    saved = json.loads((folder / "config.json").read_text())
    saved["input_features"] = {
        "observation.images.top": {"type": "VISUAL", "shape": [3, 224, 224]},
        "observation.images.wrist": {"type": "VISUAL", "shape": [3, 224, 224]},
        "observation.state": {"type": "STATE", "shape": [6]},
    }
    saved["output_features"] = {"action": {"type": "ACTION", "shape": [7]}}
    (folder / "config.json").write_text(json.dumps(saved))
    numbers = {"action.mean": torch.arange(7.0), "action.std": torch.full((7,), 2.0)}
    save_file(numbers, folder / "policy_postprocessor_step_0_unnormalizer_processor.safetensors")
    return load_policy(str(folder))


def backbone(folder: Path, config: str, model: str, **values: object) -> Policy:
    """A tiny model of transformers with random weights, saved and opened again."""
    import transformers

    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
    built = getattr(transformers, model)(getattr(transformers, config)(**sizes | values))
    for name, weight in built.named_parameters():
        if weight.ndim > 1 and "rel_pos" not in name:
            torch.nn.init.normal_(weight, std=0.15)
    built.save_pretrained(folder)
    return load_policy(str(folder))


def llava(folder: Path, kind: str, **values: object) -> Policy:
    """A tiny LLaVA without a tokenizer: nothing stands before the image but BOS."""
    import transformers

    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
    vision = sizes | {"model_type": "clip_vision_model", "image_size": 56, "patch_size": 14}
    text = sizes | {"model_type": "llama", "vocab_size": 64, "bos_token_id": 1}
    config = getattr(transformers, f"{kind}Config")(
        vision_config=vision, text_config=text, image_token_index=63, **values
    )
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.15) if weight.ndim > 1 else None
    model.save_pretrained(folder)
    return load_policy(str(folder), opening="")


FAMILIES = {
    "dinov2-small": Family(lambda folder: load_policy("dinov2-small", input_size=112)),
    "dinov2-small, twice as dense": Family(lambda folder: load_policy("dinov2-small", input_size=70, densify=2)),
    "openvla": Family(lambda folder: load_policy(str(GOLDEN)), IDS, acts=True),
    "openvla, first release": Family(first_release, IDS, acts=True),
    "openvla, trained": Family(lambda folder: load_policy("openvla-tiny-libero"), IDS, acts=True),
    "openvla-oft": Family(lambda folder: oft(folder, film=False), IDS, state=8, acts=True, several_cameras=True),
    "openvla-oft with FiLM": Family(
        lambda folder: oft(folder, film=True), IDS, state=8, acts=True, several_cameras=True
    ),
    "pi0": Family(pi0, IDS, state=6, acts=True, several_cameras=True),
    "dinov2": Family(lambda folder: backbone(folder, "Dinov2Config", "Dinov2Model", image_size=70, patch_size=56)),
    "dinov2 with registers": Family(
        lambda folder: backbone(
            folder, "Dinov2WithRegistersConfig", "Dinov2WithRegistersModel", image_size=448, patch_size=56
        )
    ),
    "dinov3": Family(
        lambda folder: backbone(folder, "DINOv3ViTConfig", "DINOv3ViTModel", patch_size=56, num_register_tokens=4)
    ),
    "clip": Family(
        lambda folder: backbone(folder, "CLIPVisionConfig", "CLIPVisionModel", image_size=98, patch_size=14)
    ),
    "siglip": Family(
        lambda folder: backbone(folder, "SiglipVisionConfig", "SiglipVisionModel", image_size=104, patch_size=14)
    ),
    "siglip2": Family(
        lambda folder: backbone(folder, "Siglip2VisionConfig", "Siglip2VisionModel", num_patches=49, patch_size=14)
    ),
    "llava": Family(lambda folder: llava(folder, "Llava")),
    "llava-next": Family(lambda folder: llava(folder, "LlavaNext", image_grid_pinpoints=[[56, 112], [112, 112]])),
    "sam": Family(
        lambda folder: backbone(
            folder,
            "SamVisionConfig",
            "SamVisionModel",
            output_channels=24,
            image_size=112,
            patch_size=16,
            global_attn_indexes=[1],
            window_size=3,
            mlp_dim=64,
        )
    ),
}
