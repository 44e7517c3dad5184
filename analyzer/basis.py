"""One basis for one site, and what brings the sites of a run in line: patches to eigenvectors, colours and segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from analyzer.colors.color_map import ColorMap, ColorReference, aligned_colors, color_reference, to_bytes
from analyzer.colors.palette import segment_palette
from analyzer.ncut.affinity import squared_distances
from analyzer.ncut.alignment import align, match_segments, residuals
from analyzer.ncut.kway import SegmentTree
from analyzer.ncut.landmarks import kmeans_landmarks, nearest
from analyzer.ncut.nystrom import NystromNcut
from analyzer.new_cut import new_cut
from analyzer.settings import Settings

PLACES = 160
"""Spots of the eigenspace that stand for all of it: each gets a colour and a segment, and patches follow the nearest."""


@dataclass(frozen=True, eq=False)
class SiteCut:
    """The Normalized Cut of one site, by itself."""

    ncut: NystromNcut
    places: torch.Tensor
    """(m, c) coordinates."""
    tree: SegmentTree

    @classmethod
    def fit(cls, chunks: Iterable[np.ndarray], settings: Settings) -> Self:
        """Learn from (n, C) chunks, which are read once."""
        ncut = new_cut(settings).fit(chunks)
        placed = ncut.coordinates(ncut.embedding_)
        places = kmeans_landmarks(placed, PLACES, iterations=5)
        sizes = torch.bincount(nearest(placed, places), minlength=len(places))
        return cls(ncut, places, SegmentTree.fit(places, sizes, settings.n_segments))

    def place(self, features: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, C) features -> (n, c) coordinates and (n,) nearest place, on the device."""
        eigenvectors = torch.cat(list(self.ncut.transform_chunks(features)))
        placed = self.ncut.coordinates(eigenvectors)
        return placed, nearest(placed, self.places)


@dataclass(frozen=True, eq=False)
class PatchView:
    """What is shown of some patches, row by row."""

    eigenvectors: np.ndarray
    """(n, k) float32."""
    colors: np.ndarray
    """(n, 3) uint8 RGB."""
    segments: np.ndarray
    """(n,) uint8 ids in the finest division."""


@dataclass(frozen=True, eq=False)
class SiteBasis:
    """A cut with the colours and ids that it shares with the run's other sites: the same for every frame."""

    cut: SiteCut
    tree: SegmentTree
    """The cut's, under the run's ids."""
    colors: ColorMap
    palette: tuple[tuple[int, int, int], ...]
    """RGB of each id, the same at all sites."""
    reference: str
    """The site that this one was aligned with."""
    residual: float
    """How far it could not be: 0 the same structure, 1 unrelated."""
    overlap: tuple[float, ...]
    """Of each id's segment with the reference's of that id, 0 … 1."""

    def shares(self, chunk: np.ndarray) -> torch.Tensor:
        """(n, C) features -> (n, k + 1); see `NystromNcut.transform_shares`."""
        return torch.cat(list(self.cut.ncut.transform_shares(chunk)))

    def view(self, shares: torch.Tensor) -> PatchView:
        """(n, k + 1) shares, coupled or as they are."""
        eigenvectors = self.cut.ncut.normalised(shares)
        placed = self.cut.ncut.coordinates(eigenvectors)
        squared = squared_distances(placed, self.cut.places)
        return PatchView(
            eigenvectors.cpu().numpy(),
            to_bytes(self.colors.blend(squared)).cpu().numpy(),
            self.tree.finest[squared.argmin(1)].to(torch.uint8).cpu().numpy(),
        )


@dataclass(frozen=True, eq=False)
class Agreement:
    """What all bases of a run follow, so that the same thing keeps its colour and id from site to site and from episode
    to episode: one site's view of patches that every site is then asked about."""

    site: str
    coordinates: torch.Tensor
    """(n, c) of the common patches there."""
    places: torch.Tensor
    """(n,) their places."""
    tree: SegmentTree
    colors: ColorReference
    palette: tuple[tuple[int, int, int], ...]

    @classmethod
    def fit(cls, cuts: Mapping[str, SiteCut], common: Callable[[str], np.ndarray], settings: Settings) -> Self:
        """Choose the site that the others can best be aligned with. `common(site)`: (n, C) the same patches at each."""
        views = {site: cut.place(common(site)) for site, cut in cuts.items()}
        between = residuals([placed for placed, _ in views.values()])
        site = list(cuts)[int(between.mean(1).argmin())]
        cut, (placed, places) = cuts[site], views[site]
        colors = color_reference(cut.places, places, settings.palette)
        shown = torch.tensor([[0.7, 0.0, 0.0]]).repeat(settings.n_segments, 1).to(colors.map.lab)
        for number in range(cut.tree.segments):
            shown[number] = colors.map.lab[cut.tree.finest == number].mean(0)
        palette = tuple(segment_palette(shown, settings.palette))
        return cls(site, placed, places, cut.tree, colors, palette)

    def basis(self, cut: SiteCut, common: np.ndarray) -> SiteBasis:
        """Bring a cut in line; `common`: (n, C) the common patches at its site."""
        placed, places = cut.place(common)
        residual = align(placed, self.coordinates).residual
        tree, overlap = match_segments(cut.tree, places, self.tree, self.places)
        colors = aligned_colors(cut.places, places, self.colors)
        return SiteBasis(cut, tree, colors, self.palette, self.site, residual, tuple(map(float, overlap)))
