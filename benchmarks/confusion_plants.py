"""Confusion that was put there: features of one object blended into another's, so that the answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from analyzer.confusion.along_sites import ConfusionAlongSites, Read, Stretch
from analyzer.failures.case import Case, Event
from analyzer.failures.cases import Telling, make_cases
from analyzer.failures.events import confused
from analyzer.instances.view import SiteView
from benchmarks.confusion_scene import (
    KINDS,
    MOVABLE,
    SETTINGS,
    SITES,
    Compared,
    Scene,
    reader,
    view,
    visible,
)

WAYS = ("mix", "share")
"""How a blend of strength s is made, f and g being patches of the two objects in the same frame. "mix": f' = (1 - s) f + s g.
"share": f' = g for a share s of the patches, f for the others. Each place of the grid has a g of its own for as long as the
plant lasts, drawn by how much of the object a patch shows: what stands still keeps its features from frame to frame."""
LENGTH = (0.2, 0.5)
"""Shares of the episode that a plant lasts."""


@dataclass(frozen=True)
class Plant:
    """b's features are blended into a's, from a site on and in an interval."""

    a: int
    b: int
    onset: int
    """Position among the sites."""
    first: int
    last: int
    """Frames, both included."""
    strength: float
    seed: int
    way: str

    def patches(self, scene: Scene) -> np.ndarray:
        """(T, rows, cols) bool: those that it changes, all that count for a."""
        held = np.zeros(scene.cover[self.a].shape, bool)
        held[self.first : self.last + 1] = scene.cover[self.a][self.first : self.last + 1] > 0
        return held

    def values(self, scene: Scene, site: str) -> np.ndarray:
        """(n, C) float16: what they are changed to, in their order."""
        rng = np.random.default_rng(self.seed)
        rows, cols = scene.cover[self.a].shape[1:]
        whose, taken = rng.random((rows, cols)), rng.random((rows, cols)) < self.strength
        parts = []
        for t in range(self.first, self.last + 1):
            own, features = scene.cover[self.a][t] > 0, scene.features[site][t].astype(np.float32)
            chance = scene.cover[self.b][t].cumsum()
            g = features.reshape(rows * cols, -1)[np.searchsorted(chance, whose[own] * chance[-1], side="right")]
            f = features[own]
            if self.way == "share":
                parts.append(np.where(taken[own][:, None], g, f))
            else:
                parts.append((1 - self.strength) * f + self.strength * g)
        return np.concatenate(parts).astype(np.float16)


def drawn(scene: Scene, strengths: Sequence[float], count: int, seed: int, way: str) -> list[Plant]:
    """Random plants in a scene, the same ones for both ways: of movable objects that are visible throughout, and of
    which nothing says that they are confused without it."""
    rng = np.random.default_rng((seed, *scene.name.encode()))
    pairs = [pair for pair in combinations(MOVABLE, 2) if pair not in scene.confused_as_it_is]
    found: list[Plant] = []
    for _ in range(10_000 if pairs else 0):
        a, b = pairs[int(rng.integers(len(pairs)))]
        if rng.random() < 0.5:
            a, b = b, a
        first, last = interval(rng, len(scene))
        onset, strength = int(rng.integers(len(SITES))), float(rng.choice(strengths))
        number = int(rng.integers(2**31))
        if visible(scene, (a, b))[first : last + 1].all():
            found.append(Plant(a, b, onset, first, last, strength, number, way))
            if len(found) == count:
                break
    return found


def interval(rng: np.random.Generator, frames: int) -> tuple[int, int]:
    """(first, last) of a random stretch of an episode."""
    length = int(rng.integers(round(LENGTH[0] * frames), round(LENGTH[1] * frames) + 1))
    first = int(rng.integers(0, frames - length + 1))
    return first, first + length - 1


@dataclass(frozen=True)
class Outcome:
    """What an analysis makes of a plant, with one kind of instances."""

    missing: bool
    """One of the two was not found as an instance."""
    rank: int | None = None
    """From 0, among confused pairs that had no case before; None: no case."""
    rank_of_pairs: int | None = None
    """Among all confused pairs, those that the policy takes for the same by itself included."""
    rank_of_all: int | None = None
    """Among all cases of the episode."""
    score: float | None = None
    iou: float = 0.0
    """Of the frames in which the pair counts as confused with the interval."""
    onset: int | None = None
    bystanders: int = 0
    """New cases of pairs that neither of the two belongs to."""
    values: tuple[float, ...] = ()
    """Of each site, the mean confusion of the pair over the interval."""


def detect(scene: Scene, plant: Plant, kinds: Sequence[str] = KINDS, *, anew: bool = False) -> dict[str, Outcome]:
    """Outcomes by kind of instances, which are those of the episode as it is."""
    placed, raw = dict(scene.placed), dict(scene.features)
    patches = plant.patches(scene)
    for site in SITES[plant.onset :]:
        values = plant.values(scene, site)
        raw[site] = scene.features[site].copy()
        raw[site][patches] = values
        placed[site] = scene.anew(site, raw[site]) if anew else scene.replaced(site, patches, values)
    changed = Changed({site: view(site, placed[site]) for site in SITES}, {site: reader(raw[site]) for site in SITES})
    return {kind: _outcome(scene, plant, changed, scene.kinds[kind], anew=anew) for kind in kinds}


@dataclass(frozen=True, eq=False)
class Changed:
    """The sites of an episode with a plant in them."""

    views: Mapping[str, SiteView]
    features: Mapping[str, Read]


def _outcome(scene: Scene, plant: Plant, changed: Changed, plain: Compared, *, anew: bool) -> Outcome:
    if plant.a not in plain.who or plant.b not in plain.who:
        return Outcome(missing=True)
    pair = (min(plain.who[plant.a], plain.who[plant.b]), max(plain.who[plant.a], plain.who[plant.b]))
    measured = _measured(plant, changed, plain)
    events, cases = _cases(scene, plant, changed, plain, measured, anew=anew)
    before = {case.instances for case in plain.findings.cases if case.kind == "confused"}
    told = [case for case in cases if case.kind == "confused"]
    new = [case for case in told if case.instances not in before]
    rank = _rank(new, pair)
    truth, now = np.zeros(len(scene), bool), np.zeros(len(scene), bool)
    truth[plant.first : plant.last + 1] = True
    for event in events:
        if event.rule == "confused" and event.instances == pair:
            now[event.first : event.last + 1] = True
    p = plain.pairs.pairs.index(pair)
    over = measured.curves[p, :, plant.first : plant.last + 1, 0]
    values = [np.mean(known) if len(known := one[~np.isnan(one)]) else np.nan for one in over]
    return Outcome(
        missing=False,
        rank=rank,
        rank_of_pairs=_rank(told, pair),
        rank_of_all=_rank(cases, pair),
        score=None if rank is None else new[rank].score,
        iou=float((now & truth).sum() / (now | truth).sum()),
        onset=None if rank is None else SITES.index(new[rank].sites[0]),
        bystanders=sum(not set(pair) & set(case.instances) for case in new),
        values=tuple(round(float(one), 3) for one in values),
    )


def _measured(plant: Plant, changed: Changed, plain: Compared) -> ConfusionAlongSites:
    """Measured again at the sites that the plant reaches, all along: how a thing usually looks changes everywhere."""
    before = plain.measured
    after = plain.pairs.measure([changed.views[site] for site in SITES[plant.onset :]], changed.features, None)
    curves = np.concatenate([before.curves[:, : plant.onset], after.curves], axis=1)
    return replace(before, curves=curves, recognised=before.recognised[: plant.onset] + after.recognised)


def _cases(
    scene: Scene, plant: Plant, changed: Changed, plain: Compared, measured: ConfusionAlongSites, *, anew: bool
) -> tuple[list[Event], tuple[Case, ...]]:
    """As an analysis makes them: confusion anew, what the hand and the arm do as it was."""
    motion = scene.analysed.motion
    events = [event for event in plain.findings.events if event.rule != "confused"]
    for p, pair in enumerate(plain.pairs.pairs):
        events += confused(pair, measured.curves[p, :, :, 0], SITES, motion.times_s, SETTINGS)
    telling = Telling(
        episode=scene.name,
        sites=SITES,
        instances={one.id: one for one in plain.instances.instances},
        times_s=motion.times_s,
        numbers=tuple(int(step) for step in motion.steps),
        counted="step",
        settings=SETTINGS,
    )

    views = [changed.views[site] for site in SITES]

    def trace(stretches: Sequence[Stretch]) -> np.ndarray:
        as_it_was = [one for one in stretches if not anew and plain.who[plant.a] not in one[0]]
        new = [one for one in stretches if one not in as_it_was or one not in plain.traces]
        told = dict(zip(new, plain.pairs.over(views, measured, new), strict=True))
        plain.traces.update((one, told[one]) for one in as_it_was if one in told)
        return np.array([told[one] if one in told else plain.traces[one] for one in stretches])

    return events, make_cases(events, plain.findings.pairs, trace, telling)


def _rank(cases: Sequence[Case], pair: tuple[int, int]) -> int | None:
    return next((at for at, case in enumerate(cases) if case.kind == "confused" and case.instances == pair), None)


def as_json(plant: Plant, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    return {"plant": asdict(plant), "outcomes": {kind: asdict(one) for kind, one in outcomes.items()}}


def from_json(stored: dict[str, Any]) -> tuple[Plant, dict[str, Outcome]]:
    return Plant(**stored["plant"]), {kind: Outcome(**one) for kind, one in stored["outcomes"].items()}
