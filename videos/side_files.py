"""Opening the .npz and .json files of a recording: checked, without running code, and named when they are damaged."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from foundation.errors import EpisodeUnreadable, quoted
from videos.sniff import looks_like


@contextmanager
def opened_npz(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Open an .npz whose arrays are read one by one as they are asked for. Pickled objects are refused: they run code."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise EpisodeUnreadable(f"{path}: holds one array, not named ones. Write it with numpy.savez.")
            yield arrays
    except FileNotFoundError:
        raise EpisodeUnreadable(f"{path}: the file is missing.") from None
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        if "allow_pickle" in str(error) or "pickle" in str(error):
            raise EpisodeUnreadable(
                f"{path}: holds pickled Python objects, or is no .npz at all (it looks like {looks_like(path)}). "
                "Pickles can run code and are refused: save plain arrays of numbers or text."
            ) from error
        raise EpisodeUnreadable(
            f"{path}: cannot be read as .npz ({quoted(error)}). The file looks like {looks_like(path)}."
        ) from error


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file whose top is an object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EpisodeUnreadable(f"{path}: the file is missing.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise EpisodeUnreadable(f"{path}: cannot be read as JSON ({quoted(error)}).") from error
    if not isinstance(content, dict):
        raise EpisodeUnreadable(f"{path}: a JSON object {{…}} is expected; found {type(content).__name__}.")
    return content
