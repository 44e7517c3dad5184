"""Made-up scenes with known answers: coloured things on a grey ground, seen by a model whose coordinates name the thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from analyzer.instances.view import SiteView, View
from analyzer.run_folder import CameraRecord

PATCH = 8
GRID = (24, 24)
SIDE = GRID[0] * PATCH
GROUND, ARM = 0, 99


@dataclass(frozen=True)
class Thing:
    """A disc, or the bar of an arm that reaches in from the top."""

    number: int
    """Of its kind: things of one number look alike."""
    place: Callable[[int], tuple[float, float] | None]
    """Frame -> (x, y) of its middle in pixels; None: not there."""
    radius: int = 14
    arm: bool = False


@dataclass
class Stage:
    """Draws things in order, the last in front."""

    things: tuple[Thing, ...]
    frames: int
    seed: int = 0
    noise: float = 0.03
    pans: int = 0
    """Pixels that the ground moves by in a frame."""
    _known: dict[int, np.ndarray] = field(default_factory=dict)

    def truth(self, frame: int) -> np.ndarray:
        """(side, side) uint8: 1 + position of the thing that is seen, 0 ground."""
        if frame not in self._known:
            labels = np.zeros((SIDE, SIDE), np.uint8)
            for at, thing in enumerate(self.things, start=1):
                place = thing.place(frame)
                if place is None:
                    continue
                x, y = round(place[0]), round(place[1])
                if thing.arm:
                    cv2.rectangle(labels, (x - thing.radius, 0), (x + thing.radius, y), at, -1)
                else:
                    cv2.circle(labels, (x, y), thing.radius, at, -1)
            self._known[frame] = labels
        return self._known[frame]

    def picture(self, frame: int) -> np.ndarray:
        rng = np.random.default_rng(7)
        texture = cv2.GaussianBlur(rng.normal(0, 40 if not self.pans else 250, (SIDE, SIDE)), (0, 0), 2)[..., None]
        texture = np.roll(texture, self.pans * frame, axis=1)
        colors = np.array([[150, 150, 140]] + [self._color(thing.number) for thing in self.things])
        return (colors[self.truth(frame)] + texture).clip(0, 255).astype(np.uint8)

    @staticmethod
    def _color(number: int) -> tuple[int, int, int]:
        red, green, blue = np.random.default_rng(number).integers(0, 90, 3)
        return (235, 235, 240) if number == ARM else (int(red) + 20 * (number % 3), int(green), int(blue) + 40)

    def coordinates(self, start: int, stop: int) -> np.ndarray:
        """(n, rows, cols, 16): a patch is the mean of what it shows, with a little noise of its own."""
        kinds = {thing.number for thing in self.things} | {GROUND}
        look = {kind: np.random.default_rng(1000 + kind).normal(size=16) for kind in kinds}
        look[GROUND] = look[GROUND] * 0.2
        table = np.array([look[GROUND]] + [look[thing.number] for thing in self.things])
        frames = []
        for frame in range(start, stop):
            blocks = table[self.truth(frame)].reshape(GRID[0], PATCH, GRID[1], PATCH, 16).mean(axis=(1, 3))
            own = np.random.default_rng((self.seed, frame)).normal(size=blocks.shape)
            frames.append(blocks + self.noise * own)
        return np.array(frames, np.float32)

    def pictures(self, start: int, stop: int) -> Iterator[np.ndarray]:
        return (self.picture(frame) for frame in range(start, stop))

    @property
    def camera(self) -> CameraRecord:
        scale = 1 / 2
        matrix = ((scale, 0.0, 0.0), (0.0, scale, 0.0), (0.0, 0.0, 1.0))
        return CameraRecord("front", SIDE, SIDE, matrix, (2 * SIDE, 2 * SIDE), (0, 0, SIDE, SIDE))

    @property
    def view(self) -> View:
        return View(self.camera, self.frames, self.pictures, (SiteView("site", GRID, self.coordinates),))


def enlarged(stage: Stage, times: int) -> View:
    """The same scene, recorded with so many times the pixels."""
    camera = stage.camera
    matrix = np.diag([times, times, 1.0]) @ np.array(camera.to_recording)
    larger = replace(
        camera,
        width=times * SIDE,
        height=times * SIDE,
        to_recording=tuple(tuple(float(value) for value in row) for row in matrix),
    )

    def pictures(start: int, stop: int) -> Iterator[np.ndarray]:
        for picture in stage.pictures(start, stop):
            yield picture.repeat(times, axis=0).repeat(times, axis=1)

    return replace(stage.view, camera=larger, pictures=pictures)


def rests(x: float, y: float) -> Callable[[int], tuple[float, float]]:
    return lambda frame: (x, y)


def arm_from(start: float, stop: float, frames: int, reach: float = 150.0) -> Thing:
    """An arm that goes across the picture at a steady pace."""
    return Thing(ARM, lambda frame: (start + (stop - start) * frame / max(1, frames - 1), reach), 12, arm=True)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two bool masks."""
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0
