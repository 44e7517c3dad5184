"""Eigenvectors to colours: what is apart in the eigenspace looks apart, in every frame and at every site alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from analyzer.colors.gamut import GamutFill, dimensions
from analyzer.colors.oklab import bytes_to_oklab, oklab_to_srgb
from analyzer.ncut.affinity import squared_distances
from analyzer.ncut.neighbours import neighbour_layout

NEIGHBOURS = 20
"""How many other places a place is kept close to."""
WIDTH = 0.4
"""Of the blend around a place, in distances to its second neighbour. Wide blends average colours towards grey (at 1
patches differ half as much); narrow ones let a patch between two places flicker."""


@dataclass(frozen=True, eq=False)
class ColorMap:
    """Coordinates of patches to RGB, fitted once and then the same for every frame and episode.

    Three colour axes cannot hold twenty eigenvectors, so the map keeps what a viewer reads off an overlay: what looks
    alike is alike. Places spread over the eigenspace are laid out so that neighbours stay neighbours
    (`neighbour_layout`), and the layout fills what a screen can show in OKLab, where equal distances look equally
    different. Every place counts the same: a bowl of ten patches gets as much room as a table of a thousand. Between
    places colours are blended smoothly, so that a little noise in a patch stays a little noise in its colour.
    """

    places: torch.Tensor
    """(m, c)."""
    lab: torch.Tensor
    """(m, 3) OKLab colour of each place."""
    width: torch.Tensor
    """(m,) of the blend around each."""

    def blend(self, squared: torch.Tensor) -> torch.Tensor:
        """(n, m) squared distances to the places -> (n, 3) OKLab."""
        return (squared / (-2 * self.width.square())).softmax(1) @ self.lab

    def __call__(self, coordinates: torch.Tensor) -> torch.Tensor:
        """(n, c) coordinates -> (n, 3) uint8 RGB."""
        return to_bytes(self.blend(squared_distances(coordinates, self.places)))


@dataclass(frozen=True, eq=False)
class ColorReference:
    """The site whose colours the others follow."""

    map: ColorMap
    fill: GamutFill
    shared: torch.Tensor
    """(n, d) where the layout has each of the patches that all sites look at."""


def color_reference(places: torch.Tensor, shared: torch.Tensor, palette: str) -> ColorReference:
    """Lay out (m, c) places freely; `shared`: (n,) place of each patch that all sites look at."""
    layout = neighbour_layout(places, dimensions(palette), NEIGHBOURS)
    fill = GamutFill.fit(layout, palette)
    return ColorReference(_map(places, fill(layout)), fill, layout[shared])


def aligned_colors(places: torch.Tensor, shared: torch.Tensor, reference: ColorReference) -> ColorMap:
    """Lay out a site's own (m, c) places, each near where the reference has the same patches.

    Its own neighbourhoods decide (what has merged here looks alike here, what has split looks different); the
    reference settles what they leave open, which is most: a layout can be turned and bent in many ways.
    """
    count = torch.bincount(shared, minlength=len(places)).to(reference.shared)
    anchors = (
        torch.zeros(len(places), reference.shared.shape[1]).to(reference.shared).index_add_(0, shared, reference.shared)
    )
    anchors /= count.clamp(min=1)[:, None]
    # A place that no shared patch lies in follows its nearest neighbour that has one.
    apart = squared_distances(places, places) + torch.where(count > 0, 0.0, torch.inf).to(places)
    anchors = anchors[apart.argmin(1)]
    layout = neighbour_layout(places, anchors.shape[1], NEIGHBOURS, anchors=anchors)
    return _map(places, reference.fill(layout))


def to_bytes(lab: torch.Tensor) -> torch.Tensor:
    """(n, 3) OKLab -> (n, 3) uint8 RGB."""
    return (oklab_to_srgb(lab) * 255).round().to(torch.uint8)


def _map(places: torch.Tensor, lab: torch.Tensor) -> ColorMap:
    distance = squared_distances(places, places).sqrt()
    neighbour = distance.sort(1)[0][:, min(2, len(distance) - 1)]
    # Equal places have no distance to blend over: the floor keeps the quotient finite.
    width = (WIDTH * neighbour).clamp(min=1e-6 * (1 + float(distance.max())))
    return ColorMap(places, lab, width)


def collision_rate(coordinates: torch.Tensor, rgb: torch.Tensor, threshold: float) -> float:
    """Share of the pairs of patches far apart in the eigenspace whose colours differ by less than `threshold` in OKLab.

    Far: further than the median pair. `coordinates` (n, c) and `rgb` (n, 3) uint8 of a few hundred patches that stand
    for the eigenspace, not for the picture (say one a place), or the table's pairs are all that is counted.
    """
    lab = bytes_to_oklab(rgb)
    pair = torch.triu_indices(len(lab), len(lab), offset=1)
    apart = squared_distances(coordinates, coordinates)[pair[0], pair[1]]
    look = squared_distances(lab, lab).sqrt()[pair[0], pair[1]]
    far = apart > apart.median()
    return float((look[far] < threshold).float().mean()) if bool(far.any()) else 0.0
