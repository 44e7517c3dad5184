"""Which instance the hand goes for, in the picture of a camera in which the recording tells where the hand is.

A recording knows its future: where the gripper next opens or closes, or the recording ends, the hand has come to what it
went for since the last time. What it carries there is not what it goes for. Where nothing tells of the gripper, it is what
the hand comes to within `look_ahead_s`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.dependence.key_frames import gripper_closed
from analyzer.dependence.record import Approach
from analyzer.failures.hand import carried, distances, targets
from analyzer.instances.instances import Instances
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings
from videos.episode import Episode

CARRIED = 0.5
"""Share of the hand's way, while the gripper is closed, from which on what went along was carried."""


def approaches(
    episode: Episode,
    frames: Sequence[int],
    cameras: Sequence[CameraRecord],
    found: Instances,
    settings: Settings,
) -> tuple[Approach, ...]:
    """One a camera of which the recording tells the hand's position.

    Args:
        frames: positions in the recording of the analysed frames.
    """
    told = []
    times = episode.times_s[list(frames)]
    closed = gripping(episode, frames)
    for camera in cameras:
        if episode.hand_px is None or camera.name not in episode.hand_px or camera.name not in found.maps:
            continue
        hand = episode.hand_px[camera.name][list(frames)]
        ids = [one.id for one in found.of(camera.name, "object")]
        target = np.full(len(frames), -1)
        apart = np.full((len(frames), max(1, len(ids))), np.nan)
        if ids:
            apart, middles = distances(found.maps[camera.name], hand, ids)
            near = settings.reach * float(np.hypot(camera.height, camera.width))
            if closed is None:
                target = targets(apart, times, near, settings.look_ahead_s)
            else:
                target = gripped_next(apart, middles, hand, closed, near)
        told.append(
            Approach(
                camera=camera.name,
                hand=tuple(None if np.isnan(x) else (round(float(x), 2), round(float(y), 2)) for x, y in hand),
                target=tuple(ids[k] if k >= 0 else 0 for k in target),
                distance=tuple(
                    round(float(row[k]), 2) if k >= 0 and not np.isnan(row[k]) else None
                    for row, k in zip(apart, target, strict=True)
                ),
            )
        )
    return tuple(told)


def gripping(episode: Episode, frames: Sequence[int]) -> np.ndarray | None:
    """(frames,) bool: the recorded gripper is told to be closed; None: that is not recorded."""
    if episode.actions is None or episode.action_space is None:
        return None
    steps = list(frames) if episode.frame_steps is None else [int(episode.frame_steps[frame]) for frame in frames]
    return gripper_closed(episode.actions, episode.action_space, steps)


def gripped_next(
    apart: np.ndarray, middles: np.ndarray, hand: np.ndarray, closed: np.ndarray, near: float
) -> np.ndarray:
    """(T,) which instance (column of `apart`) the hand is nearest to when the gripper next turns; -1: none is near then.

    Args:
        apart, middles: see `distances`.
        hand: (T, 2).
        closed: (T,) bool.
        near: pixels.
    """
    target = np.full(len(apart), -1)
    turns = [*(np.flatnonzero(closed[1:] != closed[:-1]) + 1), len(apart) - 1]
    first = 0
    for turn in turns:
        at = apart[turn].copy()
        if closed[first]:
            at[carried(middles, hand, first, turn) > CARRIED] = np.nan
        if not np.isnan(at).all() and np.nanmin(at) <= near:
            target[first : turn + 1] = int(np.nanargmin(at))
        first = turn
    return target
