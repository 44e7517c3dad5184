"""Where things may be: islands of figure, cut at their necks, at several levels, kept where frame after frame agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from analyzer.instances.figure import FigureGround
from analyzer.instances.plane import FINE, finer

LEVELS = (0.65, 0.75, 0.85)
"""Of the distance from the ground that is reached nearby: a patch beside a thing already looks partly like it, and so the
border lies above half of it. Low levels keep uneven things whole, high ones part close neighbours."""
NEARBY = 3
"""Patches."""
NECK = 0.75
"""Two bulges of an island are two things where the neck between them is thinner than this share of the slimmer one."""
SLIM = 0.75
"""Patches that a thing measures at least from its middle to its edge."""
SMALL = 2.0
"""Patches that it fills at least."""
SAME = 0.65
"""Overlap from which on two proposals are one: intersection over union."""
PARTED = 0.5
"""A proposal gives way to its parts where each of them was seen in this share of its own frames."""
DISJOINT = 0.3
"""Share of the smaller of two proposals that both may claim."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """A place where something was seen in some frames."""

    extent: np.ndarray
    """(rows, cols) * FINE float32: in which share of the frames it reached there, 0 … 1."""
    frames: tuple[int, ...]
    """In which it was seen: positions in the list of frames that were looked at."""

    @property
    def mask(self) -> np.ndarray:
        return np.asarray(self.extent > 0.5)


def islands(distance: np.ndarray, figure: FigureGround) -> list[np.ndarray]:
    """(rows, cols) distances from the ground -> (rows, cols) * FINE bool masks, of all levels; they overlap."""
    fine = finer(distance)
    reach = np.ones((2 * NEARBY + 1, 2 * NEARBY + 1), np.uint8)
    nearby = cv2.resize(cv2.dilate(distance, reach), fine.shape[::-1], interpolation=cv2.INTER_LINEAR)
    nearby = cv2.GaussianBlur(nearby, (0, 0), FINE / 2)
    found = []
    for level in LEVELS:
        inside = (fine > np.maximum(figure.begins, level * nearby)).astype(np.uint8)
        inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        found += [mask for mask in bulges(inside) if mask.sum() >= SMALL * FINE**2]
    return found


def bulges(inside: np.ndarray) -> list[np.ndarray]:
    """(h, w) uint8 -> masks of its parts: every island, cut where it has a neck."""
    count, islands, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    parts = []
    for island in range(1, count):
        left, top, width, height, area = stats[island]
        if area < SMALL * FINE**2:
            continue
        cut = islands[top : top + height, left : left + width] == island
        for part in _parted(np.pad(cut, 1)):
            mask = np.zeros(inside.shape, bool)
            mask[top : top + height, left : left + width] = part[1:-1, 1:-1]
            parts.append(mask)
    return parts


def _parted(island: np.ndarray) -> list[np.ndarray]:
    """Cut one island, surrounded by nothing, by watershed on its depth (Beucher & Lantuéjoul 1979)."""
    depth = cv2.distanceTransform(island.astype(np.uint8), cv2.DIST_L2, 3)
    if depth.max() < SLIM * FINE:
        return []
    peaks = _peaks(depth)
    if peaks.max() < 2:
        return [island]
    markers = peaks.copy()
    outside = int(peaks.max()) + 1
    markers[~island] = outside
    slope = np.clip(255 - 8 * depth, 0, 255).astype(np.uint8)
    cv2.watershed(np.repeat(slope[..., None], 3, axis=2), markers)
    # The lines between go to the neighbour with the higher number: they are a cell wide.
    owned = np.where(markers == outside, 0, np.maximum(markers, 0)).astype(np.float32)
    owned = np.where((markers < 0) & island, cv2.dilate(owned, np.ones((3, 3), np.uint8)), owned)
    return [owned == number for number in range(1, outside) if (owned == number).any()]


def _peaks(depth: np.ndarray) -> np.ndarray:
    """(h, w) -> int32 markers 1 … of the bulges: where the water rises from above, two that meet stay apart if both
    stand out from the neck."""
    markers = np.zeros(depth.shape, np.int32)
    height: dict[int, float] = {}
    for level in np.linspace(depth.max(), SLIM * NECK * FINE, 14):
        count, above = cv2.connectedComponents((depth >= level - 1e-6).astype(np.uint8), connectivity=8)
        for part in range(1, count):
            mask = above == part
            within = [int(one) for one in np.unique(markers[mask]) if one]
            if not within:
                number = len(height) + 1
                height[number] = float(depth[mask].max())
                markers[mask] = number
                continue
            tall = [one for one in within if NECK * height[one] > level]
            if len(within) > 1 and len(tall) > 1:
                continue  # cut here: what lies lower is divided by the watershed
            kept = max(within, key=lambda one: height[one])
            markers[mask] = kept
    numbers = [one for one in np.unique(markers) if one and height[int(one)] >= SLIM * FINE]
    table = np.zeros(len(height) + 1, np.int32)
    table[numbers] = np.arange(1, len(numbers) + 1)
    return table[markers]


def recurring(pools: Sequence[Sequence[np.ndarray]], least: int) -> list[Proposal]:
    """Islands of several frames -> things that do not share pixels, the most often seen first.

    Args:
        pools: of each frame, masks of one shape.
        least: frames in which a thing has to be seen in the same place.
    """
    masks = [mask for pool in pools for mask in pool]
    if not masks:
        return []
    frame = np.repeat(np.arange(len(pools)), [len(pool) for pool in pools])
    flat = np.stack([mask.reshape(-1) for mask in masks]).astype(np.float32)
    shared = (torch.from_numpy(flat) @ torch.from_numpy(flat).T).numpy()
    size = flat.sum(1)
    alike = shared / (size[:, None] + size[None] - shared)
    near = alike >= SAME
    in_frame = (frame[:, None] == np.arange(len(pools))).astype(np.float32)
    left = np.ones(len(masks), bool)
    found = []
    while left.any():
        reached = near & left
        support = ((reached.astype(np.float32) @ in_frame) > 0).sum(1) * left
        if support.max() < least:
            break
        centre = int(np.lexsort(((alike * reached).sum(1) * left, support))[-1])
        members = reached[centre]
        extent = flat[members].mean(0).reshape(masks[0].shape).astype(np.float32)
        found.append(Proposal(extent, tuple(int(one) for one in np.unique(frame[members]))))
        left &= ~members
    return _disjoint([one for one in found if one.mask.any()])


def _disjoint(found: list[Proposal]) -> list[Proposal]:
    """Wholes give way to their parts where these are seen often enough; then the more often seen take precedence."""
    if not found:
        return []
    flat = np.stack([one.mask.reshape(-1) for one in found]).astype(np.float32)
    shared, size = flat @ flat.T, flat.sum(1)
    seen = np.array([len(one.frames) for one in found])
    gone: set[int] = set()
    for whole in np.argsort(-size, kind="stable"):
        parts: list[int] = []
        for part in np.argsort(-seen, kind="stable"):
            within = size[part] < 0.85 * size[whole] and shared[part, whole] > 0.7 * size[part]
            often = seen[part] >= PARTED * seen[whole] and size[part] > 0.12 * size[whole]
            if within and often and _free(part, parts, shared, size):
                parts.append(int(part))
        if len(parts) > 1 and size[parts].sum() > 0.5 * size[whole]:
            gone.add(int(whole))
    kept: list[int] = []
    for one in sorted(set(range(len(found))) - gone, key=lambda one: (-seen[one], -size[one])):
        if _free(one, kept, shared, size):
            kept.append(one)
    return [found[one] for one in kept]


def _free(one: int, others: list[int], shared: np.ndarray, size: np.ndarray) -> bool:
    return all(shared[one, other] < DISJOINT * min(size[one], size[other]) for other in others)
