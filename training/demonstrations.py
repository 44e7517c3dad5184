"""The scripted demonstrations as flat arrays, and which of them serve what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videos.video_file import VideoFile

PARTS = ("train", "validation", "test")
ODD_GRASP = 30.0
"""Degrees from the usual angle of its task beyond which a demonstration is left out."""
PHASES = ("approach", "descend", "grasp", "lift", "transport", "lower", "release", "retreat", "rise")


def split(episodes: Sequence[Mapping[str, Any]], angles: Mapping[str, float], seed: int) -> dict[str, list[str]]:
    """Paths by part: of every task one initial state for validation, one for the test, the others to train on.

    Args:
        episodes: rows of index.json with "path", "task_id", "init_state_id"; failures among them are left out.
        angles: path -> angle of the grasp, in degrees. A demonstration that grasps at another angle than the rest of
            its task is listed as "dropped": one task should have one way.
    """
    demos = [episode for episode in episodes if str(episode["path"]).startswith("demos/")]
    parts: dict[str, list[str]] = {part: [] for part in (*PARTS, "dropped")}
    generator = np.random.default_rng(seed)
    for task in sorted({int(episode["task_id"]) for episode in demos}):
        own = sorted((e for e in demos if e["task_id"] == task), key=lambda e: int(e["init_state_id"]))
        usual = float(np.median([angles[str(e["path"])] for e in own]))
        odd = [str(e["path"]) for e in own if abs(angles[str(e["path"])] - usual) > ODD_GRASP]
        kept = [str(e["path"]) for e in own if str(e["path"]) not in odd]
        validation, test = generator.choice(len(kept), 2, replace=False)
        parts["dropped"] += odd
        parts["validation"].append(kept[validation])
        parts["test"].append(kept[test])
        parts["train"] += [path for i, path in enumerate(kept) if i not in (validation, test)]
    return {part: sorted(chosen) for part, chosen in parts.items()}


def read_split(file: Path, data: Path, seed: int) -> dict[str, list[str]]:
    """The split that is written down in `file`; made and written where there is none."""
    if not file.is_file():
        episodes = json.loads((data / "index.json").read_text())
        paths = [str(e["path"]) for e in episodes if str(e["path"]).startswith("demos/")]
        angles = {path: _meta(data / path)["controller"]["params"]["phi"] for path in paths}
        file.write_text(json.dumps(split(episodes, angles, seed), indent=1) + "\n")
    return dict(json.loads(file.read_text()))


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """Steps of many episodes, one after the other: n rows."""

    paths: tuple[str, ...]
    instructions: tuple[str, ...]
    """One an episode."""
    episode: np.ndarray
    """(n,) int64 which episode a row belongs to."""
    task: np.ndarray
    """(n,) int64"""
    frames: np.ndarray
    """(n, height, width, 3) uint8, on disk."""
    actions: np.ndarray
    """(n, 7) float64 what the script wanted, in LIBERO's units."""
    executed: np.ndarray
    """(n, 7) float64 the same with noise: what the simulator got, and a recording would hold."""
    phase: np.ndarray
    """(n,) int64 into PHASES."""
    hand: np.ndarray
    """(n, 3) float64 position of the gripper, m."""
    goal: np.ndarray
    """(n, 3) float64 position of what the script was after: the bowl, then the plate."""
    bowls: np.ndarray
    """(n, 2, 3) float64 position of the bowl that is meant and of the other."""
    fingers: np.ndarray
    """(n,) float64 opening of the gripper, m."""

    def __len__(self) -> int:
        return len(self.episode)

    def rows(self, paths: Sequence[str]) -> np.ndarray:
        """Rows of the named episodes."""
        wanted = [self.paths.index(path) for path in paths]
        return np.flatnonzero(np.isin(self.episode, wanted))


def read(data: Path, paths: Sequence[str], work: Path) -> Demonstrations:
    """Read `paths`; decoded frames are kept in `work`, which is filled once."""
    tables = [dict(np.load(data / path / "data.npz")) for path in paths]
    metas = [_meta(data / path) for path in paths]
    lengths = [len(table["action_clean"]) for table in tables]

    def joined(columns: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(columns).astype(np.float64)

    def goal(table: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> np.ndarray:
        names = list(table["object_names"])
        position = np.empty((len(table["phase"]), 3))
        for phase in meta["phases"]:
            position[phase["start"] : phase["end"]] = table["object_pos"][
                phase["start"] : phase["end"], names.index(phase["intended"])
            ]
        return position

    def bowls(table: Mapping[str, np.ndarray]) -> np.ndarray:
        names = list(table["object_names"])
        return table["object_pos"][:, [names.index(f"akita_black_bowl_{i}") for i in (1, 2)]]

    assert all((table["frame_step"] == np.arange(len(table["phase"]))).all() for table in tables), "a frame every step"
    return Demonstrations(
        tuple(paths),
        tuple(str(meta["language"]) for meta in metas),
        np.repeat(np.arange(len(paths)), lengths),
        np.repeat([int(meta["task_id"]) for meta in metas], lengths),
        _frames(data, paths, sum(lengths), work / "frames.npy"),
        joined([table["action_clean"] for table in tables]),
        joined([table["action_executed"] for table in tables]),
        np.concatenate([_phase(meta, length) for meta, length in zip(metas, lengths, strict=True)]),
        joined([table["eef_pos"] for table in tables]),
        joined([goal(table, meta) for table, meta in zip(tables, metas, strict=True)]),
        joined([bowls(table) for table in tables]),
        joined([table["gripper_qpos"][:, 0] - table["gripper_qpos"][:, 1] for table in tables]),
    )


def _frames(data: Path, paths: Sequence[str], count: int, file: Path) -> np.ndarray:
    if not file.is_file():
        pictures = (frame.rgb for path in paths for frame in VideoFile(data / path / "agentview.mp4").frames())
        first = next(pictures)
        part = file.with_suffix(".part")
        with part.open("wb") as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *first.shape)}
            np.lib.format.write_array_header_1_0(stream, header)
            stream.write(first.tobytes())
            for picture in pictures:
                stream.write(picture.tobytes())
        part.rename(file)
    frames = np.load(file, mmap_mode="r")
    assert len(frames) == count, f"{file} holds {len(frames)} frames, not {count}: delete it."
    return frames


def _phase(meta: Mapping[str, Any], length: int) -> np.ndarray:
    phase = np.full(length, -1)
    for entry in meta["phases"]:
        phase[entry["start"] : entry["end"]] = PHASES.index(entry["phase"])
    assert phase.min() >= 0
    return phase


def _meta(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "meta.json").read_text()))
