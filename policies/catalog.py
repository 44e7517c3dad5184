"""The policies that exist, as a literal table; each is imported when it is asked for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from foundation.errors import BadInput, LensError, PolicyUnavailable, did_you_mean, quoted
from policies.folder_files import read_json
from policies.hub import folder_of

if TYPE_CHECKING:
    import torch

    from policies.policy import Policy


@dataclass(frozen=True)
class KnownPolicy:
    """A policy with a name of its own."""

    name: str
    description: str
    module: str
    """Where its family lives; it has `load(source, *, device, dtype, …) -> Policy`."""
    source: str | None = None
    """Repository of the hub, or a folder; None: the weights come with an installed package."""
    acts: bool = True
    """False: it only sees."""


BUNDLED = Path(__file__).resolve().parent / "checkpoints"
"""Checkpoints that are part of the project."""

CATALOG = (
    KnownPolicy(
        "dinov2-small",
        "DINOv2 ViT-S/14, comes with the installation: 12 blocks, 448 px, 32 x 32 patches, no actions",
        "policies.dinov2_small",
        acts=False,
    ),
    KnownPolicy(
        "openvla-tiny-libero",
        "OpenVLA's layout in 5 million parameters, trained here on scripted LIBERO-Spatial; comes along, sees and acts",
        "policies.openvla",
        str(BUNDLED / "openvla-tiny-libero"),
    ),
    KnownPolicy("openvla-7b", "OpenVLA 7B, trained on Open X-Embodiment", "policies.openvla", "openvla/openvla-7b"),
    KnownPolicy(
        "openvla-v01-7b", "OpenVLA, first release: one tower, Vicuna", "policies.openvla", "openvla/openvla-v01-7b"
    ),
    KnownPolicy(
        "openvla-7b-libero-spatial",
        "OpenVLA 7B fine-tuned on LIBERO-Spatial",
        "policies.openvla",
        "openvla/openvla-7b-finetuned-libero-spatial",
    ),
    KnownPolicy(
        "openvla-7b-libero-object",
        "OpenVLA 7B fine-tuned on LIBERO-Object",
        "policies.openvla",
        "openvla/openvla-7b-finetuned-libero-object",
    ),
    KnownPolicy(
        "openvla-7b-libero-goal",
        "OpenVLA 7B fine-tuned on LIBERO-Goal",
        "policies.openvla",
        "openvla/openvla-7b-finetuned-libero-goal",
    ),
    KnownPolicy(
        "openvla-7b-libero-10",
        "OpenVLA 7B fine-tuned on LIBERO-10 (long)",
        "policies.openvla",
        "openvla/openvla-7b-finetuned-libero-10",
    ),
    KnownPolicy(
        "pi0-base", "pi0, trained by Physical Intelligence, in LeRobot's form", "policies.pi0", "lerobot/pi0_base"
    ),
)

FAMILIES = (
    ("openvla", "action_head--*", "policies.openvla_oft"),
    ("openvla", "*", "policies.openvla"),
    ("pi0", "*", "policies.pi0"),
    ("pi05", "*", "policies.pi0"),
    ("pi0_fast", "*", "policies.pi0"),
    ("dinov2", "*", "policies.backbones"),
    ("dinov2_with_registers", "*", "policies.backbones"),
    ("dinov3_vit", "*", "policies.backbones"),
    ("clip", "*", "policies.backbones"),
    ("clip_vision_model", "*", "policies.backbones"),
    ("siglip", "*", "policies.backbones"),
    ("siglip_vision_model", "*", "policies.backbones"),
    ("siglip2", "*", "policies.backbones"),
    ("siglip2_vision_model", "*", "policies.backbones"),
    ("sam", "*", "policies.backbones"),
    ("sam_vision_model", "*", "policies.backbones"),
    ("llava", "*", "policies.llava"),
    ("llava_next", "*", "policies.llava"),
)
"""`model_type` in a checkpoint's config.json, a file that must lie beside it -> the module that reads it. The first fits."""


def known_policies() -> tuple[tuple[str, str], ...]:
    """(name, one-line description) of every policy with a name. Does not import torch."""
    return tuple((entry.name, entry.description) for entry in CATALOG)


def policies_that_act() -> frozenset[str]:
    """Names of those that predict actions. Does not import torch."""
    return frozenset(entry.name for entry in CATALOG if entry.acts)


def load_policy(
    name_or_path: str,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    unnorm_key: str | None = None,
    densify: int = 1,
    **options: Any,
) -> Policy:
    """A policy, ready to run.

    Args:
        name_or_path: a name out of `known_policies()`, a checkpoint's folder, or a hub repository "owner/name".
        device: "cpu", "cuda" or "cuda:N".
        dtype: "float32", "bfloat16" or "float16"; None: the policy's own choice.
        unnorm_key: which statistics turn predicted actions into units; only for policies that act.
        densify: 2 or 4: so many times finer a grid at the vision sites, from as many squared passes.
        options: of the family, e.g. `input_size`.

    Raises:
        PolicyUnavailable: no such policy, or its weights cannot be had here.
        BadInput: a device, dtype or option that does not exist.
    """
    entry = _entry(name_or_path)
    placed, typed = _device(device), _dtype(dtype)
    folder, load = _way_in(name_or_path, entry)
    if unnorm_key is not None:
        options["unnorm_key"] = unnorm_key
    _check_options(name_or_path, load, options)
    try:
        policy = load(folder, device=placed, dtype=typed, **options)
    except LensError:
        raise
    except Exception as error:  # whatever values a configuration holds, its reader stumbles over them here
        if folder is None:
            raise
        raise PolicyUnavailable(
            f"{quoted(folder)} cannot be used: its configuration or its tensors are not those of this family "
            f"({type(error).__name__}: {quoted(error)})."
        ) from error
    if densify == 1:
        return policy
    from policies.densify import Densified

    return Densified(policy, densify)


def options_from_text(name_or_path: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Options for `load_policy`, of the types that the policy's family declares: {"views": "2"} -> {"views": 2}.

    Raises:
        BadInput: an option that the family does not have, or a value that is not of its type.
        PolicyUnavailable: no such policy.
    """
    _, load = _way_in(name_or_path, _entry(name_or_path))
    _check_options(name_or_path, load, given)
    declared, options = get_type_hints(load), dict[str, Any]()
    for name, text in given.items():
        # `int | None`: None is the family's own choice, which is made by leaving the option out.
        (kind,) = [kind for kind in get_args(declared[name]) or (declared[name],) if kind is not type(None)]
        try:
            options[name] = kind(text)
        except ValueError as error:
            raise BadInput(f"{name_or_path}: {name} is a number ({kind.__name__}); got {quoted(text)}.") from error
    return options


def _entry(name_or_path: str) -> KnownPolicy | None:
    """The catalogue's entry of that name; None: it is a folder or a repository."""
    entry = next((entry for entry in CATALOG if entry.name == name_or_path), None)
    if entry is None and "/" not in name_or_path and not Path(name_or_path).is_dir():
        known = [name for name, _ in known_policies()]
        raise PolicyUnavailable(
            f"There is no policy {quoted(name_or_path)}, and no folder of that name.{did_you_mean(name_or_path, known)}"
        )
    return entry


def _way_in(name_or_path: str, entry: KnownPolicy | None) -> tuple[Path | None, Callable[..., Policy]]:
    """The folder of the weights, where they are in one, and the `load` of the family."""
    source = entry.source if entry else name_or_path
    folder = folder_of(source) if source else None
    module = entry.module if entry else _family(folder)
    return folder, importlib.import_module(module).load


def _check_options(name: str, load: Callable[..., Policy], options: Iterable[str]) -> None:
    allowed = [name for name in inspect.signature(load).parameters if name not in ("source", "device", "dtype")]
    for option in options:
        if option not in allowed:
            raise BadInput(f"{name} has no option {quoted(option)}.{did_you_mean(option, allowed)}")


def _family(folder: Path | None) -> str:
    """The module that reads the checkpoint in `folder`, by what its configuration says it is."""
    assert folder is not None
    config = read_json(folder / "config.json")
    kind = str(config.get("model_type", config.get("type")))
    for family, telltale, module in FAMILIES:
        if kind == family and any(folder.glob(telltale)):
            return module
    code = " It would need code of its own (auto_map), which is never executed." if "auto_map" in config else ""
    hint = did_you_mean(kind, dict.fromkeys(family for family, _, _ in FAMILIES))
    raise PolicyUnavailable(
        f"{quoted(folder)} holds a model of type {quoted(kind)}, which no family here reads.{code}{hint}"
    )


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
