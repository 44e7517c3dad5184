"""Who is where, small enough to be drawn and pointed at in a browser."""

from __future__ import annotations

import io
import math

import numpy as np

from analyzer.findings_folder import FindingsFolder
from analyzer.run_folder import RunFolder

LONG_SIDE = 128
"""Cells along the longer side of a camera's picture. A mask is shown at twice to five times that size: finer gains
nothing to the eye and costs memory by the square."""
SHORT_SIDE = 48
"""Never fewer: a bowl still has a shape."""
MOST_BYTES = 32 << 20
"""Of an episode's labels. At `LONG_SIDE` that is 2,000 frames of one square camera."""


def label_size(cameras: list[tuple[int, int]], frames: int) -> tuple[int, int]:
    """(rows, columns) that every camera's (height, width) picture is divided into, the same for all.

    A camera of another shape gets cells that are not square: they still cover the whole of its picture. The more frames,
    the coarser, so that all of them together stay within `MOST_BYTES` or nearly so.
    """
    height, width = max(cameras, key=lambda size: max(size))
    side = max(SHORT_SIDE, min(LONG_SIDE, math.isqrt(MOST_BYTES // (frames * len(cameras)))))
    shrink = min(1.0, side / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def instance_labels(run: RunFolder, episode: str) -> bytes:
    """An .npy file: (frames, cameras, rows, columns) uint8, the instance id in the middle of each cell; 0: nobody.

    Raises:
        RunUnreadable: there are no findings, or the masks are damaged.
    """
    record = run.episode(episode)
    rows, columns = label_size([(camera.height, camera.width) for camera in record.cameras], len(record.frames))
    labels = np.zeros((len(record.frames), len(record.cameras), rows, columns), np.uint8)
    findings = FindingsFolder.open(run.episode_folder(episode))
    for place, camera in enumerate(record.cameras):
        maps = findings.masks(camera.name)
        for index, full in zip(range(len(record.frames)), maps or (), strict=False):
            middle_y = ((np.arange(rows) + 0.5) * full.shape[0] / rows).astype(int)
            middle_x = ((np.arange(columns) + 0.5) * full.shape[1] / columns).astype(int)
            labels[index, place] = full[middle_y[:, None], middle_x]
    stream = io.BytesIO()
    np.lib.format.write_array(stream, labels)
    return stream.getvalue()
