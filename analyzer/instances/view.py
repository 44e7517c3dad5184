"""What instances are found in: one camera's pictures and the joint Normalized Cut of one or more sites."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from analyzer.run_folder import CameraRecord


@dataclass(frozen=True, eq=False)
class SiteView:
    """One site's cut, as one camera sees it."""

    name: str
    grid: tuple[int, int]
    coordinates: Callable[[int, int], np.ndarray]
    """Analysed frames start … stop - 1 -> (n, rows, cols, c) float32 coordinates, in the units of
    `ncut.embedding.coordinates`; of one basis for all frames."""


@dataclass(frozen=True, eq=False)
class View:
    """One camera of an episode. Nothing of it is held in memory: it is read as it is needed, and more than once."""

    camera: CameraRecord
    frames: int
    """Analysed frames."""
    pictures: Callable[[int, int], Iterable[np.ndarray]]
    """Analysed frames start … stop - 1, in order: (height, width, 3) uint8 RGB each."""
    sites: tuple[SiteView, ...]
    """At least one. All of them are looked at together."""

    def __post_init__(self) -> None:
        if not self.sites or self.frames < 1:
            raise ValueError(f"instances need a site and a frame; got {len(self.sites)} and {self.frames}")


def middle_sites(names: list[str]) -> list[str]:
    """The sites that tell objects apart best, out of a policy's in order of depth: the middle of its vision.

    Early sites are ruled by where a patch lies, late ones by what kind of thing it shows; between them is who it is.
    """
    seeing = [name for name in names if name.startswith("vision.")] or list(names)
    towers: dict[str, list[str]] = {}
    for name in seeing:
        towers.setdefault(name.rpartition(".")[0], []).append(name)
    return [tower[len(tower) // 2] for tower in towers.values()]
