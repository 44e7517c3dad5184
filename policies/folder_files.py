"""The files of a checkpoint's folder, which may come from anyone: each lies in that folder and is no larger than it may be."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from foundation.errors import PolicyUnavailable, quoted

MAX_JSON = 64 * 2**20
"""Bytes of a configuration, an index or a tokenizer. The largest tokenizers in use have about 35 MB."""


def own_file(path: Path, limit: int | None = None) -> Path:
    """`path`, if it is a plain file of its folder: no link to elsewhere, no pipe, not larger than `limit` bytes.

    In the hub's cache a file is a link to `blobs` beside `snapshots`, which is the same repository.

    Raises:
        PolicyUnavailable: it is missing, or something else.
    """
    try:
        found, about = path.resolve(strict=True), path.stat()
        folder = path.parent.resolve(strict=True)
    except FileNotFoundError as error:
        raise PolicyUnavailable(f"{quoted(path)} is missing. Is the checkpoint complete?") from error
    except (OSError, RuntimeError, ValueError) as error:  # no permission, a circle of links, a name with a zero byte
        raise PolicyUnavailable(f"{quoted(path)} cannot be read: {quoted(error)}.") from error
    homes = [folder, *([folder.parent.parent / "blobs"] if folder.parent.name == "snapshots" else [])]
    if found.parent not in homes:
        raise PolicyUnavailable(
            f"{quoted(path)} is a link out of its folder. A checkpoint is read from its own folder alone: put the file "
            "itself there."
        )
    if not stat.S_ISREG(about.st_mode):
        raise PolicyUnavailable(f"{quoted(path)} is no plain file.")
    if limit is not None and about.st_size > limit:
        raise PolicyUnavailable(
            f"{quoted(path)} has {about.st_size / 2**20:.0f} MiB; no such file has more than {limit / 2**20:.0f}."
        )
    return path


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; PolicyUnavailable where it is missing, damaged or not an object."""
    try:
        content = json.loads(own_file(path, MAX_JSON).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise PolicyUnavailable(f"{quoted(path)} cannot be read as JSON: {quoted(error)}.") from error
    if not isinstance(content, dict):
        raise PolicyUnavailable(f"{quoted(path)} holds a {type(content).__name__}; a JSON object was expected.")
    return content
