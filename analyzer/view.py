"""Starting the page's server on runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from analyzer.run_index import RunIndex
from foundation.errors import BadInput

_PAGE = Path(__file__).resolve().parent.parent / "streamlit_app.py"
RECORDINGS_VARIABLE = "TRAJECTORY_LENS_RECORDINGS"
"""Carries the folders of recordings to the server."""


def view(folders: Sequence[Path], *, port: int, address: str, browser: bool, recordings: Sequence[Path] = ()) -> int:
    """Serve the runs in `folders` until Ctrl-C; the server's exit code.

    Args:
        folders: run folders, or folders of run folders; none: those beside the program.
        address: whom the server listens to; 127.0.0.1 is this machine alone.
        recordings: folders whose recordings may be analysed from the page; none: the samples.

    Raises:
        BadInput: a folder that is no run and holds none, or the page's own file is missing.
    """
    for folder in folders:
        if not RunIndex([folder]).paths():
            raise BadInput(
                f"{folder}: no run, and no folder of runs. Make one with: python -m analyzer run RECORDING --out {folder}"
            )
    for folder in recordings:
        if not folder.is_dir():
            raise BadInput(f"--recordings: {folder} is no folder.")
    if not _PAGE.is_file():
        raise BadInput(f"{_PAGE} is missing: the page is started from a checkout of the project.")
    if not 1 <= port <= 65535:
        raise BadInput(f"--port is {port}; give 1 … 65535.")
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(_PAGE)),
        *("--server.port", str(port), "--server.address", address, "--server.headless", str(not browser).lower()),
        *("--", *(str(folder.resolve()) for folder in folders)),
    ]
    # The folder of the page holds its settings (.streamlit).
    named = {RECORDINGS_VARIABLE: os.pathsep.join(str(folder.resolve()) for folder in recordings)} if recordings else {}
    return subprocess.call(command, cwd=_PAGE.parent, env={**os.environ, **named})
