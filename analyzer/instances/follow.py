"""Instances from one frame to the next, in either direction of time.

What does not change in the picture keeps its label. Where it changes, three witnesses are heard: the flow of the
picture (what moved here), the memory of what lies here when nothing is in front of it (what came back into sight), and
the coordinates of the patch (whom it looks like). So a thing survives being covered: its place remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from analyzer.instances.figure import FigureGround
from analyzer.instances.plane import Plane, difference
from analyzer.motion import pixel_flow
from analyzer.ncut.affinity import squared_distances

CHANGED = 8.0
"""Grey levels of 255, of smoothed pixels: less is noise of the video."""
LIKENESS = 12.0
"""Grey levels by which a pixel may differ from what it is compared with and still be rather that than not."""
SHARP = 0.35
"""Of the distance that is far: how much closer to one thing than to another coordinates must be to tell them apart."""
BY_LOOK, BY_FLOW, BY_MEMORY = 1.0, 1.2, 1.5
"""Weights of the witnesses."""
REACH = 2.0
"""Patches around where a thing was seen last in which it is looked for."""
SETTLED = 3
"""Frames without change after which a pixel is remembered."""


@dataclass
class Model:
    """What one instance looks like and whether it can be looked for anywhere."""

    looks: torch.Tensor
    """(e, c) coordinates of its patches."""
    anywhere: bool = False
    """The arm: it comes from outside and moves fast."""


@dataclass
class Follower:
    """Labels of one camera, frame by frame. Feed frames in order of time, or all in reverse."""

    plane: Plane
    figure: FigureGround
    models: dict[int, Model]
    """Id -> model. May grow while frames go by."""
    labels: np.ndarray = field(init=False)
    """(h, w) uint8 of the frame fed last; 0: none of the models."""
    _picture: np.ndarray | None = field(init=False, default=None)
    _decided_on: np.ndarray = field(init=False)
    """(h, w, 3) uint8: what each pixel showed when its label was last decided."""
    _still: np.ndarray = field(init=False)
    _place: np.ndarray = field(init=False)
    """(h, w, 3) uint8: the picture of what rests here."""
    _owner: np.ndarray = field(init=False)
    """(h, w) uint8: whose it is."""
    _known: np.ndarray = field(init=False)
    _last: dict[int, np.ndarray] = field(init=False, default_factory=dict)
    """(h, w) uint8: where each was seen last."""
    _around: dict[int, tuple[np.ndarray, np.ndarray]] = field(init=False, default_factory=dict)
    """The same with what is near."""

    def __post_init__(self) -> None:
        shape = self.plane.size
        self.labels = np.zeros(shape, np.uint8)
        self._still = np.zeros(shape, np.uint8)
        self._place = np.zeros((*shape, 3), np.uint8)
        self._owner = np.zeros(shape, np.uint8)
        self._known = np.zeros(shape, bool)

    def start(self, picture: np.ndarray, coordinates: np.ndarray, labels: np.ndarray, around: np.ndarray) -> None:
        """The first frame, whose labels are known, but for those of what can be anywhere: it is filled in, by its looks,
        in pieces that reach into `around`, (h, w) bool; where none do, in the largest piece."""
        self._picture = picture
        self._decided_on = picture.copy()
        self.labels = labels.copy()
        look = self.plane.to_pixels(self._look(coordinates))
        best = cv2.medianBlur(look.argmax(axis=2).astype(np.uint8), 5)
        for at, (number, model) in enumerate(self.models.items(), start=1):
            if model.anywhere:
                free = ((best == at) & (self.labels == 0)).astype(np.uint8)
                count, pieces, stats, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
                touched = np.flatnonzero(np.bincount(pieces[around], minlength=count))
                if count > 1 and not touched.any():
                    touched = np.array([1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())])
                self.labels[np.isin(pieces, touched[touched > 0])] = number
        self._remember(np.ones(labels.shape, bool))
        self._note()

    def put(self, number: int, mask: np.ndarray) -> None:
        """Say that an instance is exactly there in the frame fed last, as far as nobody else is in front of it."""
        free = (self.labels == 0) | (self.labels == number)
        self.labels[self.labels == number] = 0
        self.labels[mask & free] = number
        self._owner[(self._owner == number) & (self.labels != number) & (self.labels == 0)] = 0
        self._owner[mask & free] = number
        self._note()

    def step(self, picture: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
        """The next frame, (h, w, 3) uint8 with (rows, cols, c) -> its labels."""
        assert self._picture is not None, "start comes first"
        # Against the picture that each pixel was decided on: a slow change adds up, and noise does not.
        changed = (
            cv2.dilate((difference(picture, self._decided_on, 3) > CHANGED).astype(np.uint8), np.ones((5, 5), np.uint8))
            > 0
        )
        if changed.any():
            self.labels = self._decided(picture, coordinates, changed)
            self._decided_on[changed] = picture[changed]
        self._still = np.where(changed, 0, np.minimum(self._still, 254) + 1).astype(np.uint8)
        self._picture = picture
        self._remember(self._still == SETTLED)
        self._note()
        return self.labels

    def _decided(self, picture: np.ndarray, coordinates: np.ndarray, changed: np.ndarray) -> np.ndarray:
        left, top, width, height = cv2.boundingRect(changed.astype(np.uint8))
        box = (slice(top, top + height), slice(left, left + width))
        owner = self._owner[box]
        within = {
            number: (self._near(number)[box] > 0) | (owner == number)
            for number, model in self.models.items()
            if not model.anywhere
        }
        every = [0, *self.models]
        # Only those that may be here at all are heard.
        chosen = [at for at, number in enumerate(every) if number not in within or within[number].any()]
        look = self.plane.to_pixels(self._look(coordinates)[..., chosen])[box]
        moved, trust = self._moved(picture, box)
        change = difference(picture[box], self._place[box], 3).astype(np.float32)
        same = np.exp(-((change / LIKENESS) ** 2)) * self._known[box]
        best = np.full((height, width), -1.0, np.float32)
        labels = np.zeros((height, width), np.uint8)
        for layer, number in enumerate(every[at] for at in chosen):
            score: np.ndarray = BY_LOOK * look[..., layer]
            score += BY_FLOW * trust * (moved == number)
            score += BY_MEMORY * same * (owner == number)
            if number in within:
                score[~within[number]] = -1
            score = np.asarray(cv2.blur(score, (5, 5)))
            better = score > best
            best[better], labels[better] = score[better], number
        result = self.labels.copy()
        result[box] = np.where(changed[box], labels, result[box])
        return np.where(changed, cv2.medianBlur(result, 5), result)

    def _near(self, number: int) -> np.ndarray:
        """(h, w) uint8: where an instance is looked for, around where it was seen last."""
        seen = self._last.get(number)
        if seen is None:
            return np.zeros(self.labels.shape, np.uint8)
        found = self._around.get(number)
        if found is None or found[0] is not seen:
            reach = np.ones((2 * round(REACH * self.plane.patch_pixels) + 1,) * 2, np.uint8)
            self._around[number] = found = (seen, cv2.dilate(seen, reach))
        return found[1]

    def _look(self, coordinates: np.ndarray) -> np.ndarray:
        """(rows, cols, 1 + models) float32: how likely each patch is nobody's, and each model's, by its looks."""
        rows, cols, c = coordinates.shape
        patches = torch.from_numpy(np.ascontiguousarray(coordinates.reshape(-1, c)))
        nobody = torch.from_numpy(self.figure.distance(coordinates).reshape(-1)).square()
        away = [nobody, *(squared_distances(patches, model.looks).amin(1) for model in self.models.values())]
        cost = torch.stack(away, dim=1).clamp(min=0) / (self.figure.far * SHARP) ** 2
        likely = torch.softmax(-cost / 2, dim=1)
        return np.asarray(likely.numpy().reshape(rows, cols, -1))

    def _moved(self, picture: np.ndarray, box: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """Labels that the flow carries into a box, and how well the picture that it carries fits there, 0 … 1."""
        assert self._picture is not None
        margin = round(3 * self.plane.patch_pixels)
        top, left = max(0, box[0].start - margin), max(0, box[1].start - margin)
        around = (slice(top, box[0].stop + margin), slice(left, box[1].stop + margin))
        now, before = picture[around], self._picture[around]
        if min(now.shape[:2]) < 16:
            return self.labels[box], np.zeros(self.labels[box].shape, np.float32)
        flow = pixel_flow(now, before)
        y, x = np.mgrid[0 : now.shape[0], 0 : now.shape[1]].astype(np.float32)
        x, y = x + flow[..., 0], y + flow[..., 1]
        carried = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        labels = cv2.remap(self.labels[around], x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        off = difference(carried, now, 3).astype(np.float32)
        inner = (slice(box[0].start - top, box[0].stop - top), slice(box[1].start - left, box[1].stop - left))
        return labels[inner], np.exp(-((off[inner] / LIKENESS) ** 2))

    def _remember(self, where: np.ndarray) -> None:
        """Take what is seen there for what rests there; the arm rests nowhere."""
        assert self._picture is not None
        passing = np.isin(self.labels, [number for number, model in self.models.items() if model.anywhere])
        where = where & ~passing
        cv2.copyTo(self._picture, where.astype(np.uint8), self._place)
        cv2.copyTo(self.labels, where.astype(np.uint8), self._owner)
        self._known |= where

    def _note(self) -> None:
        sizes = np.bincount(self.labels.reshape(-1), minlength=256)
        for number, model in self.models.items():
            if model.anywhere or sizes[number] < 0.5 * self.plane.patch_pixels**2:
                continue
            seen = (self.labels == number).astype(np.uint8)
            if number not in self._last or not np.array_equal(seen, self._last[number]):
                self._last[number] = seen
