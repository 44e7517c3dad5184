"""The motion of an episode's pictures, frame to frame, on the grid of every site: found once, read by whoever needs it.

It lies on disk while the episode is written, as features do: memory does not grow with the number of frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

from analyzer.motion import ModelPlane, Motion, motion
from analyzer.ncut.coupling import Link
from analyzer.ncut.steadiness import Step
from analyzer.npy import NpyFile
from analyzer.run_folder import CameraRecord

Grid = tuple[int, int]


class MotionTrack:
    """From every analysed frame to the next, of all cameras, for each of some grids."""

    def __init__(self, folder: Path, frames: int) -> None:
        self._folder = folder
        self.frames = frames

    @classmethod
    def record(
        cls,
        pictures: Iterable[Sequence[np.ndarray]],
        frames: int,
        cameras: Sequence[CameraRecord],
        grids: Iterable[Grid],
        folder: Path,
    ) -> MotionTrack:
        """Find it and keep it in `folder`, which must not exist yet.

        Args:
            pictures: of every analysed frame, (height, width, 3) uint8 of each camera.
            frames: how many there are.
        """
        folder.mkdir(parents=True)
        planes = {grid: [ModelPlane(camera, grid) for camera in cameras] for grid in set(grids)}
        with ExitStack() as stack:
            files = {
                grid: stack.enter_context(
                    NpyFile.create(_path(folder, grid), (max(frames - 1, 0), len(cameras), *grid, 7), "float16")
                )
                for grid in planes
            }
            before: dict[Grid, list[np.ndarray]] = {}
            for at, shown in enumerate(pictures):
                seen = {grid: [plane(rgb) for plane, rgb in zip(of, shown, strict=True)] for grid, of in planes.items()}
                for grid, earlier in before.items():
                    found = [_packed(motion(a, b, grid)) for a, b in zip(earlier, seen[grid], strict=True)]
                    files[grid].write(at - 1, np.stack(found)[None])
                before = seen
        return cls(folder, frames)

    def links(self, grid: Grid) -> Iterator[tuple[Link, Link]]:
        """Of every frame but the last: where its patches go, and where those of the next come from."""
        for step in self._steps(grid):
            yield Link(step[..., 0:2], step[..., 4] > 0), Link(step[..., 2:4], step[..., 5] > 0)

    def steps(self, grid: Grid) -> Iterator[Step]:
        """From every frame but the last to the next, (cameras, rows, cols)."""
        for step in self._steps(grid):
            yield Step(static=step[..., 6] > 0, visible=step[..., 4] > 0, flow=step[..., 0:2])

    def _steps(self, grid: Grid) -> Iterator[torch.Tensor]:
        with NpyFile.open(_path(self._folder, grid)) as file:
            for at in range(len(file)):
                yield torch.from_numpy(file.read(at, at + 1)[0].astype(np.float32))


def _path(folder: Path, grid: Grid) -> Path:
    return folder / f"{grid[0]}x{grid[1]}.npy"


def _packed(found: Motion) -> np.ndarray:
    """(rows, cols, 7) float16: flow there, flow back, visible there, visible back, static."""
    marks = np.stack([found.visible, found.back_visible, found.static], axis=-1)
    return np.concatenate([found.flow, found.back_flow, marks], axis=-1).astype(np.float16)
