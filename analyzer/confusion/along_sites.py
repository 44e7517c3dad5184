"""Confusion of all pairs of one camera's objects, site by site and frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from analyzer.confusion.patches import Patches
from analyzer.confusion.recognition import References, recognition, reference_frames
from analyzer.confusion.separability import (
    Separability,
    confusion,
    joined,
    mistaken,
    overall,
    pooled,
    separability,
)
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
class Measured:
    """All instances against each other, in two ways: of two that are confused in either, the policy confuses them."""

    within: Separability
    """Each frame by itself (`analyzer.confusion.separability`)."""
    over_time: Separability
    """Against how each of them usually looks (`analyzer.confusion.recognition`), by the policy's own features: what has slid
    from one thing to another may lie nowhere in an eigenspace. Where features are gone, there."""

    def frames(self, first: int, stop: int) -> Measured:
        return Measured(self.within.frames(first, stop), self.over_time.frames(first, stop))

    def pooled(self, window: int) -> Measured:
        return Measured(pooled(self.within, window), pooled(self.over_time, window))

    def confusion(self, a: int | Sequence[int], b: int | Sequence[int]) -> np.ndarray:
        """(T, 3) or (T, P, 3): value, low and high end, the larger of the two ways each."""
        return np.asarray(np.fmax(confusion(self.within, a, b), mistaken(self.over_time, a, b)))

    @classmethod
    def overall(cls, parts: Sequence[Measured]) -> Measured:
        """One value for all their frames, as a measurement of one frame."""
        return cls(overall(joined([one.within for one in parts])), overall(joined([one.over_time for one in parts])))


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
        self._references = reference_frames(frames)

    def measure(
        self, sites: Sequence[SiteView], features: Mapping[str, Read], pictures: Pictures | None
    ) -> ConfusionAlongSites:
        """Everything about every pair. `features`: of the sites that still have them; without `pictures` colours are
        not compared."""
        results = [self._site(site, features.get(site.name)) for site in sites]
        curves, total, raw, raw_total = (np.stack(parts, axis=1) for parts in zip(*results, strict=True))
        return ConfusionAlongSites(self.pairs, curves, raw, total, raw_total, self._pixels(pictures))

    def between(
        self, site: SiteView, pair: tuple[int, int], first: int, last: int, features: Read | None = None
    ) -> np.ndarray:
        """(3,) confusion of one pair over the frames first … last. `features`: the site's, if it still has them."""
        patches, of = self.patches[site.grid], [self.ids.index(number) for number in pair]
        known = features or site.coordinates
        references = self._look_up(known, patches)
        parts = []
        for start in range(first, last + 1, BLOCK):
            stop = min(start + BLOCK, last + 1)
            own, every = patches.of(of, slice(start, stop)), patches.of(self._everyone, slice(start, stop))
            within = self._within(own.taken(site.coordinates(start, stop), 0), own, cosine=False)
            values = every.taken(known(start, stop), 0)
            over_time = self._over_time(values, every, references, of=of, cosine=features is not None and self._cosine)
            parts.append(Measured(within, over_time.among(of)))
        return Measured.overall(parts).confusion(0, 1)[0]

    def _site(self, site: SiteView, features: Read | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(P, T, 3) curves and (P, 3) totals in the eigenspace, and the same in the features."""
        frames, halo, patches = self._frames, self._settings.confusion_window // 2, self.patches[site.grid]
        curves = np.full((2, len(self.pairs), frames, 3), np.nan, np.float32)
        totals = curves[:, :, 0].copy()
        if not self.pairs:
            return curves[0], totals[0], curves[1], totals[1]
        references = self._look_up(features or site.coordinates, patches)
        every: list[list[Measured]] = [[], []]
        for at in range(0, frames, BLOCK):
            stop = min(at + BLOCK, frames)
            start, end = max(0, at - halo), min(frames, stop + halo)
            part = patches.of(self._everyone, slice(start, end))
            spaces = [(part.taken(site.coordinates(start, end), 0), False)]
            if features:
                spaces.append((part.taken(features(start, end), 0), self._cosine))
            values, cosine = spaces[-1]
            over_time = self._over_time(values, part, references, cosine=cosine)
            for k, (values, cosine) in enumerate(spaces):
                measured = Measured(self._within(values, part, cosine=cosine), over_time)
                inner = measured.pooled(self._settings.confusion_window).frames(at - start, stop - start)
                curves[k, :, at:stop] = inner.confusion(*self._positions).swapaxes(0, 1)
                every[k].append(measured.frames(at - start, stop - start))
        for k, parts in enumerate(every):
            if parts:
                totals[k] = Measured.overall(parts).confusion(*self._positions)[0]
        return curves[0], totals[0], curves[1], totals[1]

    @property
    def _cosine(self) -> bool:
        """How features are compared."""
        return self._settings.affinity == "cosine"

    @property
    def _everyone(self) -> list[int]:
        return list(range(len(self.ids)))

    @property
    def _positions(self) -> tuple[list[int], list[int]]:
        """Of the first of each pair among the ids, and of the second."""
        every = list(combinations(range(len(self.ids)), 2))
        return [a for a, _ in every], [b for _, b in every]

    def _look_up(self, read: Read, patches: Patches) -> References:
        """How the instances look in the reference frames."""
        frames = self._references
        values = [patches.taken(read(t, t + 1), t) for t in frames]
        return References(np.concatenate(values), patches.weights[list(frames)])

    def _within(self, values: np.ndarray, part: Patches, *, cosine: bool) -> Separability:
        least, seed = self._settings.min_patches, self._settings.seed
        return separability(values, part.weights, part.places, cosine=cosine, min_patches=least, seed=seed)

    def _over_time(
        self,
        values: np.ndarray,
        part: Patches,
        references: References,
        *,
        of: Sequence[int] | None = None,
        cosine: bool,
    ) -> Separability:
        least, seed = self._settings.min_patches, self._settings.seed
        return recognition(
            values, part.weights, part.places, references, of=of, cosine=cosine, min_patches=least, seed=seed
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
