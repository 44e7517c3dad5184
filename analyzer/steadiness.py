"""How steady a run is in time, measured on the run itself: no ground truth but what moves in the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from analyzer.motion_track import MotionTrack
from analyzer.ncut.steadiness import Meter
from analyzer.npy import NpyFile
from analyzer.run_folder import SteadinessRecord


def measure(track: MotionTrack, sites: Mapping[str, Path]) -> dict[str, SteadinessRecord | None]:
    """Steadiness of the colours and segments of every site of an episode; None where there is but one frame.

    Args:
        track: the motion of its pictures, on the grid of every site.
        sites: the folder of each site, its arrays already written.
    """
    return {site: _of_site(track, folder) if track.frames > 1 else None for site, folder in sites.items()}


def _of_site(track: MotionTrack, folder: Path) -> SteadinessRecord:
    meter = Meter(track.frames)
    with NpyFile.open(folder / "colors.npy") as colors, NpyFile.open(folder / "segments.npy") as segments:
        steps = chain([None], track.steps((segments.shape[2], segments.shape[3])))
        for at, step in enumerate(steps):
            values = torch.from_numpy(colors.read(at, at + 1)[0].astype(np.float32))
            labels = torch.from_numpy(segments.read(at, at + 1)[0].astype(np.int16))
            meter.add(values, labels, step)
    return _record(meter)


def _record(meter: Meter) -> SteadinessRecord:
    return SteadinessRecord(
        static=meter.watched,
        flicker=meter.flicker,
        switches=meter.switches,
        drift=meter.drift,
        warped=meter.warped,
    )
