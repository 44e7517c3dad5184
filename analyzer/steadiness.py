"""How steady a run is in time, measured on the run itself: no ground truth, one pass over the pictures, all sites at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

from analyzer.motion import ModelPlane, motion
from analyzer.ncut.steadiness import Meter, Step
from analyzer.npy import NpyFile
from analyzer.run_folder import CameraRecord, SteadinessRecord


def measure(
    pictures: Iterable[Sequence[np.ndarray]], frames: int, cameras: Sequence[CameraRecord], sites: Mapping[str, Path]
) -> dict[str, SteadinessRecord | None]:
    """Steadiness of the colours and segments of every site of an episode; None where there is but one frame.

    Args:
        pictures: of every analysed frame, (height, width, 3) uint8 of each camera.
        frames: how many there are.
        sites: the folder of each site, its arrays already written.
    """
    if frames < 2:
        return dict.fromkeys(sites)
    with ExitStack() as stack:

        def opened(name: str) -> dict[str, NpyFile]:
            return {site: stack.enter_context(NpyFile.open(folder / f"{name}.npy")) for site, folder in sites.items()}

        colors, segments = opened("colors"), opened("segments")
        grids = {site: (file.shape[2], file.shape[3]) for site, file in segments.items()}
        planes = {grid: [ModelPlane(camera, grid) for camera in cameras] for grid in set(grids.values())}
        meters = {site: Meter(frames) for site in sites}
        before: dict[tuple[int, int], list[np.ndarray]] = {}
        for at, shown in enumerate(pictures):
            # Sites with the same grid share the pictures' motion.
            seen = {grid: [plane(rgb) for plane, rgb in zip(of, shown, strict=True)] for grid, of in planes.items()}
            steps = {grid: _step(before[grid], seen[grid], grid) for grid in before}
            for site, meter in meters.items():
                values = torch.from_numpy(colors[site].read(at, at + 1)[0].astype(np.float32))
                labels = torch.from_numpy(segments[site].read(at, at + 1)[0].astype(np.int16))
                meter.add(values, labels, steps.get(grids[site]))
            before = seen
    return {site: _record(meter) for site, meter in meters.items()}


def _step(before: Sequence[np.ndarray], now: Sequence[np.ndarray], grid: tuple[int, int]) -> Step:
    """Of all cameras."""
    found = [motion(first, second, grid) for first, second in zip(before, now, strict=True)]
    return Step(
        static=torch.from_numpy(np.stack([one.static for one in found])),
        visible=torch.from_numpy(np.stack([one.visible for one in found])),
        flow=torch.from_numpy(np.stack([one.flow for one in found])),
    )


def _record(meter: Meter) -> SteadinessRecord:
    return SteadinessRecord(
        static=meter.watched,
        flicker=meter.flicker,
        switches=meter.switches,
        drift=meter.drift,
        warped=meter.warped,
    )
