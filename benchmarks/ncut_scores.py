"""How useful and how steady the cuts are: segments against ground truth, and what they do where nothing moves."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import torch

from analyzer.ncut.quality import adjusted_rand_index, best_match_iou, largest_share
from analyzer.ncut.steadiness import drift, static_flicker, switch_rate
from benchmarks.kmeans import kmeans
from benchmarks.ncut_data import Take
from benchmarks.ncut_methods import EXACT, EXACT_SCALED, OURS, THEIRS, Embedding, embed, peer_is_here
from benchmarks.ncut_table import Table

CLUSTERS = (8, 12, 16, 20)
SEEDS = (0, 1, 2)
SMALLEST = 3
"""Patches a frame an object must have to count."""
DENSE_ROWS = 12_800
SCATTER = 0.01
"""Of ARI and IoU, from k-means alone: as much below a rival counts as equal."""


RATIOS = (
    ("static flicker", "flicker", 0.6),
    ("id switches", "switches", 0.5),
    ("drift of coordinates", "drift", 1.0),
    ("drift of colours", "color_drift", 1.0),
)
MADE_UP = "made-up scenes"
HEAD = f"{'':<44} {'ARI':>6} {'IoU':>6} {'share':>6} {'switch':>7} {'flicker':>7} {'drift':>6} {'colour drift':>6}"


class Scores(NamedTuple):
    """Medians over k-means seeds, means over numbers of clusters."""

    ari: float
    iou: float
    share: float
    switches: float
    flicker: float
    drift: float
    color_drift: float


def usefulness(table: Table, data: Iterable[Take]) -> None:
    """Steadiness and usefulness together: the same embeddings and labels serve both."""
    table.title(f"Steadiness and usefulness: all frames at once; k-means, k = {CLUSTERS}, {len(SEEDS)} starts")
    table.note(HEAD)
    methods = [OURS, *([THEIRS] if peer_is_here() else [])]
    found: dict[tuple[str, str], dict[str, list[Scores]]] = defaultdict(lambda: defaultdict(list))
    for take in data:
        kind = take.name.split()[-1] if take.name.startswith("ep") else MADE_UP
        for method in methods:
            made = embed(method, take)
            for way, labels in (("k-means", clustered(made.coordinates)), ("own segments", made.own(CLUSTERS))):
                found[kind, way][method].append(scores(take, made, labels))
                _line(table, f"{take.name}: {method}, {way}", found[kind, way][method][-1])
    for (kind, way), each in found.items():
        if THEIRS in each:
            _compare(table, f"{kind}, {way}", _mean(each[OURS]), _mean(each[THEIRS]), promised=kind != MADE_UP)


def _compare(table: Table, what: str, mine: Scores, other: Scores, *, promised: bool) -> None:
    """Means over the takes of one kind. Steadiness is promised on recordings, usefulness everywhere."""
    for figure, name, target in RATIOS:
        a, b = getattr(mine, name), getattr(other, name)
        limit = target if promised else None
        table.figure(f"{what}: {figure}, over theirs", a / b, limit, of=f"{a:.4f} against {b:.4f}")
    table.figure(f"{what}: ARI", mine.ari, other.ari - SCATTER, at_least=True)
    table.figure(f"{what}: best-match IoU", mine.iou, other.iou - SCATTER, at_least=True)
    table.figure(f"{what}: share of the largest segment", mine.share, of=f"theirs {other.share:.2f}")


def _mean(found: Iterable[Scores]) -> Scores:
    return Scores(*map(statistics.fmean, zip(*found, strict=True)))


def oracle(table: Table, data: Iterable[Take]) -> None:
    table.title(f"Usefulness against the exact vectors, at most {DENSE_ROWS:,} rows: k-means as above")
    table.note(HEAD)
    best: dict[str, list[Scores]] = defaultdict(list)
    for take in data:
        few = _frames(take)
        for method in (OURS, EXACT, EXACT_SCALED, *([THEIRS] if peer_is_here() else [])):
            found = embed(method, few)
            best[method].append(scores(few, found, clustered(found.coordinates)))
            _line(table, f"{take.name}: {method}", best[method][-1])
    means = {method: _mean(found) for method, found in best.items()}
    for rival in [method for method in means if method != OURS]:
        table.figure(f"ARI, against {rival}", means[OURS].ari, means[rival].ari - SCATTER, at_least=True)
        table.figure(f"best-match IoU, against {rival}", means[OURS].iou, means[rival].iou - SCATTER, at_least=True)


def _frames(take: Take) -> Take:
    """Whole frames, spread over the take, as many as the oracle can hold."""
    places = take.truth.shape[1]
    step = -(-take.frames // (DENSE_ROWS // places))
    static = torch.stack([take.static[t : t + step].all(0) for t in range(0, take.frames - step, step)])
    truth = take.truth[::step]
    return Take(take.name, take.every(step), truth, static[: len(truth) - 1])


def clustered(x: torch.Tensor) -> list[list[torch.Tensor]]:
    """Numbers of clusters x starts of (n,) ids."""
    return [[kmeans(x, k, seed) for seed in SEEDS] for k in CLUSTERS]


def scores(take: Take, found: Embedding, labels: list[list[torch.Tensor]]) -> Scores:
    """`labels`: numbers of clusters x starts of (n,) ids."""
    truth = take.truth.flatten()
    each = [
        [
            (
                adjusted_rand_index(ids, truth),
                float(best_match_iou(ids, truth, SMALLEST * take.frames).mean()),
                largest_share(ids),
                switch_rate(ids.reshape(take.frames, -1), take.static),
            )
            for ids in starts
        ]
        for starts in labels
    ]
    medians = [[statistics.median(column) for column in zip(*starts, strict=True)] for starts in each]
    values = found.coordinates.reshape(take.frames, -1, found.coordinates.shape[1])
    ari, iou, share, switches = (statistics.fmean(column) for column in zip(*medians, strict=True))
    return Scores(
        ari,
        iou,
        share,
        switches,
        flicker=static_flicker(values, take.static),
        drift=drift(values, take.staying),
        color_drift=drift(found.colors().reshape(take.frames, -1, 3), take.staying),
    )


def _line(table: Table, name: str, found: Scores) -> None:
    table.note(
        f"{name:<44} {found.ari:6.3f} {found.iou:6.3f} {found.share:6.2f} {found.switches:7.4f} {found.flicker:7.4f} "
        f"{found.drift:6.3f} {found.color_drift:6.3f}"
    )
