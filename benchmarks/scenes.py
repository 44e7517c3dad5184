"""A made-up scene whose every patch is known: things that move over a textured ground, hide each other, and one that
comes in late. Its features behave as a vision backbone's do where it matters: neighbours on the ground are alike, a
patch on an edge is a mixture of both sides, and every patch flickers by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scene:
    """What is drawn. Equal fields give equal frames."""

    seed: int
    frames: int = 60
    grid: int = 24
    """Patches a side."""
    dim: int = 256
    objects: int = 6
    noise: float = 0.5
    """Of each patch in each frame, over the typical distance between two prototypes."""
    texture: float = 0.35
    """Of the ground and of the inside of objects, likewise; it stays where it is."""
    late: float = 0.5
    """When the last object comes in, as a share of the frames."""

    def stream(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Frame by frame: (patches, dim) float32 features; (patches,) int64 labels: 0 and 1 ground, objects from 2."""
        rng = np.random.default_rng(self.seed)
        g, dim = self.grid, self.dim
        prototypes = rng.normal(size=(self.objects + 2, dim)).astype(np.float32)
        # Two objects are near relatives, as a bowl and a ramekin are.
        prototypes[3] = 0.6 * prototypes[2] + 0.8 * prototypes[3]
        ground = self.texture * _smooth_field(rng, g, dim)
        inside = self.texture * rng.normal(size=(self.objects, g * g, dim)).astype(np.float32) / 2
        radius = rng.uniform(1.3, 3.5, self.objects)
        start, speed = rng.uniform(3, g - 3, (self.objects, 2)), rng.normal(0, 0.25, (self.objects, 2))
        speed[: self.objects // 2] = 0.0  # half of them stay
        horizon = rng.uniform(0.25, 0.45) * g
        y, x = np.mgrid[0:g, 0:g].reshape(2, -1).astype(np.float32)
        floor = 1 / (1 + np.exp(-(y - horizon) / 0.3))
        for t in range(self.frames):
            values = np.outer(1 - floor, prototypes[0]) + np.outer(floor, prototypes[1]) + ground
            labels = (floor > 0.5).astype(np.int64)
            for k in range(self.objects):
                late = k == self.objects - 1
                if late and t < self.late * self.frames:
                    continue
                place = start[k] + speed[k] * t
                place = g / 2 - abs((place % (2 * g)) - g) + g / 2  # back and forth between the walls
                covered = 1 / (1 + np.exp((np.hypot(y - place[0], x - place[1]) - radius[k]) / 0.25))
                values += covered[:, None] * (prototypes[k + 2] + inside[k] - values)
                labels[covered > 0.5] = k + 2
            noise = rng.normal(size=(g * g, dim)).astype(np.float32)
            yield values.astype(np.float32) + self.noise * noise, labels

    def static(self, labels: np.ndarray) -> np.ndarray:
        """(frames, patches) labels -> (frames - 1, patches): neither a patch nor one beside it changes its label."""
        moved = (labels[1:] != labels[:-1]).reshape(-1, self.grid, self.grid)
        padded = np.pad(moved, ((0, 0), (1, 1), (1, 1)))
        near = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).any(axis=(3, 4))
        return ~near.reshape(len(moved), -1)


def _smooth_field(rng: np.random.Generator, side: int, dim: int, waves: int = 12) -> np.ndarray:
    """(side^2, dim) float32, mean square about 1, that varies slowly over the picture."""
    y, x = np.mgrid[0:side, 0:side].reshape(2, -1) / side
    frequency, phase = rng.uniform(-3, 3, (waves, 2)), rng.uniform(0, 2 * np.pi, waves)
    pattern = np.cos(2 * np.pi * (np.outer(y, frequency[:, 0]) + np.outer(x, frequency[:, 1])) + phase)
    return (pattern @ rng.normal(size=(waves, dim)) * (2 / waves) ** 0.5).astype(np.float32)


def blobs(n: int, dim: int = 256, groups: int = 30, noise: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, dim) float32 rows around `groups` centres, half of them in four groups, and (n,) which one each belongs to."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, dim)).astype(np.float32)
    share = np.concatenate([np.full(4, 0.125), np.full(groups - 4, 0.5 / (groups - 4))])
    labels = rng.choice(groups, size=n, p=share)
    return centres[labels] + noise * rng.normal(size=(n, dim)).astype(np.float32), labels
