"""Which instance the hand goes for, in the picture of a camera in which the recording tells where the hand is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.dependence.record import Approach
from analyzer.failures.hand import distances, targets
from analyzer.instances.instances import Instances
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings
from videos.episode import Episode


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
    for camera in cameras:
        if episode.hand_px is None or camera.name not in episode.hand_px or camera.name not in found.maps:
            continue
        hand = episode.hand_px[camera.name][list(frames)]
        ids = [one.id for one in found.of(camera.name, "object")]
        target = np.full(len(frames), -1)
        apart = np.full((len(frames), max(1, len(ids))), np.nan)
        if ids:
            apart, _ = distances(found.maps[camera.name], hand, ids)
            target = targets(
                apart, times, settings.reach * float(np.hypot(camera.height, camera.width)), settings.look_ahead_s
            )
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
