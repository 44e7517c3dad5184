"""Instances that a person points at in one frame, followed to the beginning and to the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from analyzer.instances.embedded import Embedded
from analyzer.instances.figure import FigureGround
from analyzer.instances.follow import Follower, Model
from analyzer.instances.instance import Instance
from analyzer.instances.instances import Gallery, Instances, colored
from analyzer.instances.label_maps import LabelMaps, to_png
from analyzer.instances.outline import outline
from analyzer.instances.plane import Plane
from analyzer.instances.proposals import islands
from analyzer.instances.survey import KEYS, LOOKS, SHOWN, Survey, survey
from analyzer.instances.view import View
from analyzer.instances.working import Working
from analyzer.ncut.landmarks import kmeans_landmarks
from analyzer.ncut.prompt import SELECTED, Prompt
from analyzer.settings import Settings
from analyzer.threads import one_thread
from foundation.errors import BadInput, quoted

CHUNK = 32
"""Pictures held at once when time runs backwards."""
OTHERS = 249
"""Number of what moves by itself, while clicked things are followed."""


@dataclass(frozen=True)
class Click:
    """What a person pointed at."""

    name: str
    """Hostile text, kept as it is."""
    frame: int
    """Position among the analysed frames."""
    points: tuple[tuple[float, float], ...] = ()
    """(x, y) on the thing, in pixels of the recording."""
    background: tuple[tuple[float, float], ...] = ()
    """(x, y) beside it."""
    box: tuple[float, float, float, float] | None = None
    """(left, top, width, height) around it."""
    patches: tuple[tuple[int, int], ...] = ()
    """(row, column) of all that is the thing, in a division of what the policy sees into `grid`."""
    grid: tuple[int, int] | None = None
    """(rows, columns)."""


@one_thread()
def clicked(view: View, clicks: Sequence[Click], settings: Settings) -> Instances:
    """One instance a click, in their order, in every frame.

    Patches are taken as they are. Without them a point selects the thing that was found to rest there, else the island of
    figure that it lies on, else what looks like its patch (see `ncut.prompt`) and hangs together; a box, what stands out
    in it. The outline is drawn in that frame and followed both ways.

    Raises:
        BadInput: no click, more than fit, a frame or a place that is not there, or nothing pointed at.
    """
    if not clicks or len(clicks) >= OTHERS:
        raise BadInput(f"{len(clicks)} things are pointed at; 1 … {OTHERS - 1} can be followed.")
    for click in clicks:
        check(view, click)
    keys = [int(one) for one in np.unique(np.linspace(0, view.frames - 1, min(KEYS, view.frames)).round())]
    embedded = Embedded.of(view, keys)
    working = Working(view, embedded.grid)
    found = survey(view.frames, working, embedded)
    first: dict[int, np.ndarray] = {}
    models: dict[int, Model] = {OTHERS: Model(found.arm, anywhere=True)} if len(found.arm) else {}
    for number, click in enumerate(clicks, start=1):
        picture = next(working.pictures(click.frame, click.frame + 1))
        coordinates = embedded.at(click.frame)
        first[number] = _selected(view, click, working, found, coordinates, picture)
        covered = working.plane.to_patches(first[number])
        if not covered.any():
            raise BadInput(f"The click on {quoted(click.name)} shows nothing that the model sees.")
        within = coordinates[covered >= min(0.6, float(covered.max()))]
        own = torch.from_numpy(within)
        models[number] = Model(kmeans_landmarks(own, min(LOOKS, len(own)), iterations=5))
    pngs = _followed(view, clicks, working, embedded, found.figure, models, first)
    gallery = Gallery(range(1, len(clicks) + 1))
    for png, picture in zip(pngs, view.pictures(0, view.frames), strict=True):
        gallery.add(LabelMaps((png,))[0], picture)
    instances = [
        Instance(
            id=number,
            name=click.name,
            camera=view.camera.name,
            color=(0, 0, 0),
            origin="clicked",
            role="object",
            area=tuple(gallery.areas[number]),
            key_frame=gallery.key_frame(number),
        )
        for number, click in enumerate(clicks, start=1)
    ]
    maps = {view.camera.name: LabelMaps(tuple(pngs))}
    return Instances(tuple(colored(instances, settings.palette)), maps, gallery.thumbnails)


def check(view: View, click: Click) -> None:
    """Whether a click can be followed at all.

    Raises:
        BadInput: a frame or a place that is not there, or nothing pointed at.
    """
    what = f"The click on {quoted(click.name)}"
    if not 0 <= click.frame < view.frames:
        raise BadInput(f"{what} is in frame {click.frame}; the analysed frames are 0 … {view.frames - 1}.")
    if not click.points and click.box is None and not click.patches:
        raise BadInput(f"{what} says neither a point nor a box on the thing.")
    width, height = view.camera.width, view.camera.height
    for x, y in (*click.points, *click.background):
        if not (0 <= x < width and 0 <= y < height):
            raise BadInput(f"{what} is at ({x:g}, {y:g}), outside of the picture of {width} x {height} pixels.")
        _seen_at(view, x, y)
    if click.box is not None:
        left, top, wide, high = click.box
        if not (wide > 0 and high > 0 and left < width and top < height and left + wide > 0 and top + high > 0):
            raise BadInput(f"{what} has the box {click.box}, which holds nothing of the picture of {width} x {height}.")
    if click.patches and not _painted(view, click).any():
        raise BadInput(f"{what} has patches that show nothing of the picture of {width} x {height}.")


def _painted(view: View, click: Click, plane: Plane | None = None) -> np.ndarray:
    """(h, w) bool: the click's patches, in the picture."""
    assert click.grid is not None
    values = np.zeros(click.grid, np.float32)
    rows, columns = zip(*click.patches, strict=True)
    values[list(rows), list(columns)] = 1
    # As squares, not blurred over the patches beside them.
    finer = cv2.resize(values, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    return np.asarray((plane or Plane(view.camera, click.grid)).to_pixels(finer) > 0.5)


def _selected(
    view: View, click: Click, working: Working, found: Survey, coordinates: np.ndarray, picture: np.ndarray
) -> np.ndarray:
    """(h, w) bool: the thing, in the frame of its click."""
    plane = working.plane
    across, down = plane.size[1] / view.camera.width, plane.size[0] / view.camera.height

    def spots(points: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
        return [(min(int(y * down), plane.size[0] - 1), min(int(x * across), plane.size[1] - 1)) for x, y in points]

    if click.patches:
        mask = _painted(view, click, plane)
        return outline(picture, mask, np.zeros(plane.size, bool), plane.patch_pixels)
    distance = found.figure.distance(coordinates)
    if click.box is not None:
        left, top, wide, high = click.box
        inside = np.zeros(plane.size, bool)
        rows = slice(max(0, round(top * down)), max(round(top * down) + 1, round((top + high) * down)))
        inside[rows, max(0, round(left * across)) : max(round(left * across) + 1, round((left + wide) * across))] = True
        stands_out = inside & (plane.to_pixels(distance) > found.figure.begins)
        mask = stands_out if stands_out.sum() > 0.2 * inside.sum() else inside
        return outline(picture, mask, ~inside, plane.patch_pixels)
    beside = spots(click.background)
    parts = [one.mask for one in found.resting if one.shown(picture) > SHOWN]
    parts += [plane.to_pixels(one.astype(np.float32)) > 0.5 for one in islands(distance, found.figure)]
    parts = [part for part in parts if not any(part[spot] for spot in beside)]
    mask = np.zeros(plane.size, bool)
    for spot in spots(click.points):
        # What was found to rest there; else the first island, of the lowest level; else what looks like the click.
        part = next((part for part in parts if part[spot]), None)
        mask |= _alike(view, click, working, coordinates, spot) if part is None else part
    for y, x in beside:
        mask[y, x] = False
    return outline(picture, mask, np.zeros(plane.size, bool), plane.patch_pixels)


def _alike(view: View, click: Click, working: Working, coordinates: np.ndarray, spot: tuple[int, int]) -> np.ndarray:
    """(h, w) bool: what looks like the patches clicked and hangs together with one of them; at least that spot."""
    patches = torch.from_numpy(np.ascontiguousarray(coordinates.reshape(-1, coordinates.shape[2])))
    on, beside = _places(view, working, click.points), _places(view, working, click.background)
    score = Prompt.on(patches, on, sorted(set(beside) - set(on))).score(patches)
    alike = working.plane.to_pixels(score.numpy().astype(np.float32).reshape(working.plane.grid)) > SELECTED
    mask = alike.astype(np.uint8)
    cv2.circle(mask, spot[::-1], max(1, round(working.plane.patch_pixels / 2)), 1, -1)
    _, pieces = cv2.connectedComponents(mask, connectivity=4)
    return np.asarray(pieces == pieces[spot])


def _places(view: View, working: Working, points: Sequence[tuple[float, float]]) -> list[int]:
    """Points of the recording -> numbers of the patches they lie in."""
    rows, cols = working.plane.grid
    found = [_seen_at(view, x, y) for x, y in points]
    return sorted({int(down * rows) * cols + int(across * cols) for across, down in found})


def _seen_at(view: View, x: float, y: float) -> tuple[float, float]:
    """A point of the recording -> its place in the model's picture, as shares of width and height, 0 … 1.

    Raises:
        BadInput: the model does not see it.
    """
    u, v, w = np.linalg.inv(np.array(view.camera.to_recording, np.float64)) @ (x, y, 1.0)
    across, down = u / w / view.camera.model_size[1], v / w / view.camera.model_size[0]
    if not (0 <= across < 1 and 0 <= down < 1):
        raise BadInput(f"({x:g}, {y:g}) lies outside of what the model sees of camera {quoted(view.camera.name)}.")
    return float(across), float(down)


def _followed(
    view: View,
    clicks: Sequence[Click],
    working: Working,
    embedded: Embedded,
    figure: FigureGround,
    models: dict[int, Model],
    first: dict[int, np.ndarray],
) -> list[bytes]:
    """Of every frame the label map as PNG. Where clicked things meet, the one named later is in front."""
    pngs: list[bytes] = []
    for start in sorted({click.frame for click in clicks}):
        own = {n: models[n] for n, click in enumerate(clicks, start=1) if click.frame == start}
        shared = {n: model for n, model in models.items() if n == OTHERS}
        labels = np.zeros(working.plane.size, np.uint8)
        for number in own:
            labels[first[number]] = number
        found: dict[int, bytes] = {}
        for backwards in (False, True):
            follower = Follower(working.plane, figure, {**own, **shared})
            for frame, picture in _frames(working, view.frames, start, backwards):
                if frame == start:
                    follower.start(picture, embedded.at(frame), labels, labels > 0)
                else:
                    follower.step(picture, embedded.at(frame))
                now = np.where(np.isin(follower.labels, list(own)), follower.labels, 0).astype(np.uint8)
                found[frame] = to_png(working.larger(now))
        if not pngs:
            pngs = [found[frame] for frame in range(view.frames)]
            continue
        for frame in range(view.frames):
            below, above = LabelMaps((pngs[frame], found[frame]))
            pngs[frame] = to_png(np.where(above > 0, above, below).astype(np.uint8))
    return pngs


def _frames(working: Working, frames: int, start: int, backwards: bool) -> Iterator[tuple[int, np.ndarray]]:
    """Frames from `start` to the last, or to the first, with their pictures."""
    if not backwards:
        yield from enumerate(working.pictures(start, frames), start)
        return
    for stop in range(start + 1, 0, -CHUNK):
        begin = max(0, stop - CHUNK)
        held = list(enumerate(working.pictures(begin, stop), begin))
        yield from reversed(held)
