"""What a policy saved by LeRobot keeps beside its weights: cameras, sizes, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from foundation.errors import PolicyUnavailable, quoted
from policies.folder_files import own_file

EPSILON = 1e-8
"""Added to a standard deviation before dividing by it, as LeRobot does."""
IMAGES = "observation.images."
STATE = "observation.state"
ACTION = "action"


@dataclass(frozen=True, eq=False)
class Affine:
    """normalised = (value - offset) / scale."""

    offset: np.ndarray
    """[D] float64."""
    scale: np.ndarray
    """[D] float64, positive."""

    def __len__(self) -> int:
        return len(self.offset)

    def normalise(self, values: np.ndarray) -> np.ndarray:
        return (values - self.offset) / (self.scale + EPSILON)

    def unnormalise(self, values: np.ndarray) -> np.ndarray:
        return values * self.scale + self.offset


def cameras(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the views in the order of the configuration; those that are always empty are left out."""
    inputs = config.get("input_features") or {}
    names = [name.removeprefix(IMAGES) for name in inputs if name.startswith(IMAGES)]
    return tuple(name for name in names if not name.startswith("empty_camera"))


def size_of(config: Mapping[str, Any], group: str, name: str) -> int | None:
    """Numbers in a vector feature, e.g. ("output_features", "action"); None where it is not declared."""
    feature = (config.get(group) or {}).get(name)
    return int(feature["shape"][0]) if feature else None


def statistics(folder: Path, config: Mapping[str, Any], name: str) -> Affine | None:
    """How `name` (STATE or ACTION) was normalised; None where the checkpoint has no statistics of it."""
    mode = str((config.get("normalization_mapping") or {}).get("STATE" if name == STATE else "ACTION", "MEAN_STD"))
    stored: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob("*normalizer_processor.safetensors")):
        try:
            stored |= {
                key: value.astype(np.float64)
                for key, value in load_file(own_file(path)).items()
                if key.startswith(f"{name}.")
            }
        except (SafetensorError, OSError) as error:
            raise PolicyUnavailable(f"{quoted(path)} is damaged: {quoted(error)}. Download it again.") from error
    ends = {"MEAN_STD": ("mean", "std"), "MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99")}.get(mode)
    if mode == "IDENTITY" or not stored:
        return None
    if ends is None or not all(f"{name}.{end}" in stored for end in ends):
        raise PolicyUnavailable(f"{quoted(folder)} normalises {name} by {quoted(mode)}, but lacks the numbers for it.")
    first, second = (stored[f"{name}.{end}"].reshape(-1) for end in ends)
    return Affine(first, second) if mode == "MEAN_STD" else Affine((first + second) / 2, (second - first) / 2)
