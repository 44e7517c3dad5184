"""The files of a checkpoint in OpenVLA's layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from training.language import build_tokenizer
from training.network import configuration
from training.settings import Settings

NORMALISATIONS = (
    ([0.484375, 0.455078125, 0.40625], [0.228515625, 0.2236328125, 0.224609375]),
    ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
)
"""Mean and deviation of the two towers, rounded to bfloat16 as in OpenVLA's files."""


def write_texts(folder: Path, settings: Settings, statistics: Mapping[str, Any]) -> None:
    """All but the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    size, towers = settings.image, len(NORMALISATIONS)
    preparation = {
        "image_processor_type": "PrismaticImageProcessor",
        "image_resize_strategy": "resize-naive",
        "input_sizes": [[3, size, size]] * towers,
        "interpolations": ["bicubic"] * towers,
        "means": [mean for mean, _ in NORMALISATIONS],
        "stds": [deviation for _, deviation in NORMALISATIONS],
        "tvf_crop_params": [{"output_size": [size, size]}] * towers,
        "tvf_do_letterbox": False,
        "tvf_letterbox_fill": None,
        "tvf_normalize_params": [
            {"inplace": False, "mean": mean, "std": deviation} for mean, deviation in NORMALISATIONS
        ],
        "tvf_resize_params": [{"antialias": True, "interpolation": 3, "max_size": None, "size": [size, size]}] * towers,
        "use_fused_vision_backbone": True,
    }
    for name, content in (
        ("config.json", configuration(settings) | {"norm_stats": statistics}),
        ("preprocessor_config.json", preparation),
        ("dataset_statistics.json", statistics),
    ):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")
    (folder / "training_settings.json").write_text(settings.text() + "\n")
    build_tokenizer(settings.text_tokens).save(str(folder / "tokenizer.json"))


def write_checkpoint(out: Path, texts: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """The finished folder: the texts and the weights in float16."""
    out.mkdir(parents=True, exist_ok=True)
    for file in texts.iterdir():
        shutil.copyfile(file, out / file.name)
    half = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
    save_file(half, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)
