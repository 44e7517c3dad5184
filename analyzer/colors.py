"""Eigenvectors to colours: what is apart in the eigenspace should look apart, in every frame alike."""

from __future__ import annotations

from typing import Self

import torch

from analyzer.ncut.affinity import squared_distances
from analyzer.ncut.landmarks import kmeans_landmarks
from analyzer.ncut.neighbours import neighbour_layout

CENTRES = 160
"""Places in the eigenspace that are given a colour; all other colours are blended from theirs."""
NEIGHBOURS = 20
"""How many other centres a centre is kept close to."""
MIDDLE = (0.68, 0.0, 0.0)
"""OKLab colour in the middle: light enough over dark pixels and dark enough over light ones."""
REACH = (0.22, 0.23, 0.23)
"""How far colours go from the middle in lightness, a and b: about as far as sRGB does."""
SPREAD = 1.7
"""Standard deviations of the layout that fill that reach; what lies beyond is drawn back to it."""


def oklab_to_srgb(lab: torch.Tensor) -> torch.Tensor:
    """(…, 3) OKLab -> (…, 3) sRGB in [0, 1], clipped into the gamut. Constants: Ottosson 2020, "A perceptual color space"."""
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
    """Coordinates of patches to RGB, fitted once on a sample and then the same for every frame and episode.

    Three colour axes cannot hold twenty eigenvectors, so the map keeps what a viewer reads off an overlay: what looks
    alike is alike. Centres spread over the eigenspace are laid out in OKLab, where equal distances look equally
    different (Ottosson 2020), so that neighbours stay neighbours (`neighbour_layout`). Every centre counts the same: a
    bowl of ten patches gets as much room as a table of a thousand. Between centres colours are blended smoothly, so
    that a little noise in a patch stays a little noise in its colour.
    """

    def fit(self, coordinates: torch.Tensor) -> Self:
        """Learn from (n, c) coordinates."""
        self._centres = kmeans_landmarks(coordinates, CENTRES, iterations=5)
        layout = neighbour_layout(self._centres, 3, NEIGHBOURS)
        layout = layout * torch.where(layout.pow(3).sum(0) < 0, -1.0, 1.0)
        placed = layout / (SPREAD * layout.std(0, correction=0)).clamp(min=1e-9)
        placed = placed / placed.norm(dim=1, keepdim=True).clamp(min=1.0)
        # The two axes of largest variance become hue, the third lightness: hue survives the picture underneath.
        lab = placed[:, [2, 0, 1]] * torch.tensor(REACH).to(placed) + torch.tensor(MIDDLE).to(placed)
        self._lab = lab.float()
        # A centre's colour fades over the distance to its second neighbour.
        distance = squared_distances(self._centres, self._centres).sqrt()
        neighbour = distance.sort(1)[0][:, min(2, len(distance) - 1)]
        self._width = neighbour.clamp(min=1e-6 * (1 + float(distance.max())))
        return self

    def __call__(self, coordinates: torch.Tensor) -> torch.Tensor:
        """(n, c) coordinates -> (n, 3) uint8 RGB."""
        nearness = squared_distances(coordinates, self._centres) / (-2 * self._width.square())
        return (oklab_to_srgb(nearness.softmax(1) @ self._lab) * 255).round().to(torch.uint8)
