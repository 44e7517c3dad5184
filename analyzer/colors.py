"""Eigenvectors to colours: what is apart in the eigenspace should look apart, in every frame alike."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch

LIGHTNESS = (0.42, 0.86)
"""Range of OKLab lightness used: the overlay must stay readable over dark and light pixels."""
CHROMA = 0.21
"""Largest OKLab chroma used in each of a and b, about what sRGB can show at these lightnesses."""


def oklab_to_srgb(lab: torch.Tensor) -> torch.Tensor:
    """(…, 3) OKLab -> (…, 3) sRGB in [0, 1], clipped into the gamut. Constants: Ottosson 2020, bottomcolor's OKLab."""
    lightness, a, b = lab.unbind(-1)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = torch.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        dim=-1,
    ).clamp(0.0, 1.0)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055)


class ColorMap:
    """Diffusion coordinates to RGB, fitted once on a sample and then the same for every frame and episode.

    The three directions of largest variance become the axes of OKLab, in which equal distances look equally different
    (Ottosson 2020): the first two its hues, the third its lightness.
    """

    def fit(self, coordinates: torch.Tensor) -> Self:
        """Learn from (n, c) coordinates."""
        self._mean = coordinates.mean(0)
        centred = (coordinates - self._mean).double()
        _, axes = torch.linalg.eigh(centred.T @ centred)
        axes = axes.flip(1)[:, :3].float()
        if axes.shape[1] < 3:
            axes = torch.nn.functional.pad(axes, (0, 3 - axes.shape[1]))
        placed = (coordinates - self._mean) @ axes
        sign = torch.where(placed.pow(3).sum(0) < 0, -1.0, 1.0)
        self._axes = axes * sign
        placed = placed * sign
        self._low = torch.quantile(placed[: 1 << 20], 0.01, dim=0)
        self._high = torch.quantile(placed[: 1 << 20], 0.99, dim=0)
        return self

    def __call__(self, coordinates: torch.Tensor) -> torch.Tensor:
        """(n, c) coordinates -> (n, 3) uint8 RGB."""
        placed = (coordinates - self._mean) @ self._axes
        unit = ((placed - self._low) / (self._high - self._low).clamp(min=1e-9)).clamp(0.0, 1.0)
        lab = torch.stack(
            [
                LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * unit[:, 2],
                CHROMA * (2 * unit[:, 0] - 1),
                CHROMA * (2 * unit[:, 1] - 1),
            ],
            dim=1,
        )
        return (oklab_to_srgb(lab) * 255).round().to(torch.uint8)


def palette(centres: torch.Tensor, colors: ColorMap) -> np.ndarray:
    """(s, c) segment centres -> (s, 3) uint8: a segment has the colour of its middle."""
    return colors(centres).cpu().numpy()
