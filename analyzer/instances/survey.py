"""What the key frames of an episode tell before anything is followed: where things rest, and what moves by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from analyzer.instances.embedded import Embedded
from analyzer.instances.figure import FigureGround
from analyzer.instances.outline import outline
from analyzer.instances.plane import FINE, Plane, difference
from analyzer.instances.proposals import Proposal, islands, recurring
from analyzer.instances.working import Working
from analyzer.motion import pixel_flow
from analyzer.ncut.affinity import squared_distances
from analyzer.ncut.landmarks import kmeans_landmarks

KEYS = 16
"""Frames, spread evenly over the episode, in which things are looked for."""
AGREE = 0.2
"""Share of them in which a thing has to be in the same place to be believed."""
LOOKS = 12
"""Coordinates kept of each thing."""
ARM_LOOKS = 48
HELD = 0.35
"""Of the distance that is far: a patch of the arm that is closer to a thing shows the thing, in the gripper."""
EXTENT = 0.3
"""Share of the frames that a thing has to reach to a pixel in, for the outline to start from there."""
ATTACHED = 0.95
"""Share of the key frames with a moving arm in which a thing touches it that belongs to it."""
SHOWN = 0.6
"""Share of a resting thing that a picture has to show for the thing to be there."""
PAIRS = 8
"""Pairs of neighbouring frames that tell whether the camera moves."""
TEXTURE, MOVED, CHANGES = 6, 0.5, 2
"""Grey levels by which pixels differ from their neighbours where motion can be seen; pixels that it is at least; grey levels
by which the picture changes there: flow is smooth, and carries what stands still along with an arm beside it."""
EVERYTHING = 0.65
"""Share of the texture that moves along with a camera; an arm with its shadow reaches half of what has texture."""
MATCHES = 24.0
"""Grey levels of 255: a pixel that differs less from a thing's picture shows the thing."""


@dataclass(frozen=True, eq=False)
class Resting:
    """A thing in a place where it rests."""

    mask: np.ndarray
    """(h, w) bool, its outline."""
    picture: np.ndarray
    """(h, w, 3) uint8: the picture in which it was outlined."""
    looks: torch.Tensor
    keys: tuple[int, ...]
    """Positions in the key frames in which it was seen there."""
    of_arm: bool
    """It hangs together with what moves by itself nearly always: its base."""

    def shown(self, picture: np.ndarray) -> float:
        """Share of it that another picture shows in the same place."""
        return float(self.shows(picture)[self.mask].mean())

    def shows(self, picture: np.ndarray) -> np.ndarray:
        """(h, w) bool."""
        return difference(picture, self.picture, 3) < MATCHES


@dataclass(frozen=True, eq=False)
class Survey:
    """What the key frames tell before anything is followed."""

    plane: Plane
    figure: FigureGround
    keys: tuple[int, ...]
    """Analysed frames."""
    still: bool
    """The camera stands still: most of the picture is as it was, key frame after key frame."""
    resting: tuple[Resting, ...]
    arm: torch.Tensor
    """(e, c) coordinates of what moves by itself; e is 0 where nothing does."""
    arm_at: np.ndarray
    """(keys, h, w) bool: where that is."""


def survey(frames: int, working: Working, embedded: Embedded) -> Survey:
    keys = tuple(int(one) for one in np.unique(np.linspace(0, frames - 1, min(KEYS, frames)).round()))
    pictures = working.at(keys)
    coordinates = np.stack([embedded.at(key) for key in keys])
    usual = np.median(pictures, axis=0).astype(np.uint8)
    off = np.stack([difference(one, usual, 5) for one in pictures])
    still = _stands_still(working, frames)
    resting_patches = np.stack([working.plane.to_patches(one < MATCHES) > 0.5 for one in off])
    figure = FigureGround.fit(coordinates, resting_patches if still else np.ones_like(resting_patches))
    distances = [figure.distance(one) for one in coordinates]
    arm_at = _movers(working.plane, figure, distances, off) if still and len(keys) > 2 else np.zeros(off.shape, bool)
    pools = [islands(one, figure) for one in distances]
    if still:
        groups = [recurring(pools, max(1, round(AGREE * len(keys))))]
    else:  # nothing stays in its place: every key frame is taken by itself
        groups = [[Proposal(one.extent, (key,)) for one in recurring([pool], 1)] for key, pool in enumerate(pools)]
    resting = tuple(
        one
        for proposals in groups
        for one in _outlined(working.plane, figure, proposals, pictures, coordinates, arm_at)
    )
    arm = _arm_looks(working.plane, figure, arm_at, coordinates, resting)
    return Survey(working.plane, figure, keys, still, resting, arm, arm_at)


def _stands_still(working: Working, frames: int) -> bool:
    """Whether the camera does: from one frame to the next most of what has texture stays where it is."""
    first = np.unique(np.linspace(0, max(0, frames - 2), min(PAIRS, frames - 1)).round().astype(int))
    if not len(first):
        return True
    pictures = working.at(sorted({*first.tolist(), *(first + 1).tolist()}))
    position = {frame: at for at, frame in enumerate(sorted({*first.tolist(), *(first + 1).tolist()}))}
    moving = []
    for frame in first.tolist():
        flow = pixel_flow(pictures[position[frame]], pictures[position[frame + 1]])
        before = cv2.cvtColor(pictures[position[frame]], cv2.COLOR_RGB2GRAY)
        edge = cv2.morphologyEx(cv2.blur(before, (3, 3)), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > TEXTURE
        if edge.any():
            moves = np.hypot(flow[..., 0], flow[..., 1]) > MOVED
            moves &= difference(pictures[position[frame]], pictures[position[frame + 1]], 3) > CHANGES
            moving.append(float(moves[edge].mean()))
    return not moving or float(np.median(moving)) < EVERYTHING


def _movers(plane: Plane, figure: FigureGround, distances: Sequence[np.ndarray], off: np.ndarray) -> np.ndarray:
    """(keys, h, w) bool: of each key frame, the largest piece of figure that is not there as a rule. It hangs together with
    the edge of the picture, from where arms reach in; a thing that was put somewhere does not."""
    found = np.zeros(off.shape, bool)
    for at, distance in enumerate(distances):
        stands_out = plane.to_pixels(distance) > figure.begins
        _, islands_of = cv2.connectedComponents(stands_out.astype(np.uint8), connectivity=4)
        at_edge = np.unique(np.concatenate([islands_of[[0, -1]].reshape(-1), islands_of[:, [0, -1]].reshape(-1)]))
        moving = stands_out & (off[at] > MATCHES) & np.isin(islands_of, at_edge)
        moving_map = cv2.morphologyEx(moving.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(moving_map, connectivity=4)
        if count > 1:
            found[at] = pieces == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return found


def _outlined(
    plane: Plane,
    figure: FigureGround,
    proposals: Sequence[Proposal],
    pictures: np.ndarray,
    coordinates: np.ndarray,
    arm_at: np.ndarray,
) -> tuple[Resting, ...]:
    rough = [plane.to_pixels(one.extent) > EXTENT for one in proposals]
    taken = np.zeros(plane.size, bool)
    moving = arm_at.any(axis=(1, 2))
    passing = _within(plane, arm_at, coordinates)
    near = np.ones((2 * round(plane.patch_pixels) + 1,) * 2, np.uint8)
    kept = []
    for proposal, mask in zip(proposals, rough, strict=True):
        frames = list(proposal.frames)
        if mask.sum() < plane.patch_pixels**2:
            continue
        if arm_at[frames][:, mask].mean() > 0.5:
            continue
        others = taken.copy()
        for other in rough:
            if other is not mask:
                others |= other & ~mask
        picture = np.median(pictures[frames], axis=0).astype(np.uint8)
        found = outline(picture, mask, others, plane.patch_pixels) & ~taken
        if found.sum() < plane.patch_pixels**2:
            continue
        taken |= found
        looks = _looks(proposal, coordinates)
        touched = arm_at[moving][:, cv2.dilate(found.astype(np.uint8), near) > 0].any(axis=1)
        of_arm = len(passing) > 0 and touched.mean() > ATTACHED
        if of_arm:
            away = squared_distances(looks, passing).amin(1).clamp(min=0).sqrt().mean()
            of_arm = float(away) < HELD * figure.far
        kept.append(Resting(found, picture, looks, proposal.frames, of_arm))
    return tuple(kept)


def _looks(proposal: Proposal, coordinates: np.ndarray) -> torch.Tensor:
    rows, cols, c = coordinates.shape[1:]
    covered = proposal.mask.reshape(rows, FINE, cols, FINE).mean(axis=(1, 3))
    inside = covered >= min(0.6, float(covered.max()))
    own = torch.from_numpy(np.ascontiguousarray(coordinates[list(proposal.frames)][:, inside].reshape(-1, c)))
    return kmeans_landmarks(own, min(LOOKS, len(own)), iterations=5)


def _arm_looks(
    plane: Plane, figure: FigureGround, arm_at: np.ndarray, coordinates: np.ndarray, resting: Sequence[Resting]
) -> torch.Tensor:
    patches = _within(plane, arm_at, coordinates)
    things = torch.cat([patches[:0], *(one.looks for one in resting if not one.of_arm)])
    if len(things):  # what it holds is not the arm
        patches = patches[squared_distances(patches, things).amin(1) > (HELD * figure.far) ** 2]
    patches = torch.cat([patches, *(one.looks for one in resting if one.of_arm)])
    return kmeans_landmarks(patches, min(ARM_LOOKS, len(patches)), iterations=5) if len(patches) else patches


def _within(plane: Plane, masks: np.ndarray, coordinates: np.ndarray) -> torch.Tensor:
    """(n, c) coordinates of the patches inside of (keys, h, w) masks."""
    inside = [of_key[plane.to_patches(mask) > 0.7] for mask, of_key in zip(masks, coordinates, strict=True)]
    return torch.from_numpy(np.concatenate(inside))
