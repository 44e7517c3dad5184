"""Confusion of all pairs of one camera's objects, site by site and frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import torch

from analyzer.confusion.patches import Patches
from analyzer.confusion.recognition import References, recognised, recognition, reference_frames
from analyzer.confusion.separability import (
    Overall,
    Separability,
    Similarities,
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
from analyzer.threads import side_by_side

BLOCK = 16
"""Frames looked at at once: what they need stays in the processor's cache."""
PICTURES = 24
"""Frames whose colours are compared, spread evenly over those that show an object."""

Read = Callable[[int, int], np.ndarray]
"""Analysed frames start … stop - 1 -> (n, rows, cols, c)."""
Pictures = Callable[[Sequence[int]], Iterable[np.ndarray]]
"""Positions among the analysed frames, rising -> their (height, width, 3) uint8 pictures."""
Stretch = tuple[tuple[int, int], int, int]
"""A pair of instance ids, and the frames first … last."""


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
    recognised: tuple[torch.Tensor, ...]
    """Of each site, (T, K, n, K) int8 of `analyzer.confusion.recognition.recognised`: what stretches are measured from."""


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
        self.camera, self._settings = camera, settings
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
        results = side_by_side(lambda site: self._site(site, features.get(site.name)), sites)
        told = zip(*[result[:4] for result in results], strict=True)
        curves, total, raw, raw_total = (np.stack(parts, axis=1) for parts in told)
        recognised = tuple(result[4] for result in results)
        return ConfusionAlongSites(self.pairs, curves, raw, total, raw_total, self._pixels(pictures), recognised)

    def over(
        self, sites: Sequence[SiteView], measured: ConfusionAlongSites, stretches: Sequence[Stretch]
    ) -> np.ndarray:
        """(stretches, sites, 3) confusion of pairs over stretches of frames. `measured`: what `measure` says of the same sites."""
        if not stretches:
            return np.zeros((0, len(sites), 3), np.float32)
        known = list(zip(sites, measured.recognised, strict=True))
        return np.stack(side_by_side(lambda one: self._over(*one, stretches), known), axis=1)

    def _over(self, site: SiteView, recognised: torch.Tensor, stretches: Sequence[Stretch]) -> np.ndarray:
        patches = self.patches[site.grid]
        of = [[self.ids.index(number) for number in pair] for pair, _, _ in stretches]
        ways = [(Overall(), Overall()) for _ in stretches]
        for start in range(0, self._frames, BLOCK):
            met = [
                (k, max(first, start), min(last + 1, start + BLOCK))
                for k, (_, first, last) in enumerate(stretches)
                if first < start + BLOCK and last >= start
            ]
            if not met:
                continue
            begin = min(first for _, first, _ in met)
            values = site.coordinates(begin, max(end for *_, end in met))
            parts = [patches.of(of[k], slice(first, end)) for k, first, end in met]
            taken = [
                part.taken(values[first - begin : end - begin], 0)
                for part, (_, first, end) in zip(parts, met, strict=True)
            ]
            places, weights = (
                np.concatenate([getattr(part, name) for part in parts]) for name in ("places", "weights")
            )
            told = torch.cat([recognised[first:end, of[k]][..., of[k]] for k, first, end in met])
            within = self._within(Similarities.of(np.concatenate(taken), weights), places)
            over_time = self._over_time(told, weights, places)
            at = 0
            for k, first, end in met:
                for whole, part in zip(ways[k], (within, over_time), strict=True):
                    whole.add(part.frames(at, at + end - first))
                at += end - first
        return np.array([np.fmax(confusion(one.told(), 0, 1), mistaken(two.told(), 0, 1))[0] for one, two in ways])

    def _site(
        self, site: SiteView, features: Read | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, torch.Tensor]:
        """(P, T, 3) curves and (P, 3) totals in the eigenspace, the same in the features, and who is recognised.

        Of two that are confused in either way the policy confuses them. Over time they are compared by its own features: what
        has slid from one thing to another may lie nowhere in an eigenspace. Where features are gone, there.
        """
        frames, halo = self._frames, self._settings.confusion_window // 2
        curves = np.full((2, len(self.pairs), frames, 3), np.nan, np.float32)
        totals = curves[:, :, 0].copy()
        if not self.pairs:
            return curves[0], totals[0], curves[1], totals[1], torch.zeros(0, dtype=torch.int8)
        seen: list[torch.Tensor] = []
        blocks = self._blocks(site, features, seen)
        ways = next(blocks)  # the last of them over time
        wholes = [Overall() for _ in ways]
        begin = 0  # of what `ways` hold
        for at in range(0, frames, BLOCK):
            stop = min(at + BLOCK, frames)
            start, end = max(0, at - halo), min(frames, stop + halo)
            while begin + len(ways[0].auc) < end:
                ways = [joined(parts) for parts in zip(ways, next(blocks), strict=True)]
            for whole, way in zip(wholes, ways, strict=True):
                whole.add(way.frames(at - begin, stop - begin))
            ways, begin = [way.frames(start - begin, len(way.auc)) for way in ways], start
            near = [pooled(way.frames(0, end - start), self._settings.confusion_window) for way in ways]
            *within, over_time = (way.frames(at - start, stop - start) for way in near)
            for k, one in enumerate(within):
                curves[k, :, at:stop] = self._confusion(one, over_time).swapaxes(0, 1)
        *within, over_time = (whole.told() for whole in wholes)
        for k, one in enumerate(within):
            totals[k] = self._confusion(one, over_time)[0]
        return curves[0], totals[0], curves[1], totals[1], torch.cat(seen)

    def _blocks(self, site: SiteView, features: Read | None, seen: list[torch.Tensor]) -> Iterator[list[Separability]]:
        """Block by block: everyone in the eigenspace; in the features, where there are any; over time. On the way
        `seen` is filled."""
        patches, cosine = self.patches[site.grid], features is not None and self._cosine
        spaces = [(site.coordinates, False), *([(features, cosine)] if features else [])]
        references = self._look_up(features or site.coordinates, patches, cosine=cosine)
        for at in range(0, self._frames, BLOCK):
            part = patches.of(self._everyone, slice(at, at + BLOCK))
            stop = at + len(part.places)
            known = [
                Similarities.of(part.taken(read(at, stop), 0), part.weights, cosine=angle) for read, angle in spaces
            ]
            seen.append(recognised(known[-1], references, min_patches=self._settings.min_patches))
            over_time = self._over_time(seen[-1], part.weights, part.places)
            yield [*(self._within(one, part.places) for one in known), over_time]

    def _confusion(self, within: Separability, over_time: Separability) -> np.ndarray:
        """(T, P, 3) of every pair, the larger of the two ways each."""
        a, b = self._positions
        return np.asarray(np.fmax(confusion(within, a, b), mistaken(over_time, a, b)))

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

    def _look_up(self, read: Read, patches: Patches, *, cosine: bool) -> References:
        """How the instances look in the reference frames."""
        frames = self._references
        values = [patches.taken(read(t, t + 1), t) for t in frames]
        return References.of(np.concatenate(values), patches.weights[list(frames)], cosine=cosine)

    def _within(self, known: Similarities, places: np.ndarray) -> Separability:
        return separability(known, places, min_patches=self._settings.min_patches, seed=self._settings.seed)

    def _over_time(self, told: torch.Tensor, weights: np.ndarray, places: np.ndarray) -> Separability:
        least, seed = self._settings.min_patches, self._settings.seed
        return recognition(told, weights, places, min_patches=least, seed=seed)

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
        plane = ModelPlane(self.camera, grid)
        colors = [_mean_colors(plane(rgb), grid) for rgb in pictures([int(t) for t in chosen])]
        part = patches.of(list(range(len(self.ids))), chosen)
        measured = overall(
            separability(
                Similarities.of(part.taken(np.stack(colors), 0), part.weights),
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
