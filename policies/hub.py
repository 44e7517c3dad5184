"""Where the files of a checkpoint are: a folder here, or a repository of the Hugging Face hub, fetched once."""

from __future__ import annotations

import re
from pathlib import Path

from foundation.errors import PolicyUnavailable, quoted

WANTED = ("*.json", "*.safetensors", "*.pt")
"""Configurations, tokenizers, tensors, and the separate heads of OpenVLA-OFT. Never code, never other pickles."""
REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


def folder_of(source: str) -> Path:
    """The folder `source` names, downloaded (or found in the hub's cache) where it is a repository "owner/name".

    Raises:
        PolicyUnavailable: no such folder, or the hub cannot be reached or refuses.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.exists() or not REPOSITORY.fullmatch(source):
        raise PolicyUnavailable(
            f"{quoted(source)} is no folder. Give a checkpoint's folder, or a hub repository owner/name."
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(source, allow_patterns=list(WANTED)))
    except Exception as error:  # the hub's client raises errors of several libraries
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise PolicyUnavailable(
            f"{quoted(source)} is no folder here, and the Hugging Face hub did not give it: {quoted(reason)}. "
            f"Where there is network: hf download {source} --local-dir CHECKPOINT, then give that folder."
        ) from error
