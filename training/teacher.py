"""Dense features of `dinov2-small` at 448 pixels, in few channels: what the towers learn to see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from policies.catalog import load_policy
from training.settings import Settings

SAMPLE = 60
"""Frames whose patches span the channels that are kept."""
BATCH = 8


def lesson(frames: np.ndarray, rows: np.ndarray, settings: Settings, work: Path) -> list[np.ndarray]:
    """Per block of the teacher its features of `rows`, (rows, 32, 32, C) float16, scaled to mean square 1.

    The first C principal axes, each divided by the fourth root of its variance: the strong ones lead, but not alone.
    Kept in `work`.
    """
    files = [work / f"teacher_{block}.npy" for block in settings.teacher_blocks]
    if not all(file.is_file() for file in files):
        _look(frames, rows, settings, files)
    found = [np.load(file, mmap_mode="r") for file in files]
    assert all(len(features) == len(rows) for features in found), f"Other lessons lie in {work}: delete them."
    return found


def _look(frames: np.ndarray, rows: np.ndarray, settings: Settings, files: Sequence[Path]) -> None:
    policy = load_policy("dinov2-small", dtype=settings.precision)
    sites = [f"vision.{block}" for block in settings.teacher_blocks]

    def features(chosen: np.ndarray) -> list[torch.Tensor]:
        seen = policy.run([frames[row][None] for row in chosen], sites=sites).features
        return [seen[site][:, 0].float() for site in sites]

    batches = [features(chosen) for chosen in np.array_split(rows[:: max(1, len(rows) // SAMPLE)], SAMPLE // BATCH)]
    axes = []
    for each in zip(*batches, strict=True):
        x = torch.cat([batch.flatten(0, -2) for batch in each])
        mean = x.mean(0)
        variance, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
        variance, vectors = (
            variance.flip(0)[: settings.teacher_channels],
            vectors.flip(1)[:, : settings.teacher_channels],
        )
        scale = variance.sqrt().mean().sqrt() * variance**0.25
        axes.append((mean, vectors / scale))
    parts = [file.with_suffix(".part") for file in files]
    outs = [
        np.lib.format.open_memmap(part, "w+", np.float16, (len(rows), 32, 32, settings.teacher_channels))
        for part in parts
    ]
    for start in range(0, len(rows), BATCH):
        for out, (mean, vectors), seen in zip(outs, axes, features(rows[start : start + BATCH]), strict=True):
            out[start : start + BATCH] = ((seen - mean) @ vectors).half().numpy()
    for out, part, file in zip(outs, parts, files, strict=True):
        out.flush()
        part.rename(file)
