"""What a command is."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analyzer.progress import Progress


@dataclass(frozen=True)
class Command:
    """One word of `python -m analyzer`."""

    name: str
    does: str
    """One sentence, for --help."""
    declare: Callable[[argparse.ArgumentParser], None]
    """Adds its arguments."""
    execute: Callable[[argparse.Namespace, Progress], dict[str, Any]]
    """Does it and returns the result: `path` or `text` is said on stdout, `exit_code` if it is not 0, all of it with
    --json. Sets `options.after_stop`, said after Ctrl-C, before anything is written. Nothing heavy is imported before."""
