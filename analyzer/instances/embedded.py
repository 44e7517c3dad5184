"""The coordinates of several sites as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import cv2
import numpy as np

from analyzer.instances.view import SiteView, View


class Embedded:
    """Coordinates of all sites of a view side by side, each brought to a mean square of 1, on the finest of their grids."""

    def __init__(self, sites: Sequence[SiteView], scales: Sequence[float]) -> None:
        self._sites = sites
        self._scales = scales
        self.grid = max((site.grid for site in sites), key=lambda grid: grid[0] * grid[1])

    @classmethod
    def of(cls, view: View, frames: Sequence[int]) -> Self:
        """Scaled by what is at some frames."""
        scales = []
        for site in view.sites:
            squares = [float(np.square(site.coordinates(at, at + 1), dtype=np.float64).sum(-1).mean()) for at in frames]
            scales.append(max(float(np.mean(squares)), 1e-12) ** -0.5)
        return cls(view.sites, scales)

    def at(self, frame: int) -> np.ndarray:
        """(rows, cols, c) float32."""
        parts = []
        for site, scale in zip(self._sites, self._scales, strict=True):
            part = np.asarray(site.coordinates(frame, frame + 1)[0], np.float32) * np.float32(scale)
            if site.grid != self.grid:
                part = np.dstack(
                    [cv2.resize(part[..., at : at + 4], self.grid[::-1]) for at in range(0, part.shape[2], 4)]
                )
            parts.append(part)
        return np.concatenate(parts, axis=-1)
