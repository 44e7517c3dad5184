"""The coordinates of several sites as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import cv2
import numpy as np

from analyzer.instances.view import SiteView, View
from analyzer.ncut.embedding import DISCOUNT

POWER = 0.5
"""Of the eigenvalue, that weighs an axis."""
MOST = (0.5, 0.95)
"""Quantiles of an axis' coordinates that tell its spread: what only a small thing has far out does not widen its axis, and
so counts for more."""
FAR = 4.0
"""Spreads that coordinates are cut at: a patch unlike all others may lie hundreds of them away, and would be all that a
distance shows."""


class Embedded:
    """Coordinates of all sites of a view side by side, on the finest of their grids, each site's mean square being 1.

    Walks make the first axes of a site many times as wide as the others: they tell thing from ground and not one
    thing from another. An axis is as wide as its weight w = lambda / sqrt(1 - g lambda), so
    lambda = w (sqrt(g^2 w^2 + 4) - g w) / 2 is known from it, and here the axis is given the weight sqrt(lambda).
    """

    def __init__(self, sites: Sequence[SiteView], spreads: Sequence[np.ndarray]) -> None:
        self._sites = sites
        self._spreads = spreads
        self.grid = max((site.grid for site in sites), key=lambda grid: grid[0] * grid[1])

    @classmethod
    def of(cls, view: View, frames: Sequence[int]) -> Self:
        """Scaled by what is at some frames."""
        spreads = []
        for site in view.sites:
            some = np.concatenate([site.coordinates(at, at + 1)[0] for at in frames])
            some = some.reshape(-1, some.shape[-1]).astype(np.float32)
            spreads.append(np.maximum(np.hypot(*np.quantile(np.abs(some), MOST, axis=0)) / 2, 1e-6).astype(np.float32))
        return cls(view.sites, spreads)

    def at(self, frame: int) -> np.ndarray:
        """(rows, cols, c) float32."""
        parts = []
        for site, spread in zip(self._sites, self._spreads, strict=True):
            part = np.asarray(site.coordinates(frame, frame + 1)[0], np.float32)
            discounted = DISCOUNT * spread
            weight = (spread * (np.sqrt(discounted**2 + 4) - discounted) / 2) ** POWER
            part = (part / spread).clip(-FAR, FAR) * (weight / np.sqrt(np.square(weight).sum()))
            if site.grid != self.grid:
                part = np.dstack(
                    [cv2.resize(part[..., at : at + 4], self.grid[::-1]) for at in range(0, part.shape[2], 4)]
                )
            parts.append(part)
        return np.concatenate(parts, axis=-1)
