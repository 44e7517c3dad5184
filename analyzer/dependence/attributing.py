"""Gradient x input over an episode, and each instance's share of it. Instant, and a hint: see docs/method.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.dependence.looks import Looks


@dataclass(frozen=True, eq=False)
class EpisodeAttribution:
    """What each patch contributes to each dimension of the action."""

    site: str
    values: np.ndarray
    """(frames, cameras, rows, cols, D) float16, in the recording's numbers; NaN at frames that were not looked at, 0 for
    cameras that the action does not depend on."""
    acting: int
    """Cameras, the first ones, that it depends on."""
    looked_at: tuple[int, ...]
    """Positions among the analysed frames."""


def attribute(looks: Looks, positions: Sequence[int], progress: Callable[[int], None]) -> EpisodeAttribution | None:
    """Of the frames at the rising `positions`; None where a derivative is not finite (half precision overflows).

    The pictures of a frame are in memory for a batch at a time.
    """
    values: np.ndarray | None = None
    site = ""
    waiting: list[tuple[int, np.ndarray]] = []
    for position, shown in looks.pictures(positions):
        waiting.append((position, shown))
        if len(waiting) < looks.batch and position != positions[-1]:
            continue
        told = looks.attributed([at for at, _ in waiting], [pictures for _, pictures in waiting])
        site, converted = told.site, told.values[..., looks.conversion.order] * looks.conversion.factor
        if values is None:
            values = np.full((len(looks.frames), looks.views, *converted.shape[2:]), np.nan, np.float16)
        if not np.isfinite(converted).all() or np.abs(converted).max() > np.finfo(np.float16).max:
            return None
        values[[at for at, _ in waiting]] = 0
        values[[at for at, _ in waiting], : len(looks.cameras)] = converted
        progress(len(waiting))
        waiting = []
    return None if values is None else EpisodeAttribution(site, values, len(looks.cameras), tuple(positions))


def weights(values: np.ndarray) -> np.ndarray:
    """(cameras, rows, cols, D) attribution of a frame -> (cameras, rows, cols) that sum to 1: each dimension's absolute
    values over their own sum, the mean over dimensions that have any. All zero where none has.

    Metres and radians are so given the same weight.
    """
    size = np.abs(values.astype(np.float64))
    total = size.sum(axis=(0, 1, 2))
    some = total > 0
    if not some.any():
        return np.zeros(values.shape[:3])
    return np.asarray((size[..., some] / total[some]).mean(axis=-1))


def shares(
    attribution: EpisodeAttribution, camera: int, coverage: Callable[[int], np.ndarray | None]
) -> tuple[float, float] | None:
    """An instance's share of the attribution, and of the patches, over the frames that show it; None: none does.

    Args:
        camera: position of its camera in the attribution.
        coverage: position of a frame -> (rows, cols) how much of each patch it covers, 0 … 1; None: not visible.
    """
    parts, areas = [], []
    for position in attribution.looked_at:
        covered = coverage(position)
        if covered is None:
            continue
        weight = weights(attribution.values[position, : attribution.acting])
        parts.append(float((weight[camera] * covered).sum()))
        areas.append(float(covered.sum() / weight.size))
    return (float(np.mean(parts)), float(np.mean(areas))) if parts else None
