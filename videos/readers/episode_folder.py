"""A folder a simulator wrote for one episode: meta.json, data.npz, one video a camera, perhaps masks in seg.npz."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foundation.errors import EpisodeUnreadable, quoted
from videos.confinement import inside
from videos.episode import Episode, EpisodeSummary, GroundTruthMasks
from videos.readers.reader import ReadOptions, id_of, locator_of, path_of
from videos.readers.video_file import facts_of
from videos.recorded_steps import steps_from_mapping
from videos.side_files import opened_npz, read_json_object
from videos.video_file import VideoFile

META, DATA, MASKS = "meta.json", "data.npz", "seg.npz"
HAND = "eef_px"
"""Field of data.npz: where the simulator saw the hand in the picture of the one camera that meta.json calibrates."""


def find(root: Path, path: Path) -> list[EpisodeSummary]:
    meta = read_json_object(inside(root, path / META))
    facts = _facts(path, meta)
    frames = meta.get("n_frames", meta.get("length"))
    frames = frames if isinstance(frames, int) else None
    fps = meta.get("fps")
    return [
        EpisodeSummary(
            id=id_of(root, path),
            source=root,
            format="episode_folder",
            locator=locator_of(root, path),
            cameras=tuple(_camera_files(root, path, meta)),
            instruction=facts.get("instruction"),
            frames=frames,
            duration_s=frames / fps if frames and isinstance(fps, int | float) and fps > 0 else None,
            success=facts.get("success"),
        )
    ]


def read(summary: EpisodeSummary, options: ReadOptions) -> Episode:
    root, folder = summary.source, path_of(summary.source, summary.locator)
    meta = read_json_object(inside(root, folder / META))
    facts = _facts(folder, meta)
    cameras = {name: VideoFile(file) for name, file in _camera_files(root, folder, meta).items()}
    data = inside(root, folder / DATA)
    notes = [note for camera in cameras.values() for note in camera.notes]
    with opened_npz(data) as arrays:
        steps = steps_from_mapping(data, ChainMap(_dimension_names(meta), arrays))  # type: ignore[arg-type]
        hand = _hand(data, arrays, meta, cameras, steps.frame_steps)
        if "action_clean" in arrays and "action_executed" in arrays:
            notes.append(
                "The recording holds clean and executed actions; the executed ones, sent to the robot, are read."
            )
    if isinstance(meta.get("image_orientation"), str):
        notes.append(f"Image orientation, as recorded: {meta['image_orientation']}.")
    if isinstance(meta.get("provenance"), str):
        notes.append(f"Provenance, as recorded: {meta['provenance']}")
    return Episode(
        id=summary.id,
        source=root,
        format=summary.format,
        cameras=cameras,
        instruction=facts.get("instruction"),
        actions=steps.actions,
        action_space=steps.action_space,
        states=steps.states,
        state_names=steps.state_names,
        frame_steps=steps.frame_steps,
        success=facts.get("success"),
        control_hz=facts.get("control_hz"),
        masks=_masks(root, folder, cameras),
        hand_px=hand,
        notes=tuple(notes),
    )


def _facts(folder: Path, meta: dict[str, Any]) -> dict[str, Any]:
    space = meta.get("action_space")
    inner = space.get("control_hz") if isinstance(space, dict) else None
    return facts_of(folder / META, {"control_hz": inner, **meta})


def _dimension_names(meta: dict[str, Any]) -> dict[str, Any]:
    """The names of actions and states, where meta.json gives them."""
    space = meta.get("action_space")
    names = {
        "action_names": space.get("names") if isinstance(space, dict) else meta.get("action_names"),
        "state_names": meta.get("state_names"),
    }
    return {field: value for field, value in names.items() if isinstance(value, list)}


def _camera_files(root: Path, folder: Path, meta: dict[str, Any]) -> dict[str, Path]:
    """Camera -> video, as meta.json lists them; where it lists none, every .mp4 by its name."""
    listed = meta.get("cameras")
    if listed is None:
        return {file.stem: inside(root, file) for file in sorted(folder.glob("*.mp4"))}
    if not isinstance(listed, dict) or not all(isinstance(file, str) for file in listed.values()):
        raise EpisodeUnreadable(f"{folder / META}: cameras must map names to file names; got {quoted(listed)}.")
    return {name: inside(root, folder / file) for name, file in listed.items()}


def _hand(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    meta: dict[str, Any],
    cameras: Mapping[str, VideoFile],
    frame_steps: np.ndarray | None,
) -> dict[str, np.ndarray] | None:
    """Where the recording says that the hand is in the picture: (x, y) or (x, y, depth) a step."""
    calibrated = [name for name in cameras if isinstance(meta.get(f"{name}_camera"), dict)]
    if HAND not in arrays or len(calibrated) != 1:
        return None
    rows, frames = arrays[HAND], len(cameras[calibrated[0]])
    steps = np.arange(frames) if frame_steps is None else frame_steps
    if rows.ndim != 2 or rows.shape[1] not in (2, 3) or not np.issubdtype(rows.dtype, np.number):
        raise EpisodeUnreadable(f"{path}: {HAND} must be (steps, 2 or 3) numbers; got {rows.shape} {rows.dtype}.")
    if len(steps) != frames or steps.min(initial=0) < 0 or steps.max(initial=0) >= len(rows):
        raise EpisodeUnreadable(f"{path}: {HAND} has {len(rows)} rows, too few for the steps of {frames} frames.")
    shown = rows[steps].astype(np.float64)
    seen = np.isfinite(shown).all(axis=1, keepdims=True) & (shown[:, 2:] > 0).all(axis=1, keepdims=True)
    return {calibrated[0]: np.where(seen, shown[:, :2], np.nan)}


@dataclass(frozen=True)
class _NpzMasks:
    """The masks of one camera, in an .npz that holds those of all."""

    path: Path
    camera: str
    shape: tuple[int, int, int]
    """(frames, height, width) of the camera's video."""

    def load(self) -> GroundTruthMasks:
        with opened_npz(self.path) as arrays:
            labels = arrays[self.camera]
            highest = int(labels.max(initial=0))
            names = tuple(str(n) for n in arrays["names"]) if "names" in arrays else ()
        if labels.shape != self.shape or labels.dtype != np.uint8:
            raise EpisodeUnreadable(
                f"{self.path}: the masks of {quoted(self.camera)} are {labels.shape} {labels.dtype}; "
                f"its video is {self.shape} (frames, height, width), and masks are uint8."
            )
        if names and highest >= len(names):
            raise EpisodeUnreadable(f"{self.path}: object {highest} has no name; there are {len(names)} names.")
        return GroundTruthMasks(labels, names or ("background", *(f"object {i}" for i in range(1, highest + 1))))


def _masks(root: Path, folder: Path, cameras: dict[str, VideoFile]) -> dict[str, _NpzMasks] | None:
    path = folder / MASKS
    if not path.is_file():
        return None
    with opened_npz(inside(root, path)) as arrays:
        stored = set(arrays)
    masks = {
        name: _NpzMasks(path, name, (len(camera), *camera.size)) for name, camera in cameras.items() if name in stored
    }
    return masks or None
