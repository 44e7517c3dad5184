"""Which instance of the one side is which of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.comparison.agreement import mean_places
from analyzer.comparison.sides import Side, Sides
from analyzer.instances.instance import Instance
from analyzer.instances.label_maps import LabelMaps
from analyzer.ncut.assignment import best_pairing

GIVEN = ("mask", "clicked")
"""Origins of instances whose names mean something."""
LEAST_OVERLAP = 0.3
"""Intersection over union, summed over the frames, from which on two instances in the same pictures are one."""
LEAST_SIMILARITY = 0.8
"""Cosine between mean places in the eigenspace from which on two instances of different pictures count as one kind."""


@dataclass(frozen=True)
class Match:
    """An instance of A and one of B that are taken for the same thing."""

    a: int
    b: int
    how: str
    """ "the same", "name", "overlap" or "eigenspace"."""
    strength: float | None = None
    """Overlap or similarity, 0 … 1."""


def match(sides: Sides) -> tuple[list[Match], str]:
    """The matches, and a plain sentence where they could not be looked for.

    Names that were given decide first; in the same pictures, masks; in different pictures that share a basis, places in
    the eigenspace. Nothing else says that two things are the same.
    """
    a, b = sides.a.instances, sides.b.instances
    if sides.same_findings:
        return [Match(one.id, one.id, "the same") for one in a], ""
    matches = _by_name(a, b)
    left_a = [one for one in a if one.id not in {known.a for known in matches}]
    left_b = [one for one in b if one.id not in {known.b for known in matches}]
    if not left_a or not left_b:
        return matches, ""
    if sides.same_recording:
        gain, how, least = _overlaps(sides, left_a, left_b), "overlap", LEAST_OVERLAP
    elif sides.same_basis:
        gain, how, least = _similarities(sides, left_a, left_b), "eigenspace", LEAST_SIMILARITY
    elif matches:
        return matches, ""
    else:
        return matches, (
            "Which object of A is which of B was not assessed: the pictures differ, the two were analysed with bases of "
            "their own, and no names were given. Analyse both in one run (run A B), or name the objects."
        )
    found = [
        Match(left_a[row].id, left_b[column].id, how, float(gain[row, column]))
        for row, column in _pairs(gain)
        if gain[row, column] >= least
    ]
    return sorted([*matches, *found], key=lambda one: one.a), ""


def _by_name(a: tuple[Instance, ...], b: tuple[Instance, ...]) -> list[Match]:
    """Names that one instance alone has on either side."""

    def unique(instances: tuple[Instance, ...]) -> dict[str, int]:
        names = [one.name for one in instances if one.origin in GIVEN]
        return {one.name: one.id for one in instances if one.origin in GIVEN and names.count(one.name) == 1}

    ids_a, ids_b = unique(a), unique(b)
    return [Match(ids_a[name], ids_b[name], "name") for name in ids_a if name in ids_b]


def _overlaps(sides: Sides, a: list[Instance], b: list[Instance]) -> np.ndarray:
    """(a, b) intersection over union of the masks, over the frames and cameras that both have."""
    shared, size_a, size_b = np.zeros((len(a), len(b))), np.zeros(len(a)), np.zeros(len(b))
    for camera_a, camera_b in sides.cameras:
        maps_a, maps_b = _maps(sides.a, camera_a), _maps(sides.b, camera_b)
        if maps_a is None or maps_b is None:
            continue
        for at_a, at_b in sides.frames:
            labels_a, labels_b = maps_a[at_a], maps_b[at_b]
            counts = np.bincount(labels_a.ravel() * np.int64(256) + labels_b.ravel(), minlength=65536).reshape(256, 256)
            # An instance of another camera is not in these maps and adds nothing.
            ids_a, ids_b = [one.id for one in a], [one.id for one in b]
            shared += counts[np.ix_(ids_a, ids_b)]
            size_a += counts[ids_a].sum(1)
            size_b += counts[:, ids_b].sum(0)
    return shared / np.maximum(size_a[:, None] + size_b - shared, 1)


def _similarities(sides: Sides, a: list[Instance], b: list[Instance]) -> np.ndarray:
    """(a, b) cosine of the instances' mean places, averaged over the sites; what never shows is like nothing."""
    total = np.zeros((len(a), len(b)))
    sites = [site for site in sides.a.sites if site in sides.b.sites]
    for site in sites:
        places_a, places_b = mean_places(sides.a, site, a), mean_places(sides.b, site, b)
        # About the middle of what both show: otherwise everything is like everything.
        both = np.concatenate([places_a, places_b])
        known = both[~np.isnan(both).any(axis=1)]
        middle = known.mean(0) if len(known) else np.zeros(both.shape[1])
        total += np.nan_to_num(_unit(places_a - middle) @ _unit(places_b - middle).T)
    return total / max(1, len(sites))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _maps(side: Side, camera: int) -> LabelMaps | None:
    return None if side.assessed is None else side.assessed.folder.masks(side.record.cameras[camera].name)


def _pairs(gain: np.ndarray) -> list[tuple[int, int]]:
    """Each row and column at most once, with the largest sum."""
    if gain.shape[0] <= gain.shape[1]:
        return [(row, int(column)) for row, column in enumerate(best_pairing(gain))]
    return [(int(row), column) for column, row in enumerate(best_pairing(gain.T))]
