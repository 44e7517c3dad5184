"""The network of a policy under training: the parts of `policies.openvla_network`, under the same parameter names."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from policies.openvla_network import HEADS, TINY_HEADS, Projector, llama_config
from policies.vit import VisionTransformer, VitShape
from training.settings import Settings

EDGES = 256
REGISTERS = 4


def configuration(settings: Settings) -> dict[str, Any]:
    """`config.json` of the checkpoint, without the statistics."""
    return {
        "model_type": "openvla",
        "arch_specifier": "no-align+fused-gelu-mlp",
        "hf_llm_id": settings.name,
        "llm_backbone_id": "llama2-tiny-pure",
        "vision_backbone_id": "dinosiglip-tiny-224px",
        "timm_model_ids": ["vit_tiny_patch14_reg4_dinov2", "vit_tiny_patch14_siglip_224"],
        "timm_override_act_layers": [None, None],
        "use_fused_vision_backbone": True,
        "image_resize_strategy": "resize-naive",
        "image_sizes": [settings.image, settings.image],
        "llm_max_length": 2048,
        "n_action_bins": EDGES,
        "pad_to_multiple_of": settings.padding,
        "pad_token_id": settings.text_tokens + EDGES,
        "output_projector_states": False,
        "text_config": {
            "model_type": "llama",
            "hidden_size": settings.language_width,
            "intermediate_size": settings.language_mlp,
            "num_hidden_layers": settings.language_layers,
            "num_attention_heads": settings.language_heads,
            "num_key_value_heads": settings.language_heads,
            "rms_norm_eps": 1e-6,
            "vocab_size": settings.text_tokens + EDGES + settings.padding,
            "pad_token_id": settings.text_tokens + EDGES,
        },
    }


class TrainedOpenVla(nn.Module):
    """Towers, projector, language model, and two sets of helpers that are not written: see `helpers`."""

    def __init__(self, settings: Settings, side_outputs: int) -> None:
        super().__init__()
        rows = settings.image // settings.patch
        shapes = {
            "featurizer": VitShape(
                settings.dino_width, settings.dino_depth, HEADS.get(settings.dino_width, TINY_HEADS), settings.dino_mlp,
                settings.patch, (rows, rows), class_token=True, registers=REGISTERS, layer_scale=True,
            ),
            "fused_featurizer": VitShape(
                settings.siglip_width, settings.siglip_depth, HEADS.get(settings.siglip_width, TINY_HEADS),
                settings.siglip_mlp, settings.patch, (rows, rows),
            ),
        }  # fmt: skip
        self.vision_backbone = nn.ModuleDict({key: VisionTransformer(shape) for key, shape in shapes.items()})
        width = settings.language_width
        self.projector = Projector(settings.dino_width + settings.siglip_width, width, fused=True)
        self.language_model = LlamaForCausalLM(llama_config(configuration(settings)))
        channels = settings.teacher_channels
        self.helpers = nn.ModuleDict(
            {
                "dino_used": nn.Linear(settings.dino_width, 2 * channels),
                "dino_last": nn.Linear(settings.dino_width, channels),
                "siglip_used": nn.Linear(settings.siglip_width, channels),
                "siglip_last": nn.Linear(settings.siglip_width, channels),
                "side": nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, side_outputs)),
            }
        )
        for name, parameter in self.named_parameters():
            if name.endswith(("pos_embed", "cls_token", "reg_token", "embed_tokens.weight")):
                nn.init.normal_(parameter, std=0.02)
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5 * 0.7)

    def written(self) -> dict[str, torch.Tensor]:
        """The tensors of the checkpoint: all but the helpers."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("helpers.")}

    def see(self, key: str, pixels: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """Tokens of a tower up to the block in use, patches `kept` [B, K] alone: [B, prefix + K, dim]."""
        tower = self.vision_backbone[key]
        x, _ = tower._embed(pixels)
        prefix = tower.shape.prefix
        patches = x[:, prefix:].gather(1, kept[..., None].expand(-1, -1, x.shape[-1]))
        x = torch.cat([x[:, :prefix], patches], dim=1)
        for block in tower.blocks[:-1]:
            x = block(x)
        return x

    def think(self, image: torch.Tensor, kept: torch.Tensor, text: torch.Tensor, patches: int) -> torch.Tensor:
        """[B, N, width] after the final norm, at the text tokens behind BOS.

        Args:
            image: [B, K, width], the projector's output at the patches `kept`, of `patches`.
            text: [B, 1 + N] tokens, BOS first; shorter rows are filled at the end, which no token before it sees.
        """
        model = self.language_model.model
        words = model.embed_tokens(text)
        x = torch.cat([words[:, :1], image, words[:, 1:]], dim=1)
        batch, count = text.shape
        behind = (1 + patches + torch.arange(count - 1)).expand(batch, -1)
        positions = torch.cat([torch.zeros(batch, 1, dtype=torch.long), 1 + kept, behind], dim=1)
        turns = model.rotary_emb(x, positions)
        for layer in model.layers:
            # Without a mask the layer is causal in the order given, which is that of the positions.
            x = layer(x, attention_mask=None, position_embeddings=turns, position_ids=positions)
        return model.norm(x[:, 1 - count :])
