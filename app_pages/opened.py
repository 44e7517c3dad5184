"""Which runs this server shows: said once at its start, the same for every session."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from analyzer.run_index import RunIndex

ROOT = Path(__file__).resolve().parent.parent
_VARIABLE = "TRAJECTORY_LENS_RUNS"
"""Carries the folders from the command that starts the server to the server."""
_indexes: dict[str, RunIndex] = {}


def name_folders(folders: Sequence[Path]) -> None:
    """Show these from now on; none: the runs beside the program, where the demo puts its own."""
    os.environ[_VARIABLE] = os.pathsep.join(str(Path(folder).resolve()) for folder in folders)


def opened() -> RunIndex:
    """The runs that were named."""
    named = os.environ.get(_VARIABLE, "")
    if named not in _indexes:
        folders = [Path(part) for part in named.split(os.pathsep) if part] or [ROOT / "runs"]
        _indexes[named] = RunIndex(folders)
    return _indexes[named]
