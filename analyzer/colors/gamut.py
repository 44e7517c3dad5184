"""What a screen can show, filled from end to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch

from analyzer.colors.oklab import oklab_to_linear

PALETTES = ("standard", "colour-blind safe")

_MIDDLE = (0.70, 0.0, 0.0)
"""OKLab colour in the middle: about where sRGB is widest."""
_LIGHTNESS = {"standard": (0.42, 0.93), "colour-blind safe": (0.30, 0.96)}
"""Light enough over dark pixels, dark enough over light ones. Where hue is scarce lightness has to tell more apart."""
_AXES = {"standard": ((0, 1, 0), (0, 0, 1), (1, 0, 0)), "colour-blind safe": ((1, 0, 0), (0, 0, 1))}
"""OKLab direction of each axis of a layout, in order of falling variance. In three dimensions hue comes first, since it
survives the picture underneath best. Red-blind and green-blind viewers see two: lightness and blue to yellow."""


def dimensions(palette: str) -> int:
    return len(_AXES[palette])


@dataclass(frozen=True, eq=False)
class GamutFill:
    """A layout of points to colours that use the whole gamut, none of them clipped.

    Directions stay; the distance from the middle is replaced by its rank among the fitted points, so that they fill
    the ball evenly, and scaled by how far the gamut reaches in that direction.
    """

    palette: str
    spread: torch.Tensor
    """(d,) of the layout along each axis; its sign makes the heavier tail positive."""
    radii: torch.Tensor
    """Of the fitted points, rising."""

    @classmethod
    def fit(cls, layout: torch.Tensor, palette: str) -> Self:
        """Learn from an (m, d) layout centred on 0, axes in order of falling variance."""
        spread = layout.std(0, correction=0).clamp(min=1e-12)
        spread = torch.where(layout.pow(3).sum(0) < 0, -spread, spread)
        return cls(palette, spread, (layout / spread).norm(dim=1).sort()[0])

    def __call__(self, layout: torch.Tensor) -> torch.Tensor:
        """(m, d) -> (m, 3) float32 OKLab."""
        m, d = len(self.radii), layout.shape[1]
        scaled = layout / self.spread
        radius = scaled.norm(dim=1)
        rank = torch.searchsorted(self.radii, radius).to(radius).add(0.5).div(m).clamp(max=1.0)
        axes = torch.tensor(_AXES[self.palette]).to(scaled)
        direction = (scaled / radius[:, None].clamp(min=1e-12)) @ axes
        distance = rank.pow(1 / d) * _reach(direction, _LIGHTNESS[self.palette])
        return (torch.tensor(_MIDDLE).to(direction) + direction * distance[:, None]).float()


def _reach(direction: torch.Tensor, lightness: tuple[float, float]) -> torch.Tensor:
    """(m,) how far from the middle the gamut and the range of lightness reach in each (m, 3) OKLab direction."""
    low = torch.zeros_like(direction[:, 0])
    high = torch.full_like(low, 0.5)
    middle = torch.tensor(_MIDDLE).to(direction)
    for _ in range(30):
        half = (low + high) / 2
        lab = middle + direction * half[:, None]
        linear = oklab_to_linear(lab)
        inside = ((linear >= 0) & (linear <= 1)).all(1) & (lab[:, 0] >= lightness[0]) & (lab[:, 0] <= lightness[1])
        low, high = torch.where(inside, half, low), torch.where(inside, high, half)
    return low
