"""Scenes for a policy to act in whose dependence is known by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analyzer.features import FeatureRequest
from analyzer.instances.instance import Instance
from analyzer.instances.instances import Instances
from analyzer.instances.label_maps import LabelMaps
from analyzer.run_folder import CameraRecord
from benchmarks.linear_policy import LinearPolicy
from foundation.action_space import LIBERO
from policies.attribution import ATTRIBUTED
from videos.catalog import open_episode
from videos.encode import write_video
from videos.episode import Episode

GRID = (8, 8)
HEIGHT, WIDTH = 128, 160
PLATE, BOWL, ARM = 1, 2, 3
COLOURS = {PLATE: (220, 40, 60), BOWL: (40, 60, 220), ARM: (20, 20, 20)}
PLACES = {
    PLATE: (slice(32, 64), slice(20, 60)),
    BOWL: (slice(80, 112), slice(100, 140)),
    ARM: (slice(0, 20), slice(70, 90)),
}
"""Rows and columns of each thing: the plate covers the patches of rows 2 … 3 and columns 1 … 2."""


def channel_of(rows: slice, cols: slice, channel: int, dimension: int, size: float = 1.0) -> np.ndarray:
    """(rows, cols, 3, D) weights: dimension `dimension` is `size` times the mean of a colour channel over some patches."""
    weights = np.zeros((*GRID, 3, len(LIBERO)))
    weights[rows, cols, channel, dimension] = size
    return weights / max(1, np.count_nonzero(weights))


@dataclass(frozen=True, eq=False)
class Scene:
    """An episode with a plate, a bowl and an arm before a background, and where they are."""

    episode: Episode
    found: Instances
    cameras: tuple[CameraRecord, ...]
    request: FeatureRequest
    background: np.ndarray
    """(height, width, 3) uint8: the scene without the things."""


def scene(path: Path, policy: LinearPolicy, frames: int = 12, hidden: Sequence[int] = (), **request: object) -> Scene:
    """A lossless video in which nothing moves but the grain of the background; `hidden` things are in no mask."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    background = np.stack([90 + x // 4, 100 + y // 4, 110 + (x + y) // 8], axis=-1).astype(np.uint8)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pictures = [
        np.clip(background + rng.integers(-6, 7, background.shape), 0, 255).astype(np.uint8) for _ in range(frames)
    ]
    for number, place in PLACES.items():
        for picture in pictures:
            picture[place] = COLOURS[number]
        if number not in hidden:
            labels[place] = number
    write_video(path / "take.mp4", pictures, np.arange(frames) / 10, quality=0)
    episode = open_episode(path / "take.mp4")
    (camera,) = episode.cameras
    things = {PLATE: ("plate", "object"), BOWL: ("bowl", "object"), ARM: ("arm", "arm")}
    instances = tuple(
        Instance(number, name, camera, COLOURS[number], "mask", role, (int((labels == number).sum()),) * frames, 0)
        for number, (name, role) in things.items()
    )
    matrix = policy.transform.to_recording(HEIGHT, WIDTH)
    rows = tuple(tuple(float(value) for value in row) for row in matrix)
    record = CameraRecord(camera, WIDTH, HEIGHT, rows, policy.transform.size, (0, 0, WIDTH, HEIGHT))
    asked = {"batch": 4, "actions": True} | request
    return Scene(
        episode,
        Instances(instances, {camera: LabelMaps.compress([labels] * frames)}),
        (record,),
        FeatureRequest((camera,), tuple(range(frames)), (ATTRIBUTED,), **asked),  # type: ignore[arg-type]
        background,
    )
