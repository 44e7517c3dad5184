"""Videos that OpenVLA's LIBERO evaluation saves. All it records besides the picture is in the file's name."""

from __future__ import annotations

from pathlib import Path

from videos.episode import Episode, EpisodeSummary
from videos.readers.reader import ReadOptions, id_of, locator_of, path_of
from videos.readers.rollout_name import TASK_LENGTH, told_by
from videos.video_file import VideoFile

CAMERA = "agentview"
"""`save_rollout_video` is given the agent view, already turned by 180°."""


def find(root: Path, path: Path) -> list[EpisodeSummary]:
    instruction, success = told_by(path.name)
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
    instruction, success = told_by(path.name)
    notes = [
        *video.notes,
        "OpenVLA's rollout videos hold no actions and no states.",
        "They are saved at 30 frames a second whatever the control rate was, so times are not those of the robot.",
    ]
    if instruction is not None and len(instruction) >= TASK_LENGTH:
        notes.append(f"The instruction comes from the file name, which is cut at {TASK_LENGTH} characters.")
    return Episode(
        id=summary.id,
        source=summary.source,
        format=summary.format,
        cameras={CAMERA: video},
        instruction=instruction,
        success=success,
        notes=tuple(notes),
    )
