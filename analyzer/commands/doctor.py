"""`doctor`."""

from __future__ import annotations

import argparse
from typing import Any

from analyzer.commands.command import Command
from analyzer.commands.flags import add_cache, cache_of
from analyzer.progress import Progress


def execute(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.doctor import examine

    return examine(cache_of(options))


DOCTOR = Command("doctor", "report codecs, devices, disk, versions and what is missing", add_cache, execute)
