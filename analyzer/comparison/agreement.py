"""How far two bases agree where they look at the same spots, and one basis in the colours of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analyzer.comparison.sides import Side, Sides
from analyzer.instances.instance import Instance
from analyzer.instances.patches import PatchRule
from analyzer.ncut.affinity import squared_distances
from analyzer.ncut.alignment import Alignment, align
from analyzer.run_folder import CameraRecord, SiteRecord
from analyzer.site_coordinates import site_coordinates

FRAMES = 32
"""Of those that both sides have, spread evenly: residuals change little with more."""
LIKE = 8
"""Spots whose colours a patch of another basis takes the mean of."""
MOST_SPOTS = 2048
"""That colours are looked up among, spread evenly over all that are common: the time it takes grows with them."""


@dataclass(frozen=True)
class Residual:
    """Two sites on the same spots."""

    a: str
    b: str
    value: float
    """Share of the structure that no rotation brings together, 0 the same … 1 unrelated (Gower 1971)."""
    spots: int
    """That were compared."""


def residuals(sides: Sides) -> list[Residual]:
    """Of every site of A with every site of B; empty where they do not show the same pictures."""
    return [
        Residual(site_a, site_b, align(*found).residual, len(found[0]))
        for site_a in sides.a.sites
        for site_b in sides.b.sites
        if (found := _common(sides, site_a, site_b)) is not None
    ]


@dataclass(frozen=True, eq=False)
class AgreedColors:
    """The colours of a site of B, as the site of A that it is compared with would have them."""

    alignment: Alignment
    spots: torch.Tensor
    """(n, c) in A."""
    colors: torch.Tensor
    """(n, 3) float32, of those spots in A."""
    record: SiteRecord
    """Of B's site."""

    @classmethod
    def fit(cls, sides: Sides, site_a: str, site_b: str) -> AgreedColors | None:
        """None: the two do not show the same pictures."""
        found = _common(sides, site_a, site_b)
        if found is None:
            return None
        placed_a, placed_b = found
        parts = []
        with sides.a.run.array(sides.a.record.id, site_a, "colors") as array:
            for (at, _), camera, cells, _ in _spots(sides, site_a, site_b):
                parts.append(array.read(at, at + 1)[0, camera].reshape(-1, 3)[cells])
        record = sides.b.run.site(sides.b.record.id, site_b)
        colors = torch.from_numpy(np.concatenate(parts).astype(np.float32))
        stride = -(-len(placed_a) // MOST_SPOTS)
        return cls(align(placed_b, placed_a), placed_a[::stride], colors[::stride], record)

    def __call__(self, eigenvectors: np.ndarray) -> np.ndarray:
        """(…, k) eigenvectors of B's site -> (…, 3) uint8 RGB."""
        placed = self.alignment(torch.from_numpy(_placed(eigenvectors, self.record)))
        nearest = squared_distances(placed, self.spots).topk(min(LIKE, len(self.spots)), largest=False).indices
        return self.colors[nearest].mean(1).round().to(torch.uint8).numpy().reshape(*eigenvectors.shape[:-1], 3)


def agreed_array(sides: Sides, site_a: str, site_b: str) -> np.ndarray | None:
    """(frames, cameras, rows, cols, 3) uint8: colors.npy of a site of B as A would colour it; None: no common pictures."""
    agreed = AgreedColors.fit(sides, site_a, site_b)
    if agreed is None:
        return None
    with sides.b.run.array(sides.b.record.id, site_b, "eigenvectors") as array:
        return np.concatenate([agreed(array.read(at, at + 1)) for at in range(len(array))])


def mean_places(side: Side, site: str, instances: Sequence[Instance]) -> np.ndarray:
    """(instances, c) mean coordinates of the patches of each; NaN where it has none at the frames looked at."""
    record, site_record = side.record, side.run.site(side.record.id, site)
    names = [camera.name for camera in record.cameras]
    rules = {name: PatchRule(record.cameras[names.index(name)], site_record.grid) for name in names}
    maps = {name: None if side.assessed is None else side.assessed.folder.masks(name) for name in names}
    total = np.zeros((len(instances), len(site_record.eigenvalues) - 1))
    count = np.zeros(len(instances))
    with side.run.array(record.id, site, "eigenvectors") as array:
        for at in _spread(len(record.frames)):
            placed = {
                name: _placed(array.read(at, at + 1)[0, number], site_record) for number, name in enumerate(names)
            }
            labels = {name: rules[name](one[at]).ravel() for name, one in maps.items() if one is not None}
            for row, instance in enumerate(instances):
                if instance.camera in labels:
                    of = placed[instance.camera][labels[instance.camera] == instance.id]
                    total[row] += of.sum(0)
                    count[row] += len(of)
    with np.errstate(invalid="ignore"):
        return total / np.where(count, count, np.nan)[:, None]


def _common(sides: Sides, site_a: str, site_b: str) -> tuple[torch.Tensor, torch.Tensor] | None:
    """(n, c) coordinates of the same spots at both sites; None: there are none."""
    record_a, record_b = sides.a.run.site(sides.a.record.id, site_a), sides.b.run.site(sides.b.record.id, site_b)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    with (
        sides.a.run.array(sides.a.record.id, site_a, "eigenvectors") as array_a,
        sides.b.run.array(sides.b.record.id, site_b, "eigenvectors") as array_b,
    ):
        cameras = dict(sides.cameras)
        for (at_a, at_b), camera, cells_a, cells_b in _spots(sides, site_a, site_b):
            seen_a, seen_b = array_a.read(at_a, at_a + 1)[0, camera], array_b.read(at_b, at_b + 1)[0, cameras[camera]]
            parts.append((_placed(seen_a, record_a)[cells_a], _placed(seen_b, record_b)[cells_b]))
    if not parts or not sum(len(placed) for placed, _ in parts):
        return None
    joined = [np.concatenate([part[side] for part in parts]) for side in (0, 1)]
    return torch.from_numpy(joined[0]), torch.from_numpy(joined[1])


def _spots(sides: Sides, site_a: str, site_b: str) -> list[tuple[tuple[int, int], int, np.ndarray, np.ndarray]]:
    """(positions of a frame in A and B, camera of A, its cells in A, its cells in B) of what both see."""
    frames = sides.frames
    grids = sides.a.run.site(sides.a.record.id, site_a).grid, sides.b.run.site(sides.b.record.id, site_b).grid
    found = []
    for camera_a, camera_b in sides.cameras:
        cells = _cells(sides.a.record.cameras[camera_a], grids[0], sides.b.record.cameras[camera_b], grids[1])
        found += [(frames[number], camera_a, *cells) for number in _spread(len(frames))]
    return found


def _cells(
    camera_a: CameraRecord, grid_a: tuple[int, int], camera_b: CameraRecord, grid_b: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Flat cells of both grids that lie under the same spots of the recording: the centres of the finer grid's."""
    if grid_a[0] * grid_a[1] < grid_b[0] * grid_b[1]:
        cells_b, cells_a = _cells(camera_b, grid_b, camera_a, grid_a)
        return cells_a, cells_b
    row, col = np.mgrid[: grid_a[0], : grid_a[1]].reshape(2, -1)
    # Grid -> model's pixels -> recording's pixels -> the other model's pixels -> the other grid.
    to_model = np.diag([camera_a.model_size[1] / grid_a[1], camera_a.model_size[0] / grid_a[0], 1.0])
    to_grid = np.diag([grid_b[1] / camera_b.model_size[1], grid_b[0] / camera_b.model_size[0], 1.0])
    there = to_grid @ np.linalg.inv(np.array(camera_b.to_recording)) @ np.array(camera_a.to_recording) @ to_model
    x, y, depth = there @ np.stack([col + 0.5, row + 0.5, np.ones(len(row))])
    x, y = np.floor(x / depth).astype(int), np.floor(y / depth).astype(int)
    inside = (x >= 0) & (x < grid_b[1]) & (y >= 0) & (y < grid_b[0])
    return (row * grid_a[1] + col)[inside], (y * grid_b[1] + x)[inside]


def _placed(eigenvectors: np.ndarray, record: SiteRecord) -> np.ndarray:
    """(…, k) -> (n, c) coordinates of all patches, one after another."""
    return site_coordinates(eigenvectors, record).reshape(-1, eigenvectors.shape[-1] - 1)


def _spread(count: int) -> list[int]:
    """Up to `FRAMES` of `count`, evenly."""
    return [int(at) for at in np.unique(np.linspace(0, count - 1, FRAMES).round())] if count else []
