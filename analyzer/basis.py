"""One basis for one site: patches of any frame to eigenvectors, colours and segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from analyzer.colors import ColorMap
from analyzer.ncut.embedding import coordinates
from analyzer.ncut.kway import kway_labels, kway_rotation
from analyzer.ncut.nystrom import NystromNcut
from analyzer.settings import Settings


@dataclass(frozen=True, eq=False)
class PatchView:
    """What is shown of some patches, row by row."""

    eigenvectors: np.ndarray
    """(n, k) float32."""
    colors: np.ndarray
    """(n, 3) uint8 RGB."""
    segments: np.ndarray
    """(n,) uint8."""


@dataclass(frozen=True, eq=False)
class SiteBasis:
    """A fitted NCut with the colours and segments that go with it: the same for every frame it is applied to."""

    ncut: NystromNcut
    colors: ColorMap
    rotation: torch.Tensor
    """(segments, segments): see `ncut.kway`."""
    palette: tuple[tuple[int, int, int], ...]
    """RGB of each segment."""

    @classmethod
    def fit(cls, chunks: Callable[[], Iterable[np.ndarray]], settings: Settings) -> Self:
        """Learn from (n, C) chunks, which are read once."""
        ncut = NystromNcut(
            settings.n_eigenvectors,
            n_landmarks=settings.n_landmarks,
            affinity=settings.affinity,
            mean_affinity=settings.mean_affinity,
            density=settings.density,
            seed=settings.seed,
            device=settings.device,
        ).fit(chunks())
        placed = coordinates(ncut.embedding_, ncut.eigenvalues_)
        colors = ColorMap().fit(placed)
        rotation = kway_rotation(ncut.embedding_[:, : settings.n_segments])
        labels = kway_labels(ncut.embedding_, rotation).long()
        centres = torch.stack(
            [
                placed[labels == segment].mean(0) if bool((labels == segment).any()) else placed.mean(0)
                for segment in range(settings.n_segments)
            ]
        )
        palette = tuple(tuple(int(channel) for channel in color) for color in colors(centres).cpu())
        return cls(ncut, colors, rotation, palette)  # type: ignore[arg-type]

    def apply(self, chunks: Iterable[np.ndarray]) -> Iterator[PatchView]:
        """Every chunk in turn, in memory that does not grow with their number."""
        for chunk in chunks:
            eigenvectors = torch.from_numpy(self.ncut.transform(chunk))
            placed = coordinates(eigenvectors, self.ncut.eigenvalues_.cpu())
            yield PatchView(
                eigenvectors.numpy(),
                self.colors(placed).numpy(),
                kway_labels(eigenvectors, self.rotation).numpy(),
            )
