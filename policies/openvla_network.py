"""The network of OpenVLA and its family, under the checkpoint's own parameter names.

Two vision towers, their features side by side, a projector, Llama (Kim et al. 2024; Karamcheti et al. 2024,
"Prismatic VLMs"). Built on the meta device: a module costs nothing until it is filled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from foundation.errors import PolicyUnavailable, quoted
from policies.checkpoint import Checkpoint
from policies.policy import FeatureSite
from policies.vit import VisionTransformer, VitShape

HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1152: 16, 1280: 16, 1408: 16, 1536: 24}
"""Attention heads by width, of the published towers. Checkpoints do not say: the number is timm's, by model id."""
TINY_HEADS = 4
"""Of towers narrower than any published one: the recorded references."""
UNUSED = (
    r".*featurizer\.norm\.(weight|bias)",
    r".*featurizer\.attn_pool\..*",
    r".*rotary_emb\.inv_freq",
)
"""Known to be in such files and not needed: norms and pooling behind the last block, and a buffer that is computed."""


@dataclass(frozen=True)
class Tower:
    """One vision tower of the checkpoint."""

    site: str
    """Its features are `vision.{site}.{block}`."""
    key: str
    """Its parameters are `{key}.…` of the vision backbone."""
    shape: VitShape

    @property
    def used_block(self) -> int:
        """The policy goes on from the second-to-last block."""
        return self.shape.depth - 2

    def blocks(self, sites: Sequence[str]) -> set[int]:
        """Blocks of this tower that are among `sites`."""
        stem = f"vision.{self.site}."
        return {int(site.removeprefix(stem)) for site in sites if site.startswith(stem)}


def towers(checkpoint: Checkpoint, config: Mapping[str, Any]) -> tuple[Tower, ...]:
    """The towers, their sizes read off the tensors."""
    ids = [str(name) for name in config.get("timm_model_ids", [])]
    overrides = config.get("timm_override_act_layers") or []
    if any(overrides):
        raise PolicyUnavailable(
            f"This checkpoint overrides the activation of its vision tower ({quoted(overrides)}); "
            "only towers with their own GELU are supported."
        )
    keys = ["featurizer", "fused_featurizer"] if config.get("use_fused_vision_backbone") else ["featurizer"]
    if len(ids) != len(keys):
        raise PolicyUnavailable(f"config.json names {len(ids)} vision towers {quoted(ids)}; {len(keys)} are needed.")
    kinds = ["dino" if "dino" in name else "siglip" if "siglip" in name else "tower" for name in ids]
    return tuple(
        Tower(kind, key, _tower_shape(checkpoint, f"vision_backbone.{key}", registered=name))
        for kind, key, name in zip(kinds, keys, ids, strict=True)
    )


def _tower_shape(checkpoint: Checkpoint, key: str, registered: str) -> VitShape:
    dim, _, patch, _ = checkpoint.shape(f"{key}.patch_embed.proj.weight")
    if dim not in HEADS and dim > min(HEADS):
        raise PolicyUnavailable(f"The vision tower {quoted(registered)} is {dim} wide; known widths: {sorted(HEADS)}.")
    blocks = {
        name.removeprefix(f"{key}.blocks.").split(".")[0]
        for name in checkpoint.tensors
        if name.startswith(f"{key}.blocks.")
    }
    if blocks != {str(index) for index in range(len(blocks))} or len(blocks) < 2:
        raise PolicyUnavailable(f"The blocks of the vision tower {quoted(registered)} are not numbered 0, 1, 2 …")
    # FiLM wraps each block once more; below the wrapper the names are the same.
    block = f"{key}.blocks.0.block" if f"{key}.blocks.0.block.norm1.weight" in checkpoint.tensors else f"{key}.blocks.0"
    positions = checkpoint.shape(f"{key}.pos_embed")[1]
    class_token = f"{key}.cls_token" in checkpoint.tensors
    registers = checkpoint.shape(f"{key}.reg_token")[1] if f"{key}.reg_token" in checkpoint.tensors else 0
    class_position = class_token and round(positions**0.5) ** 2 != positions
    rows = round((positions - int(class_position)) ** 0.5)
    return VitShape(
        dim=dim,
        depth=len(blocks),
        heads=HEADS.get(dim, TINY_HEADS),
        mlp=checkpoint.shape(f"{block}.mlp.fc1.weight")[0],
        patch=patch,
        grid=(rows, rows),
        class_token=class_token,
        registers=registers,
        class_position=class_position,
        layer_scale=f"{block}.ls1.scale_factor" in checkpoint.tensors,
        film=checkpoint.shape(f"{key}.blocks.0.scale.weight")[1] if block.endswith(".block") else None,
    )


class Projector(nn.Module):
    """Vision features to the width of the language model: two layers behind one tower, three behind two."""

    def __init__(self, vision_dim: int, language_dim: int, *, fused: bool) -> None:
        super().__init__()
        hidden = 4 * vision_dim if fused else language_dim
        self.fc1 = nn.Linear(vision_dim, hidden)
        self.fc2 = nn.Linear(hidden, language_dim)
        if fused:
            self.fc3 = nn.Linear(language_dim, language_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.fc2(F.gelu(self.fc1(x)))
        return self.fc3(F.gelu(x)) if hasattr(self, "fc3") else x

    def flops(self, patches: int) -> float:
        return float(
            sum(2 * patches * layer.weight.numel() for layer in self.children() if isinstance(layer, nn.Linear))
        )


class OpenVlaNetwork(nn.Module):
    """Towers, projector and language model, on meta until `ready` fills them."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        config: Mapping[str, Any],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        from transformers.models.llama.modeling_llama import LlamaForCausalLM

        super().__init__()
        self.checkpoint = checkpoint
        self.device = device
        self.dtype = dtype
        self.towers = towers(checkpoint, config)
        text = llama_config(config)
        checkpoint.check_layers(text.num_hidden_layers)
        with torch.device("meta"):
            self.vision_backbone = nn.ModuleDict({tower.key: VisionTransformer(tower.shape) for tower in self.towers})
            self.projector = Projector(
                sum(tower.shape.dim for tower in self.towers), text.hidden_size, fused=len(self.towers) > 1
            )
            self.language_model = LlamaForCausalLM(text)
        self.requires_grad_(False).eval()

    @property
    def text(self) -> Any:
        """The LlamaConfig."""
        return self.language_model.config

    def check(self) -> None:
        """Raise PolicyUnavailable unless the file has exactly these tensors, and those that are known to be idle."""
        from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

        self.checkpoint.check(self.state_dict(), UNUSED)
        # Its frequencies are computed, not stored: meta would leave them empty. Only now are its sizes known to be true.
        self.language_model.model.rotary_emb = LlamaRotaryEmbedding(config=self.text).to(self.device)

    def ready(self, name: str, *, skip: str | None = None) -> nn.Module:
        """The submodule `name`, filled from the file if it was not yet."""
        module = self.get_submodule(name)
        self.checkpoint.fill(module, f"{name}.", self.device, self.dtype, skip=skip)
        return module

    def look(
        self, pixels: torch.Tensor, sites: Sequence[str], *, deep: bool, condition: torch.Tensor | None = None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
        """The towers and the projector.

        Args:
            pixels: [N, 3 a tower, H, W].
            sites: of the policy; those of the language model only say that its input is wanted.
            deep: the language model's input is wanted in any case.
            condition: [N, C] for towers with FiLM.

        Returns:
            features by site, [N, patches, C] each, perhaps more than was asked; and the language model's image tokens
            if they are wanted.
        """
        language = deep or any(site.startswith("llm.") for site in sites)
        fused = language or "vision.fused" in sites or "projector" in sites
        features: dict[str, torch.Tensor] = {}
        last = []
        for index, tower in enumerate(self.towers):
            blocks = tower.blocks(sites)
            view = pixels[:, 3 * index : 3 * index + 3]
            tokens = self._run_tower(tower, view, blocks | ({tower.used_block} if fused else set()), condition)
            features |= {f"vision.{tower.site}.{block}": tokens[block].flatten(1, 2) for block in blocks}
            last += [tokens[tower.used_block].flatten(1, 2)] if fused else []
        if not fused:
            return features, None
        features["vision.fused"] = torch.cat(last, dim=-1)
        if not language and "projector" not in sites:
            return features, None
        features["projector"] = features["llm.0"] = self.ready("projector")(features["vision.fused"])
        return features, features["projector"] if language else None

    def _run_tower(
        self, tower: Tower, pixels: torch.Tensor, blocks: Collection[int], condition: torch.Tensor | None
    ) -> dict[int, torch.Tensor]:
        """[N, 3, H, W] -> block -> [N, rows, cols, dim], filling no more than is used."""
        if not blocks:
            return {}
        key = f"vision_backbone.{tower.key}"
        module = self.ready(key, skip="blocks")
        for index in range(max(blocks) + 1):
            self.ready(f"{key}.blocks.{index}")
        return module(pixels, blocks, condition)

    def ready_language(self, sites: Sequence[str], *, actions: bool) -> None:
        """Of the language model what is needed to get to `sites`, or to an action."""
        for name in self._language(sites, actions=actions):
            self.ready(name)

    def _language(self, sites: Sequence[str], *, actions: bool) -> list[str]:
        """Names of those submodules: the embedding, so many layers, and for the whole also the norm and the output."""
        stem, wanted = "language_model.model.", set(llm_layers(sites).values())
        if actions or "norm" in wanted:
            layers, end = self.text.num_hidden_layers, [f"{stem}norm", "language_model.lm_head"]
        else:
            layers, end = max((int(name.removeprefix("layers.")) + 1 for name in wanted), default=0), []
        return [f"{stem}embed_tokens", *(f"{stem}layers.{index}" for index in range(layers)), *end] if layers else []

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        """See `Policy.weight_bytes`."""
        fused = actions or any(not site.startswith("vision.") or site == "vision.fused" for site in sites)
        needed = [f"{name}." for name in self._language(sites, actions=actions)] + (["projector."] if fused else [])
        for tower in self.towers:
            blocks, stem = tower.blocks(sites), f"vision_backbone.{tower.key}."
            depth = max(blocks | ({tower.used_block} if fused else set()), default=-1) + 1
            needed += [f"{stem}blocks.{index}." for index in range(depth)]
            needed += [stem + part for part in ("patch_embed", "cls_token", "reg_token", "pos_embed") if depth]
        prefixes = tuple(needed)
        return self.checkpoint.bytes_of(self.device, self.dtype, lambda name: name.startswith(prefixes))


def llama_config(config: Mapping[str, Any]) -> Any:
    """The language model's configuration. `text_config` holds only what differs from LlamaConfig's defaults."""
    from transformers import LlamaConfig

    given = dict(config.get("text_config") or {})
    if given.get("model_type", "llama") != "llama":
        raise PolicyUnavailable(f"The language model is a {quoted(given['model_type'])}; only Llama is supported.")
    for name in ("model_type", "torch_dtype", "dtype", "auto_map", "_name_or_path", "architectures"):
        given.pop(name, None)
    try:
        text = LlamaConfig(**given)
    except Exception as error:  # transformers validates with errors of several libraries
        raise PolicyUnavailable(f"text_config in config.json is not usable: {quoted(error)}.") from error
    text._attn_implementation = "sdpa"
    return text


def language_flops(config: Any, tokens: int, layers: int) -> float:
    """Operations of `layers` Llama layers over `tokens` tokens; attention is counted as the full square."""
    hidden, head = config.hidden_size, config.head_dim
    queries, keys = config.num_attention_heads * head, config.num_key_value_heads * head
    linear = 2 * hidden * (2 * queries + 2 * keys + 3 * config.intermediate_size)
    return float(layers * tokens * (linear + 4 * tokens * queries))


def llm_layers(sites: Sequence[str]) -> dict[str, str]:
    """Site -> submodule of Llama whose output it is; `llm.0` is Llama's input and has none."""
    return {
        site: "norm" if site == "llm.norm" else f"layers.{int(site.removeprefix('llm.')) - 1}"
        for site in sites
        if site.startswith("llm.") and site != "llm.0"
    }


def vision_sites(network: OpenVlaNetwork, grid: tuple[int, int], *, depends: bool) -> dict[str, FeatureSite]:
    """The sites of the towers and the projector, in order of depth; `depends`: on the instruction."""
    fused = sum(tower.shape.flops(grid, tower.used_block) for tower in network.towers)
    width = sum(tower.shape.dim for tower in network.towers)
    stages = [
        (f"vision.{tower.site}.{block}", tower.shape.dim, tower.shape.flops(grid, block))
        for tower in network.towers
        for block in range(tower.shape.depth)
    ]
    stages += [("vision.fused", width, fused)] if len(network.towers) > 1 else []
    projected = fused + network.projector.flops(grid[0] * grid[1])
    stages += [(name, network.text.hidden_size, projected) for name in ("projector", "llm.0")]
    return {name: FeatureSite(name, dim, grid, depends, flops) for name, dim, flops in stages}
