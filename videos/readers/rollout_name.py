"""What OpenVLA's LIBERO evaluation writes into the name of a rollout video. Apart from the reader, so that recognising
one loads no decoder."""

from __future__ import annotations

import re

TASK_LENGTH = 50
"""Characters of the task that OpenVLA keeps in the name."""
_NAME = re.compile(
    r"(?P<when>[\w-]+)--(?:\w+--)?episode=(?P<episode>\d+)--success=(?P<success>True|False)--task=(?P<task>[^/]*)\.mp4"
)


def is_rollout(name: str) -> bool:
    """Whether a file is named as OpenVLA does, e.g. `2025_01_01-00_00_00--episode=3--success=False--task=….mp4`."""
    return _NAME.fullmatch(name) is not None


def told_by(name: str) -> tuple[str | None, bool | None]:
    """(instruction, success) in a rollout's file name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None, None
    return match["task"].replace("_", " ").strip() or None, match["success"] == "True"
