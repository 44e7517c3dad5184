"""Models of transformers from a folder, strictly: nothing missing, nothing random, no code of the checkpoint."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from foundation.errors import PolicyUnavailable, quoted


def config_of(class_name: str, values: Mapping[str, Any]) -> Any:
    """The configuration class of transformers, filled with `values`."""
    import transformers

    try:
        return getattr(transformers, class_name).from_dict(dict(values))
    except Exception as error:  # transformers validates with errors of several libraries
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PolicyUnavailable(f"config.json does not make a {class_name}: {quoted(reason)}.") from error


def load_model(class_name: str, config: Any, folder: Path, dtype: torch.dtype, unused: Iterable[str] = ()) -> Any:
    """The model with the folder's weights.

    Args:
        unused: regular expressions, matched in full, of tensors in the file that this class has no place for.

    Raises:
        PolicyUnavailable: a tensor is missing, of another shape, or not known.
    """
    import transformers

    if (folder / "adapter_config.json").exists():  # transformers would follow it to other weights
        raise PolicyUnavailable(f"{quoted(folder)} is an adapter; merge it into its model and give that folder.")
    reporter, bars = logging.getLogger("transformers"), transformers.utils.logging
    level, shown = reporter.level, bars.is_progress_bar_enabled()
    reporter.setLevel(logging.CRITICAL)  # what it would warn of is raised below
    bars.disable_progress_bar()  # a bar of its own would stand in the middle of ours
    try:
        model, report = getattr(transformers, class_name).from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            attn_implementation="sdpa",
        )
    except Exception as error:  # the loader raises errors of several libraries
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise PolicyUnavailable(f"{quoted(folder)} does not load as {class_name}: {quoted(reason)}.") from error
    finally:
        reporter.setLevel(level)
        if shown:
            bars.enable_progress_bar()
    known = re.compile("|".join(f"(?:{pattern})" for pattern in unused) or r"(?!)")
    problems = {
        "missing": sorted(report["missing_keys"]),
        "not known": sorted(key for key in report["unexpected_keys"] if not known.fullmatch(key)),
        "of another shape": sorted(str(entry[0]) for entry in report["mismatched_keys"]),
    }
    found = [f"{len(names)} {problem} (e.g. {quoted(names[0])})" for problem, names in problems.items() if names]
    if found:
        raise PolicyUnavailable(f"The tensors of {quoted(folder)} do not fit {class_name}: {'; '.join(found)}.")
    return model.requires_grad_(False).eval()
