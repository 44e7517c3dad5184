"""How well instances agree with ground-truth objects. Ground truth scores, it never helps to find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from analyzer.instances.patches import PatchRule
from analyzer.run_folder import CameraRecord

VISIBLE = 3
"""Patches an object has to show in a frame to be counted there."""
MET = 0.3
"""Intersection over union from which on an instance is taken for the object, when ids are watched."""
HIDDEN, BACK = 1 / 3, 2 / 3
"""Of an object's usual size (the 90th percentile of what it shows): hidden below the first, back above the second."""
HIDDEN_FRAMES = 3
SOON = 10
"""Frames after it is back in which it has to be known again."""


@dataclass
class ObjectScore:
    """Of one object in one episode."""

    frames: int
    """In which it shows enough."""
    pixels: float
    """Mean intersection over union with the one instance that fits best over the whole episode, in pixels."""
    patches: float
    """The same in patches."""
    each_frame: float
    """With the best instance of every frame, whatever its id, in pixels."""
    switches: int
    """Times that the instance that it is taken for changes."""
    found_again: list[bool] = field(default_factory=list)
    """Of each time it was hidden and came back, whether it got its id back."""


def scores(
    maps: Iterable[np.ndarray], truth: Iterable[np.ndarray], camera: CameraRecord, grid: tuple[int, int], objects: int
) -> dict[int, ObjectScore]:
    """Ids of ground truth -> scores.

    Args:
        maps: (height, width) uint8 label maps, one a frame.
        truth: (height, width) uint8 ids 1 … objects, 0 background.
    """
    rule = PatchRule(camera, grid)
    pixels, patches, sizes, counts = [], [], [], []
    for found, true in zip(maps, truth, strict=True):
        iou, size = _overlaps(true, found, objects)
        patch_iou, count = _overlaps(rule(true), rule(found), objects)
        pixels.append(iou)
        patches.append(patch_iou)
        sizes.append(size)
        counts.append(count)
    size, visible = np.array(sizes), np.array(counts) >= VISIBLE
    every, every_patch = np.array(pixels), np.array(patches)
    result = {}
    for number in range(1, objects + 1):
        at = visible[:, number]
        if not at.any():
            continue
        of_object = every[at, number]
        best = int(of_object.mean(0).argmax())
        ids = np.where(every[:, number].max(1) >= MET, every[:, number].argmax(1), 0)
        known = ids[at & (ids > 0)]
        result[number] = ObjectScore(
            frames=int(at.sum()),
            pixels=float(of_object[:, best].mean()),
            patches=float(every_patch[at, number][:, every_patch[at, number].mean(0).argmax()].mean()),
            each_frame=float(of_object.max(1).mean()),
            switches=int((known[1:] != known[:-1]).sum()),
            found_again=_found_again(size[:, number], ids),
        )
    return result


def _overlaps(true: np.ndarray, found: np.ndarray, objects: int) -> tuple[np.ndarray, np.ndarray]:
    """(objects + 1, 256) intersection over union with every id, nobody's being 0, and (objects + 1,) sizes."""
    both = np.bincount(true.reshape(-1).astype(np.int64) * 256 + found.reshape(-1), minlength=(objects + 1) * 256)
    both = both.reshape(objects + 1, 256).astype(np.float64)
    size, area = both.sum(1), both.sum(0)
    union = size[:, None] + area[None] - both
    iou = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    iou[:, 0] = 0.0
    return iou, size


def _found_again(size: np.ndarray, ids: np.ndarray) -> list[bool]:
    usual = float(np.quantile(size[size > 0], 0.9)) if (size > 0).any() else 0.0
    hidden, back = size < HIDDEN * usual, size > BACK * usual
    outcome, at = [], 0
    while at < len(size):
        if not hidden[at]:
            at += 1
            continue
        gone = at
        while at < len(size) and not back[at]:
            at += 1
        before = ids[:gone][ids[:gone] > 0]
        if at < len(size) and hidden[gone:at].sum() >= HIDDEN_FRAMES and len(before):
            outcome.append(bool((ids[at : at + SOON] == before[-1]).any()))
    return outcome
