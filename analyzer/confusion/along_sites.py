"""Confusion of all pairs of one camera's objects, site by site and frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from analyzer.confusion.patches import Patches
from analyzer.confusion.separability import Separability, confusion, joined, overall, pooled, separability
from analyzer.instances.patches import PatchRule
from analyzer.instances.view import SiteView
from analyzer.motion import ModelPlane
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings

BLOCK = 16
"""Frames looked at at once: what they need stays in the processor's cache."""
PICTURES = 24
"""Frames whose colours are compared, spread evenly over those that show an object."""

Read = Callable[[int, int], np.ndarray]
"""Analysed frames start … stop - 1 -> (n, rows, cols, c)."""
Pictures = Callable[[Sequence[int]], Iterable[np.ndarray]]
"""Positions among the analysed frames, rising -> their (height, width, 3) uint8 pictures."""


@dataclass(frozen=True, eq=False)
class ConfusionAlongSites:
    """Of P pairs of one camera at S sites in T frames; the last axis is value, low and high end. NaN: not assessed."""

    pairs: tuple[tuple[int, int], ...]
    """Instance ids, the lower first."""
    curves: np.ndarray
    """(P, S, T, 3) float32 in the eigenspace, pooled over neighbouring frames."""
    feature_curves: np.ndarray
    """(P, S, T, 3) in the raw features."""
    total: np.ndarray
    """(P, S, 3) over all frames in which both are visible."""
    feature_total: np.ndarray
    """(P, S, 3)."""
    pixels: np.ndarray
    """(P,) in the colours of the picture."""


class PairsOfCamera:
    """The objects of one camera, ready to be compared anywhere.

    Patches are chosen once a grid. A measurement reads the site block by block, so memory does not grow with frames.
    """

    def __init__(
        self,
        camera: CameraRecord,
        ids: Sequence[int],
        maps: Iterable[np.ndarray],
        grids: Iterable[tuple[int, int]],
        settings: Settings,
        *,
        frames: int,
    ) -> None:
        """`maps`: (height, width) uint8 of every analysed frame, read once; not at all where there are no pairs."""
        self._frames = frames
        self.ids = tuple(sorted(ids))
        self.pairs = tuple(combinations(self.ids, 2))
        self._camera, self._settings = camera, settings
        rules = {grid: PatchRule(camera, grid) for grid in dict.fromkeys(grids)}
        shares: dict[tuple[int, int], list[np.ndarray]] = {grid: [] for grid in rules}
        for label_map in maps if self.pairs else ():
            present = np.bincount(label_map.reshape(-1), minlength=256) > 0
            for grid, rule in rules.items():
                frame = np.zeros((len(self.ids), *grid), np.float32)
                for k, number in enumerate(self.ids):
                    if present[number]:
                        frame[k] = rule.share(label_map == number)
                shares[grid].append(frame)
        self.patches = {grid: Patches.choose(frames, grid) for grid, frames in shares.items()}

    def measure(
        self, sites: Sequence[SiteView], features: Mapping[str, Read], pictures: Pictures | None
    ) -> ConfusionAlongSites:
        """Everything about every pair. `features`: of the sites that still have them; without `pictures` colours are
        not compared."""
        results: list[tuple[np.ndarray, np.ndarray]] = []
        raw: list[tuple[np.ndarray, np.ndarray]] = []
        nothing = np.full((len(self.pairs), self._frames, 3), np.nan, np.float32)
        for site in sites:
            patches = self.patches[site.grid]
            results.append(self._site(site.coordinates, patches, cosine=False))
            read = features.get(site.name)
            cosine = self._settings.affinity == "cosine"
            raw.append(self._site(read, patches, cosine=cosine) if read else (nothing, nothing[:, 0]))
        return ConfusionAlongSites(
            pairs=self.pairs,
            curves=np.stack([curve for curve, _ in results], axis=1),
            feature_curves=np.stack([curve for curve, _ in raw], axis=1),
            total=np.stack([total for _, total in results], axis=1),
            feature_total=np.stack([total for _, total in raw], axis=1),
            pixels=self._pixels(pictures),
        )

    def between(self, site: SiteView, pair: tuple[int, int], first: int, last: int) -> np.ndarray:
        """(3,) confusion of one pair over the frames first … last."""
        chosen = self.patches[site.grid].of([self.ids.index(number) for number in pair])
        parts = [
            self._compare(site.coordinates, chosen, at, min(at + BLOCK, last + 1), cosine=False)
            for at in range(first, last + 1, BLOCK)
        ]
        return np.asarray(confusion(overall(joined(parts)), 0, 1)[0])

    def _site(self, read: Read, patches: Patches, *, cosine: bool) -> tuple[np.ndarray, np.ndarray]:
        """(P, T, 3) curves and (P, 3) totals."""
        frames, halo = self._frames, self._settings.confusion_window // 2
        curves = np.full((len(self.pairs), frames, 3), np.nan, np.float32)
        if not self.pairs:
            return curves, curves[:, 0]
        every = []
        for at in range(0, frames, BLOCK):
            stop = min(at + BLOCK, frames)
            start, end = max(0, at - halo), min(frames, stop + halo)
            part = self._compare(read, patches, start, end, cosine=cosine)
            smooth = pooled(part, self._settings.confusion_window)
            inner = smooth.frames(at - start, stop - start)
            curves[:, at:stop] = confusion(inner, *self._positions).swapaxes(0, 1)
            every.append(part.frames(at - start, stop - start))
        return curves, confusion(overall(joined(every)), *self._positions)[0]

    @property
    def _positions(self) -> tuple[list[int], list[int]]:
        """Of the first of each pair among the ids, and of the second."""
        every = list(combinations(range(len(self.ids)), 2))
        return [a for a, _ in every], [b for _, b in every]

    def _compare(self, read: Read, patches: Patches, start: int, stop: int, *, cosine: bool) -> Separability:
        part = patches.of(list(range(patches.weights.shape[1])), slice(start, stop))
        return separability(
            part.taken(read(start, stop), 0),
            part.weights,
            part.places,
            cosine=cosine,
            min_patches=self._settings.min_patches,
            seed=self._settings.seed,
        )

    def _pixels(self, pictures: Pictures | None) -> np.ndarray:
        """(P,) confusion in the patches' mean colours, CIELAB, on the finest grid."""
        if pictures is None or not self.pairs:
            return np.full(len(self.pairs), np.nan)
        grid = max(self.patches, key=lambda grid: grid[0] * grid[1])
        patches = self.patches[grid]
        shown = np.flatnonzero(((patches.visible >= self._settings.min_patches).sum(1)) > 1)
        chosen = np.unique(shown[np.linspace(0, len(shown) - 1, PICTURES).round().astype(int)]) if len(shown) else shown
        if not len(chosen):
            return np.full(len(self.pairs), np.nan)
        plane = ModelPlane(self._camera, grid)
        colors = [_mean_colors(plane(rgb), grid) for rgb in pictures([int(t) for t in chosen])]
        part = patches.of(list(range(len(self.ids))), chosen)
        measured = overall(
            separability(
                part.taken(np.stack(colors), 0),
                part.weights,
                part.places,
                min_patches=self._settings.min_patches,
                replicates=1,
            )
        )
        return np.asarray(confusion(measured, *self._positions)[0, :, 0])


def _mean_colors(rgb: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint8 in the model's plane -> (rows, cols, 3) float32 CIELAB of the patches' mean colours."""
    mean = cv2.resize(rgb.astype(np.float32) / 255, (grid[1], grid[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(mean, cv2.COLOR_RGB2LAB))
