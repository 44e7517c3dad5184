"""The parts that OpenVLA-OFT adds to OpenVLA's network, and the files they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foundation.errors import PolicyUnavailable, quoted
from policies.checkpoint import Checkpoint, read_tensors
from policies.openvla_network import OpenVlaNetwork

PARTS = ("action_head", "proprio_projector", "vision_backbone")
"""Saved beside the merged checkpoint as `{part}--{steps}_checkpoint.pt`; the last one, with FiLM, replaces its towers."""
LORA_ALPHA = 16
"""The official training takes min(rank, 16); an adapter acts with alpha / rank."""
EPSILON = 1e-8
"""Added to the span of a dimension by the official code, for actions and for the state."""


class ResidualLayer(nn.Module):
    """x + ReLU(Linear(LayerNorm(x)))."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.ffn = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.ffn(x)


class RegressionHead(nn.Module):
    """The states of one time step's slots, side by side, to that step's action in [-1, 1]."""

    def __init__(self, inputs: int, hidden: int, outputs: int, layers: int) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(inputs)
        self.fc1 = nn.Linear(inputs, hidden)
        self.mlp_resnet_blocks = nn.ModuleList(ResidualLayer(hidden) for _ in range(layers))
        self.layer_norm2 = nn.LayerNorm(hidden)
        self.fc2 = nn.Linear(hidden, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, chunk, inputs] -> [B, chunk, outputs]."""
        x = torch.relu(self.fc1(self.layer_norm1(x)))
        for block in self.mlp_resnet_blocks:
            x = block(x)
        return self.fc2(self.layer_norm2(x))


class StateProjector(nn.Module):
    """Proprioception to one token."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, outputs)
        self.fc2 = nn.Linear(outputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class OftNetwork(OpenVlaNetwork):
    """OpenVLA's network with the head and, where it has one, the projector of the state."""

    def __init__(
        self, checkpoint: Checkpoint, config: Mapping[str, Any], *, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(checkpoint, config, device=device, dtype=dtype)
        hidden, inputs = checkpoint.shape("action_head.model.fc1.weight")
        layers = sum(name.endswith(".ffn.1.weight") for name in checkpoint.tensors)
        self.dimensions = checkpoint.shape("action_head.model.fc2.weight")[0]
        if inputs != self.dimensions * self.text.hidden_size:
            raise PolicyUnavailable(
                f"The action head takes {inputs} numbers; {self.dimensions} slots of {self.text.hidden_size} were expected."
            )
        self.state_size: int | None = None
        with torch.device("meta"):
            self.action_head = nn.ModuleDict({"model": RegressionHead(inputs, hidden, self.dimensions, layers)})
            if "proprio_projector.fc1.weight" in checkpoint.tensors:
                width, self.state_size = checkpoint.shape("proprio_projector.fc1.weight")
                self.proprio_projector = StateProjector(self.state_size, width)
        self.requires_grad_(False).eval()

    @property
    def film(self) -> bool:
        return any(tower.shape.film for tower in self.towers)

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        added = self.checkpoint.bytes_of(self.device, self.dtype, lambda name: name.startswith(PARTS[:2]))
        return super().weight_bytes(sites, actions=actions) + added


def add_parts(checkpoint: Checkpoint, folder: Path) -> None:
    """Put the tensors of the separate files into the checkpoint, under `{part}.`.

    Raises:
        PolicyUnavailable: no action head, several files of one part, or a diffusion head.
    """
    if any(folder.glob("noisy_action_projector--*")):
        raise PolicyUnavailable(f"{quoted(folder)} has a diffusion head; only the regression head of OFT is supported.")
    for part in PARTS:
        files = sorted(folder.glob(f"{part}--*_checkpoint.pt"))
        if len(files) > 1:
            raise PolicyUnavailable(
                f"{quoted(folder)} has {len(files)} files of {part} ({', '.join(quoted(file.name) for file in files)}): "
                "keep the one that belongs to the weights."
            )
        if files:
            tensors = merge_adapters(read_tensors(files[0]))
            # The wrapper that adds FiLM names what it wraps `vision_backbone` once more.
            named = {f"{part}.{name.removeprefix(f'{part}.')}": tensor for name, tensor in tensors.items()}
            checkpoint.replace(f"{part}.", named)
    checkpoint.shape("action_head.model.fc1.weight")


def merge_adapters(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Low-rank adapters folded into their layers: W + alpha / rank * B A (Hu et al. 2022).

    The towers with FiLM are saved in training form, each linear layer as `base_layer` with `lora_A` and `lora_B`.
    """
    merged = {}
    for name, tensor in tensors.items():
        if ".lora_" in name:
            continue
        plain = name.replace(".base_layer.", ".")
        stem = name.removesuffix(".base_layer.weight")
        down, up = (tensors.get(f"{stem}.lora_{side}.default.weight") for side in "AB")
        if stem != name and down is not None and up is not None:
            rank = down.shape[0]
            if not rank or (up.shape[0], down.shape[1]) != tensor.shape:
                raise PolicyUnavailable(
                    f"The adapter of {quoted(plain)} makes {list(up.shape)} x {list(down.shape)}, not {list(tensor.shape)}."
                )
            tensor = (tensor.float() + min(rank, LORA_ALPHA) / rank * (up.float() @ down.float())).to(tensor.dtype)
        merged[plain] = tensor
    return merged
