"""What instances are found in: one camera's pictures and the joint Normalized Cut of one or more sites."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    `ncut.embedding.coordinates`; of one basis for all frames. Where instances are found: of a `figure_cut`."""


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


MIDDLE = (0.45, 0.64)
"""Of a tower's depth: where objects are told apart best. Earlier, a patch is mostly where it lies; later, what kind of
thing it shows. Of dinov2-small at 448 pixels these are blocks 5 and 7; measured with benchmarks/instances.py."""


def middle_sites(names: Sequence[str]) -> list[str]:
    """The sites that tell objects apart best, out of a policy's in order of depth: those nearest to the middle of each of
    its vision towers; of a policy that names no vision, of all its sites."""
    towers: dict[str, list[str]] = {}
    for name in [name for name in names if name.startswith("vision.")] or names:
        towers.setdefault(name.rpartition(".")[0], []).append(name)
    chosen = []
    for tower in towers.values():
        ends = [name.rpartition(".")[2] for name in tower]
        depth = {
            name: int(end) if all(map(str.isdecimal, ends)) else at
            for at, (name, end) in enumerate(zip(tower, ends, strict=True))
        }
        deepest = max(depth.values())
        nearest = {min(tower, key=lambda name: abs(depth[name] - part * deepest)) for part in MIDDLE}
        chosen += [name for name in tower if name in nearest]
    return chosen
