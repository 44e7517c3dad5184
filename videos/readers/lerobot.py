"""LeRobot datasets, v2.0 to v3.x. From v3 on several episodes share a video and a table: they are cut by time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foundation.action_space import LIBERO
from foundation.errors import EpisodeUnreadable, quoted
from videos.clip import Clip
from videos.episode import Episode, EpisodeSummary, FrameSource
from videos.parquet_images import ParquetImages
from videos.readers.lerobot_layout import Layout, Listed, Place, read_columns
from videos.readers.reader import ReadOptions, id_of, locator_of, path_of
from videos.recorded_steps import RecordedSteps, checked_steps, success_from_rewards
from videos.video_file import VideoFile

_TABLE_COLUMNS = ("timestamp", "action", "observation.state", "next.success", "next.reward")


def find(root: Path, path: Path) -> list[EpisodeSummary]:
    layout = Layout.of(root, path)
    cameras = tuple(_camera_name(key) for key in (*layout.keys("video"), *layout.keys("image")))
    if not cameras:
        raise EpisodeUnreadable(f"{path}: the dataset has no camera (features: {quoted(', '.join(layout.features))}).")
    where = locator_of(root, path)
    return [
        EpisodeSummary(
            id=id_of(root, path, f"episode_{listed.index:06d}"),
            source=root,
            format="lerobot",
            locator=f"{where}#{listed.index}",
            cameras=cameras,
            instruction=listed.tasks[0] if listed.tasks else None,
            frames=listed.length,
            duration_s=listed.length / layout.fps,
        )
        for listed in layout.episodes()
    ]


def read(summary: EpisodeSummary, options: ReadOptions) -> Episode:
    locator, _, number = summary.locator.rpartition("#")
    layout = Layout.of(summary.source, path_of(summary.source, locator))
    index = int(number)
    listed = next((listed for listed in layout.episodes() if listed.index == index), None)
    if listed is None:
        raise EpisodeUnreadable(f"{layout.folder}: the dataset no longer lists episode {index}.")
    place = layout.place(index)
    table = _table(layout, place, listed)
    steps = _steps(layout, place, table)
    is_libero = steps.action_space is LIBERO
    success, success_note = _success(table, is_libero)
    notes = [success_note, *_notes(layout, listed, is_libero)]
    cameras: dict[str, FrameSource] = {}
    for key, (path, begin) in place.videos.items():
        video = _video(path)
        start, stop = _range(video, begin, _timestamps(table, layout, listed), layout.fps)
        cameras[_camera_name(key)] = video if (start, stop) == (0, len(video)) else Clip(video, start, stop)
        if layout.major == 2 and stop - start < len(video):  # from v3 on the others are those of other episodes
            notes.append(f"{path.name}: {len(video) - (stop - start)} of its frames belong to no row and are left out.")
    for key in layout.keys("image"):
        start = _first_row(place.data, index)
        cameras[_camera_name(key)] = ParquetImages(place.data, key, start, start + listed.length, layout.fps)
    return Episode(
        id=summary.id,
        source=summary.source,
        format=summary.format,
        cameras=cameras,
        instruction=listed.tasks[0] if listed.tasks else None,
        actions=steps.actions,
        action_space=steps.action_space,
        states=steps.states,
        state_names=steps.state_names,
        success=success,
        control_hz=layout.fps,
        notes=tuple(note for note in notes if note),
    )


def _camera_name(key: str) -> str:
    """observation.images.wrist -> wrist."""
    return key.removeprefix("observation.").removeprefix("images.")


def _table(layout: Layout, place: Place, listed: Listed) -> pa.Table:
    """The rows of one episode, one a step, in order."""
    table = read_columns(place.data, [c for c in _TABLE_COLUMNS if c in layout.features], listed.index)
    if table.num_rows != listed.length:
        raise EpisodeUnreadable(
            f"{place.data}: {table.num_rows} rows for episode {listed.index}, where the index says {listed.length}."
        )
    return table


def _steps(layout: Layout, place: Place, table: pa.Table) -> RecordedSteps:
    def rows(name: str) -> list[object] | None:
        return table.column(name).to_pylist() if name in table.column_names else None

    return checked_steps(
        place.data,
        rows("action"),
        action_names=layout.names("action"),
        states=rows("observation.state"),
        state_names=layout.names("observation.state"),
    )


def _timestamps(table: pa.Table, layout: Layout, listed: Listed) -> np.ndarray:
    """Time of each step from the episode's beginning, (steps,) seconds."""
    if "timestamp" not in table.column_names:
        return np.arange(listed.length) / layout.fps
    return np.asarray(table.column("timestamp").to_pylist(), np.float64).reshape(-1)


def _video(path: Path) -> VideoFile:
    if not path.is_file():
        raise EpisodeUnreadable(f"{path}: the dataset names this video, but it is missing. Was it downloaded whole?")
    return VideoFile(path)


def _range(video: VideoFile, begin_s: float, timestamps: np.ndarray, fps: float) -> tuple[int, int]:
    """(start, stop) of the frames shown at `begin_s` + `timestamps` on the file's own clock.

    Raises:
        EpisodeUnreadable: a step has no frame of its own within half a frame's time.
    """
    wanted, clock = begin_s + timestamps, video.clock_s
    # The nearest frame, not an exact match: stored times are rounded on both sides.
    nearest = np.searchsorted((clock[1:] + clock[:-1]) / 2, wanted)
    bad = np.flatnonzero(
        (np.abs(clock[nearest] - wanted) > 0.5 / fps) | (nearest != nearest[0] + np.arange(len(wanted)))
    )
    if len(bad):
        step = int(bad[0])
        raise EpisodeUnreadable(
            f"{video.path}: no frame of its own for step {step} at {wanted[step]:.3f} s; the video's {len(video)} frames "
            f"reach from {clock[0]:.3f} to {clock[-1]:.3f} s. Rows and video do not belong together."
        )
    return int(nearest[0]), int(nearest[-1]) + 1


def _first_row(path: Path, index: int) -> int:
    """Where in a table that several episodes share the rows of one begin."""
    position = pc.index(read_columns(path, ["episode_index"]).column(0), index).as_py()
    if position < 0:
        raise EpisodeUnreadable(f"{path}: holds no row of episode {index}.")
    return int(position)


def _success(table: pa.Table, is_libero: bool) -> tuple[bool | None, str | None]:
    if "next.success" in table.column_names:
        return bool(np.any(table.column("next.success").to_pylist())), None
    if "next.reward" in table.column_names:
        rewards = np.asarray(table.column("next.reward").to_pylist(), np.float64)
        return success_from_rewards(rewards, sparse=is_libero)
    return None, None


def _notes(layout: Layout, listed: Listed, is_libero: bool) -> list[str]:
    notes = []
    if is_libero:
        notes.append(
            "The action names are LIBERO's; its units and its gripper convention (-1 opens) are taken for granted."
        )
    elif "action" in layout.features:
        notes.append("LeRobot records neither the units of actions nor which gripper value opens.")
    if len(listed.tasks) > 1:
        notes.append(f"The episode has {len(listed.tasks)} tasks; the first is shown as the instruction.")
    if depth := layout.depth_keys():
        notes.append(f"Depth cameras are left out: {quoted(', '.join(depth))}.")
    return notes
