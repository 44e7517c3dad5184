"""The policies that exist, as a literal table; each is imported when it is asked for."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundation.errors import BadInput, PolicyUnavailable, did_you_mean, quoted

if TYPE_CHECKING:
    import torch

    from policies.policy import Policy


@dataclass(frozen=True)
class KnownPolicy:
    """A line of the catalogue."""

    name: str
    description: str
    module: str
    """Where its family lives; it has `load(source, *, device, dtype, …) -> Policy`."""


CATALOG = (
    KnownPolicy(
        "dinov2-small",
        "DINOv2 ViT-S/14, comes with the installation: 12 blocks, 448 px, 32 x 32 patches, no actions",
        "policies.dinov2_small",
    ),
)


def known_policies() -> tuple[tuple[str, str], ...]:
    """(name, one-line description) of every policy with a name. Does not import torch."""
    return tuple((entry.name, entry.description) for entry in CATALOG)


def load_policy(
    name_or_path: str,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    unnorm_key: str | None = None,
    **options: Any,
) -> Policy:
    """A policy, ready to run.

    Args:
        name_or_path: a name out of `known_policies()`.
        device: "cpu", "cuda" or "cuda:N".
        dtype: "float32", "bfloat16" or "float16"; None: the policy's own choice.
        unnorm_key: which statistics turn predicted actions into units; only for policies that act.
        options: of the family, e.g. `input_size`.

    Raises:
        PolicyUnavailable: no such policy, or its weights cannot be had here.
        BadInput: a device, dtype or option that does not exist.
    """
    entry = next((entry for entry in CATALOG if entry.name == name_or_path), None)
    if entry is None:
        known = [name for name, _ in known_policies()]
        raise PolicyUnavailable(f"There is no policy {quoted(name_or_path)}.{did_you_mean(name_or_path, known)}")
    load = importlib.import_module(entry.module).load
    if unnorm_key is not None:
        options["unnorm_key"] = unnorm_key
    allowed = [name for name in inspect.signature(load).parameters if name not in ("source", "device", "dtype")]
    for option in options:
        if option not in allowed:
            raise BadInput(f"{entry.name} has no option {quoted(option)}.{did_you_mean(option, allowed)}")
    return load(None, device=_device(device), dtype=_dtype(dtype), **options)


def _device(name: str) -> torch.device:
    """`name` as a device that is there."""
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"There is no device {quoted(name)}. Use 'cpu', 'cuda' or 'cuda:N'.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BadInput(f"Device {quoted(name)} was asked for, but torch sees no CUDA device here. Use --device cpu.")
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise BadInput(f"Device {quoted(name)} was asked for; torch sees {torch.cuda.device_count()} CUDA devices.")
    if device.type not in ("cpu", "cuda"):
        raise BadInput(f"Device {quoted(name)} is not supported. Use 'cpu', 'cuda' or 'cuda:N'.")
    return device


def _dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """`dtype` as torch's own, or None for the policy's choice."""
    import torch

    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype
    if dtype not in known:
        raise BadInput(f"There is no dtype {quoted(dtype)}.{did_you_mean(dtype, known)}")
    return known[dtype]
