"""Videos that OpenVLA's LIBERO evaluation saves. All it records besides the picture is in the file's name."""

from __future__ import annotations

import re
from pathlib import Path

from videos.episode import Episode, EpisodeSummary
from videos.readers.reader import ReadOptions, id_of, locator_of, path_of
from videos.video_file import VideoFile

CAMERA = "agentview"
"""`save_rollout_video` is given the agent view, already turned by 180°."""
_TASK_LENGTH = 50
"""Characters of the task that OpenVLA keeps in the name."""
_NAME = re.compile(
    r"(?P<when>[\w-]+)--(?:\w+--)?episode=(?P<episode>\d+)--success=(?P<success>True|False)--task=(?P<task>[^/]*)\.mp4"
)


def is_rollout(name: str) -> bool:
    """Whether a file name is one that OpenVLA gives, e.g. `2025_01_01-00_00_00--episode=3--success=False--task=….mp4`."""
    return _NAME.fullmatch(name) is not None


def find(root: Path, path: Path) -> list[EpisodeSummary]:
    instruction, success = _told_by(path.name)
    return [
        EpisodeSummary(
            id=id_of(root, path),
            source=root,
            format="openvla_rollout",
            locator=locator_of(root, path),
            cameras=(CAMERA,),
            instruction=instruction,
            success=success,
        )
    ]


def read(summary: EpisodeSummary, options: ReadOptions) -> Episode:
    path = path_of(summary.source, summary.locator)
    video = VideoFile(path)
    instruction, success = _told_by(path.name)
    notes = [
        *video.notes,
        "OpenVLA's rollout videos hold no actions and no states.",
        "They are saved at 30 frames a second whatever the control rate was, so times are not those of the robot.",
    ]
    if instruction is not None and len(instruction) >= _TASK_LENGTH:
        notes.append(f"The instruction comes from the file name, which is cut at {_TASK_LENGTH} characters.")
    return Episode(
        id=summary.id,
        source=summary.source,
        format=summary.format,
        cameras={CAMERA: video},
        instruction=instruction,
        success=success,
        notes=tuple(notes),
    )


def _told_by(name: str) -> tuple[str | None, bool | None]:
    """(instruction, success) in a rollout's file name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None, None
    return match["task"].replace("_", " ").strip() or None, match["success"] == "True"
