"""The patches at which all sites of a run are compared: the same spots of the same pictures, wherever features are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from analyzer.features import SiteFeatures
from analyzer.ncut.landmarks import sample_indices

FRAMES = 64
"""Read whole, spread evenly over the episodes."""
PATCHES = 8192
"""Taken from them, spread evenly over the frames."""


@dataclass(frozen=True, eq=False)
class CommonPatches:
    """Spots of some episodes' frames. Where grids differ, a site is asked for its patch that covers the spot's centre."""

    episodes: Sequence[Mapping[str, SiteFeatures]]
    frames: tuple[tuple[int, int], ...]
    """(episode, frame among those analysed)."""
    cameras: tuple[np.ndarray, ...]
    """Of each frame: (p,) camera of each spot."""
    centres: tuple[np.ndarray, ...]
    """Of each frame: (p, 2) y and x of each spot in the picture, 0 … 1."""

    @classmethod
    def choose(cls, episodes: Sequence[Mapping[str, SiteFeatures]], seed: int) -> Self:
        """Spots on the finest grid of all sites."""
        every = [(e, frame) for e, sites in enumerate(episodes) for frame in range(next(iter(sites.values())).shape[0])]
        frames = tuple(every[at] for at in np.unique(np.linspace(0, len(every) - 1, FRAMES).round().astype(int)))
        per_frame = max(1, PATCHES // len(frames))
        cameras, centres = [], []
        for number, (episode, _) in enumerate(frames):
            shapes = [site.shape for site in episodes[episode].values()]
            _, views, rows, cols, _ = max(shapes, key=lambda shape: shape[2] * shape[3])
            spots = sample_indices(views * rows * cols, per_frame, seed + number)
            camera, row, col = np.unravel_index(spots, (views, rows, cols))
            cameras.append(camera)
            centres.append(np.stack([(row + 0.5) / rows, (col + 0.5) / cols], axis=1))
        return cls(episodes, frames, tuple(cameras), tuple(centres))

    def features(self, site: str) -> np.ndarray:
        """(n, C) float16 features of the spots, in the same order at every site."""
        parts = []
        for (episode, frame), camera, centre in zip(self.frames, self.cameras, self.centres, strict=True):
            read = self.episodes[episode][site].frames(frame, frame + 1)[0]
            row, col = (centre * read.shape[1:3]).astype(int).T
            parts.append(read[camera, row, col])
        return np.concatenate(parts)
