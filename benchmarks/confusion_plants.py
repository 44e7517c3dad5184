"""Confusion that was put there: features of one object blended into another's, so that the answer is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch

from analyzer.confusion.along_sites import ConfusionAlongSites, PairsOfCamera
from analyzer.confusion.pair import PairTrace, SiteConfusion
from analyzer.confusion.traces import verdict
from analyzer.failures.case import Case, Event
from analyzer.failures.cases import Telling, make_cases
from analyzer.failures.events import confused
from analyzer.features import FeatureRequest, default_cache, extract
from analyzer.instances.given import given
from analyzer.instances.instances import Instances
from analyzer.instances.patches import PatchRule
from analyzer.instances.view import SiteView
from analyzer.ncut.embedding import coordinates
from analyzer.ncut.nystrom import NystromNcut
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings
from policies.policy import Policy
from videos.episode import Episode

CAMERA = "agentview"
STRIDE = 3
"""Every third frame, about 7 a second."""
SITES = ("vision.3", "vision.5", "vision.7", "vision.9", "vision.11")


@dataclass(frozen=True, eq=False)
class Scene:
    """One episode: features, ground-truth instances, and its confusion as it is."""

    name: str
    features: Mapping[str, np.ndarray]
    """Site -> (T, rows, cols, C) float16."""
    embedded: Mapping[str, np.ndarray]
    """Site -> (T, rows, cols, c) float32 coordinates."""
    instances: Instances
    labels: np.ndarray
    """(T, rows, cols) whose each patch is."""
    times_s: np.ndarray
    compared: PairsOfCamera
    confusion: ConfusionAlongSites
    settings: Settings

    @cached_property
    def confused_anyway(self) -> frozenset[tuple[int, ...]]:
        """Pairs that have a case as they are: the policy's own confusion, which is nobody's mistake."""
        _, cases = self.cases(SITES, self.embedded, self.confusion)
        return frozenset(case.instances for case in cases)

    @property
    def grid(self) -> tuple[int, int]:
        return self.labels.shape[1], self.labels.shape[2]

    def cases(
        self, sites: Sequence[str], embedded: Mapping[str, np.ndarray], measured: ConfusionAlongSites
    ) -> tuple[list[Event], tuple[Case, ...]]:
        """As an analysis makes them, of the pairs alone."""
        settings = self.settings
        events = [
            event
            for p, pair in enumerate(measured.pairs)
            for event in confused(pair, measured.curves[p, :, :, 0], tuple(sites), self.times_s, settings)
        ]
        views = [view(site, embedded[site]) for site in sites]
        telling = Telling(
            episode=self.name,
            sites=tuple(sites),
            instances={one.id: one for one in self.instances.instances},
            times_s=self.times_s,
            numbers=tuple(range(len(self.times_s))),
            counted="frame",
            settings=settings,
        )
        traces = [_trace(measured, p, tuple(sites), settings) for p in range(len(measured.pairs))]

        def trace(pair: tuple[int, int], first: int, last: int) -> np.ndarray:
            return np.stack([self.compared.between(one, pair, first, last) for one in views])

        return events, make_cases(events, traces, trace, telling)


def view(site: str, values: np.ndarray) -> SiteView:
    return SiteView(site, values.shape[1:3], partial(_part, values))


def _part(values: np.ndarray, start: int, stop: int) -> np.ndarray:
    return values[start:stop]


def _trace(measured: ConfusionAlongSites, p: int, sites: tuple[str, ...], settings: Settings) -> PairTrace:
    told, at = verdict(
        measured.total[p, :, 0],
        float(measured.pixels[p]),
        on=settings.confusion_on,
        off=settings.confusion_off,
        look_alike=settings.look_alike,
    )
    along = tuple(SiteConfusion(site, None, None, None, None) for site in sites)
    pixels = None if np.isnan(measured.pixels[p]) else float(measured.pixels[p])
    return PairTrace(*measured.pairs[p], along, pixels, told, None if at is None else sites[at])


def embed(features: np.ndarray, settings: Settings) -> np.ndarray:
    """(T, rows, cols, C) features -> (T, rows, cols, c) coordinates, as `analyzer.basis` makes them."""
    rows = features.reshape(-1, features.shape[-1])
    ncut = NystromNcut(
        settings.n_eigenvectors,
        n_landmarks=settings.n_landmarks,
        affinity=settings.affinity,
        mean_affinity=settings.mean_affinity,
        density=settings.density,
        seed=settings.seed,
    ).fit(rows[at : at + 8192] for at in range(0, len(rows), 8192))
    # The eigenvectors are stored as float16 in a run folder.
    vectors = torch.cat([part.half().float() for part in ncut.transform_chunks(rows)])
    return np.asarray(coordinates(vectors, ncut.eigenvalues_.float()).numpy().reshape(*features.shape[:3], -1))


def scene(episode: Episode, policy: Policy, settings: Settings, say: Callable[[str], None]) -> Scene:
    """Features from the cache, masks of the recording, confusion as an analysis would find it."""
    frames = tuple(range(0, episode.frame_count, STRIDE))
    request = FeatureRequest(cameras=(CAMERA,), frames=frames, sites=SITES, batch=4)
    say(f"{episode.id}: {len(frames)} frames")
    stored = extract(episode, policy, request, default_cache())
    features = {site: one.frames(0, len(frames))[:, 0] for site, one in stored.items()}
    height, width = episode.cameras[CAMERA].size
    matrix = policy.transform.to_recording(height, width)
    camera = CameraRecord(
        CAMERA, width, height, tuple(tuple(map(float, row)) for row in matrix), policy.transform.size, (0, 0, 1, 1)
    )
    assert episode.masks is not None
    truth = episode.masks[CAMERA].load()
    pictures = [frame.rgb for frame in episode.cameras[CAMERA].frames(frames)]
    masks = truth.labels[list(frames)]
    instances = given(camera, pictures, masks, truth.names)
    embedded = {site: embed(values, settings) for site, values in features.items()}
    grid = features[SITES[0]].shape[1:3]
    ids = [one.id for one in instances.of(CAMERA, "object")]
    compared = PairsOfCamera(camera, ids, masks, [grid], settings, frames=len(frames))
    views = [view(site, values) for site, values in embedded.items()]
    confusion = compared.measure(views, {}, lambda positions: (pictures[at] for at in positions))
    rule = PatchRule(camera, grid)
    labels = np.stack([rule(mask) for mask in masks])
    times_s = episode.times_s[list(frames)]
    return Scene(episode.id, features, embedded, instances, labels, times_s, compared, confusion, settings)


WAYS = ("patches", "mean", "plain")
"""How a blend is made. "patches": that share of a's patches is replaced by patches of b; then the truth is known, for a
patch of b finds its like in a as often: confusion is the share. "mean": every patch moves so far from a's mean to b's,
its difference from the mean being a mixture of both, as varied as they are; how far that confuses depends on how far the
two lie apart. "plain": the weighted mean of two patches, which is less varied than either: a tight cluster within a wide
one, which can be told by its tightness."""


@dataclass(frozen=True)
class Plant:
    """`blend` of b's features goes into a's, from a site on and in an interval."""

    a: int
    b: int
    onset: int
    """Position among the sites."""
    first: int
    last: int
    """Frames, both included."""
    blend: float
    seed: int
    way: str = "patches"
    """One of `WAYS`."""

    def apply(self, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """(T, rows, cols, C) -> the same with the plant, drawn from b's patches in the same frame."""
        rng = np.random.default_rng(self.seed)
        planted = features.astype(np.float32)
        kept, taken = 1 - self.blend, self.blend
        for t in range(self.first, self.last + 1):
            own, other = labels[t] == self.a, labels[t] == self.b
            if not own.any() or not other.any():
                continue
            x, y = planted[t][own], features[t][other].astype(np.float32)
            drawn = y[rng.integers(len(y), size=len(x))]
            if self.way == "patches":
                planted[t][own] = np.where(rng.random((len(x), 1)) < taken, drawn, x)
                continue
            stretch = 1.0 if self.way == "plain" else 1 / float(np.hypot(kept, taken))
            middle = kept * x.mean(0) + taken * y.mean(0)
            planted[t][own] = middle + stretch * (kept * x + taken * drawn - middle)
        return planted.astype(np.float16)


def plants(
    scenes: Sequence[Scene], blends: Sequence[float], count: int, seed: int, *, way: str = WAYS[0]
) -> Iterator[tuple[Scene, Plant]]:
    """Random ones, of pairs that have no case as they are and are both visible throughout the interval."""
    rng = np.random.default_rng(seed)
    found = 0
    known = {one.name: one.confused_anyway for one in scenes}
    while found < count:
        one = scenes[int(rng.integers(len(scenes)))]
        p = int(rng.integers(len(one.confusion.pairs)))
        pair = one.confusion.pairs[p]
        frames = len(one.times_s)
        length = int(rng.integers(round(0.2 * frames), round(0.5 * frames) + 1))
        first = int(rng.integers(0, frames - length + 1))
        last = first + length - 1
        visible = ~np.isnan(one.confusion.curves[p, 0, first : last + 1, 0])
        a, b = pair if rng.random() < 0.5 else pair[::-1]
        onset, blend, number = int(rng.integers(len(SITES))), float(rng.choice(blends)), int(rng.integers(2**31))
        if pair in known[one.name] or not visible.all():
            continue
        found += 1
        yield one, Plant(a, b, onset, first, last, blend, number, way)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an analysis makes of a plant."""

    plant: Plant
    rank: int | None
    """From 0, among the cases of pairs that had none before; None: no case."""
    rank_of_all: int | None
    """Among all cases, those of pairs that the policy takes for the same by itself included."""
    iou: float
    """Of the frames in which the pair was confused with the interval."""
    onset: int | None
    bystanders: int
    """New cases of pairs that neither of the two belongs to."""
    values: np.ndarray
    """(sites,) confusion over the interval."""


def detect(one: Scene, plant: Plant) -> Outcome:
    embedded = dict(one.embedded)
    for site in SITES[plant.onset :]:
        embedded[site] = embed(plant.apply(one.features[site], one.labels), one.settings)
    measured = one.compared.measure([view(site, embedded[site]) for site in SITES], {}, None)
    before = one.confused_anyway
    events, cases = one.cases(SITES, embedded, measured)
    pair = (min(plant.a, plant.b), max(plant.a, plant.b))
    new = [case for case in cases if case.instances not in before]
    rank = next((at for at, case in enumerate(new) if case.instances == pair), None)
    rank_of_all = next((at for at, case in enumerate(cases) if case.instances == pair), None)
    held = np.zeros(len(one.times_s), bool)
    for event in events:
        if event.instances == pair:
            held[event.first : event.last + 1] = True
    truth = np.zeros(len(held), bool)
    truth[plant.first : plant.last + 1] = True
    onset = None if rank is None else SITES.index(new[rank].sites[0])
    bystanders = sum(not {plant.a, plant.b} & set(case.instances) for case in new)
    p = measured.pairs.index(pair)
    values = np.nanmean(measured.curves[p, :, plant.first : plant.last + 1, 0], axis=1)
    iou = float((held & truth).sum() / max(1, (held | truth).sum()))
    return Outcome(plant, rank, rank_of_all, iou, onset, bystanders, values)


@dataclass(frozen=True)
class Control:
    """A pair of an episode as it is, over an interval, up to the last site at which the policy keeps things apart."""

    scene: str
    pair: tuple[int, int]
    first: int
    last: int
    false: bool
    """A case about the pair overlaps the interval."""


def controls(scenes: Sequence[Scene], sites: Sequence[str], count: int, seed: int) -> Iterator[Control]:
    """Random ones of pairs whose colours differ in the picture."""
    rng = np.random.default_rng(seed)
    number = len(sites)
    told: dict[str, list[Event]] = {}
    for one in scenes:
        part = replace(one.confusion, curves=one.confusion.curves[:, :number], total=one.confusion.total[:, :number])
        events, cases = one.cases(sites, one.embedded, part)
        pairs = {case.instances for case in cases}
        told[one.name] = [event for event in events if event.instances in pairs]
    found = 0
    while found < count:
        one = scenes[int(rng.integers(len(scenes)))]
        p = int(rng.integers(len(one.confusion.pairs)))
        frames = len(one.times_s)
        length = int(rng.integers(round(0.2 * frames), round(0.5 * frames) + 1))
        first = int(rng.integers(0, frames - length + 1))
        last = first + length - 1
        visible = ~np.isnan(one.confusion.curves[p, 0, first : last + 1, 0])
        if not visible.all() or one.confusion.pixels[p] >= one.settings.look_alike:
            continue
        found += 1
        pair = one.confusion.pairs[p]
        false = any(e.instances == pair and e.first <= last and e.last >= first for e in told[one.name])
        yield Control(one.name, pair, first, last, false)
