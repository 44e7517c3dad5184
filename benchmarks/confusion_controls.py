"""Pairs in which nothing was planted: is a case about them a false one?

A backbone does take some things for the same by itself, and a case that says so is right. So nothing is left out
beforehand; every case that meets a control is held against what the graph, the found masks and the rules of this tool have
no part in: the raw features of the true patches, over the frames of the case, by the same definition. Where these say that
the two are apart at every site that the case names, it is false.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.confusion_plants import interval
from benchmarks.confusion_scene import KINDS, MOVABLE, SETTINGS, SITES, Scene, confusions, view, visible


@dataclass(frozen=True)
class Control:
    """A pair of true movable objects of an episode, over an interval, as they are."""

    scene: str
    pair: tuple[int, int]
    first: int
    last: int
    case: dict[str, bool]
    """By kind of instances: a case about the pair overlaps the interval."""
    false: dict[str, bool]
    """… and the raw features say that they are apart."""


def controls(scene: Scene, count: int, seed: int) -> list[Control]:
    """Random ones, of objects that are visible throughout."""
    rng = np.random.default_rng((seed, *scene.name.encode()))
    pairs = list(combinations(MOVABLE, 2))
    cases = {kind: _cases(scene, kind) for kind in KINDS}
    found: list[Control] = []
    for _ in range(10_000):
        pair = pairs[int(rng.integers(len(pairs)))]
        first, last = interval(rng, len(scene))
        if not visible(scene, pair)[first : last + 1].all():
            continue
        met = {
            kind: [right for right, start, end in told.get(pair, ()) if start <= last and end >= first]
            for kind, told in cases.items()
        }
        case = {kind: bool(one) for kind, one in met.items()}
        found.append(Control(scene.name, pair, first, last, case, {kind: False in one for kind, one in met.items()}))
        if len(found) == count:
            break
    return found


def _cases(scene: Scene, kind: str) -> Mapping[tuple[int, int], list[tuple[bool, int, int]]]:
    """True pair -> of each of its cases, whether raw features confirm it, and its frames."""
    true = {number: own for own, number in scene.kinds[kind].who.items()}
    truth = scene.kinds["masks"].pairs
    raw = [view(site, scene.features[site]) for site in SITES]
    measured = truth.measure(raw, {}, None)
    told: dict[tuple[int, int], list[tuple[bool, int, int]]] = {}
    for case in confusions(scene.kinds[kind].findings):
        if not all(number in true for number in case.instances):
            continue
        a, b = sorted(true[number] for number in case.instances)
        (along,) = truth.over(raw, measured, [((a, b), case.first, case.last)])
        values = [along[SITES.index(site), 0] for site in case.sites]
        told.setdefault((a, b), []).append((bool(np.nanmax(values) >= SETTINGS.confusion_off), case.first, case.last))
    return told
