"""Write tensors as a checkpoint folder of OpenVLA-OFT, the way its training saves them."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

GOLDEN = Path(__file__).parents[1] / "data" / "openvla_golden"


def write_oft(folder: Path, tensors: dict[str, torch.Tensor], config: dict[str, object]) -> Path:
    """`tensors`: `vla.…` the model, `head.…` the action head, `prop.…` the projector of the state."""
    folder.mkdir(parents=True)
    film = any(name.endswith(".scale.weight") for name in tensors)
    parts: dict[str, dict[str, torch.Tensor]] = {"head": {}, "prop": {}, "vla": {}}
    for name, tensor in tensors.items():
        part, rest = name.split(".", 1)
        parts[part][rest] = tensor.contiguous()
    model = parts["vla"]
    if film:
        towers = {name: tensor for name, tensor in model.items() if name.startswith("vision_backbone.")}
        model = {name: tensor for name, tensor in model.items() if name not in towers}
        # Training saves the towers apart; the merged model keeps them without FiLM, and they are not used.
        torch.save(
            {name.removeprefix("vision_backbone."): tensor for name, tensor in towers.items()},
            folder / "vision_backbone--7_checkpoint.pt",
        )
        model["vision_backbone.featurizer.cls_token"] = torch.zeros(1, 1, 3)
    save_file(model, folder / "model.safetensors")
    torch.save(
        {f"module.{name}": tensor for name, tensor in parts["head"].items()}, folder / "action_head--7_checkpoint.pt"
    )
    if parts["prop"]:
        torch.save(parts["prop"], folder / "proprio_projector--7_checkpoint.pt")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_bytes((GOLDEN / "preprocessor_config.json").read_bytes())
    return folder
