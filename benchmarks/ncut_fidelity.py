"""How true the cuts are to the exact vectors, how they stand at chunk borders, and how far a live basis wanders."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import torch

from analyzer.ncut.affinity import scale_for_mean_affinity
from analyzer.ncut.dense import dense_ncut
from analyzer.ncut.quality import principal_angles
from analyzer.ncut.steadiness import border_jump, drift, static_flicker
from benchmarks.ncut_data import Take
from benchmarks.ncut_methods import VECTORS, ours, peer, peer_is_here
from benchmarks.ncut_table import Table
from benchmarks.scenes import Scene, blobs

ROWS = 12_800
TARGETS = {10: 0.5, 20: 1.0}
"""Vectors -> degrees."""
PROMISED = ("wide", "0.3")
"""Scales with a target; narrower ones are shown and not promised."""


def fidelity(table: Table, data: Iterable[Take]) -> None:
    table.title(f"Fidelity: mean principal angle to the exact vectors, degrees, {ROWS:,} rows, same sigma for both")
    for name, x in _rows(data):
        for scale, sigma in _scales(x).items():
            exact, _ = dense_ncut(x, VECTORS, sigma=sigma)
            mine = ours(sigma).fit_transform(x)
            theirs = peer(x, sigma) if peer_is_here() else None
            for k, target in TARGETS.items():
                angle = principal_angles(mine[:, :k], exact[:, :k])
                told = f"worst {float(angle.max()):.2f}"
                if theirs is not None:
                    told += f"; ncut-pytorch {float(principal_angles(theirs[:, :k], exact[:, :k]).mean()):.1f}"
                table.figure(
                    f"{name}, {scale}, k = {k}", float(angle.mean()), target if scale in PROMISED else None, of=told
                )


def _rows(data: Iterable[Take]) -> Iterable[tuple[str, torch.Tensor]]:
    yield "blobs", torch.from_numpy(blobs(ROWS)[0])
    for take in data:
        x = take.features
        yield take.name, x[torch.linspace(0, len(x) - 1, min(len(x), ROWS)).long()]


def _scales(x: torch.Tensor) -> dict[str, float]:
    """The median pairwise distance, where the mean affinity is about 0.6, and two narrower scales by mean affinity."""
    few = x[:: max(1, len(x) // 1024)]
    narrow = {str(target): scale_for_mean_affinity(few, target) for target in (0.3, 0.1)}
    return {"wide": float(torch.pdist(few).median()), **narrow}


def borders(table: Table, data: Iterable[Take], chunk: int = 8) -> None:
    table.title(f"Chunk borders: one fit, embedded {chunk} frames at a time; jump over flicker")
    for take in data:
        places = take.truth.shape[1]
        model = ours().fit(take.features)
        parts = [model.coordinates(model.transform(part)) for part in take.features.split(chunk * places)]
        values = torch.cat(parts).reshape(take.frames, places, -1)
        # The video itself jumps more at some frames than at others: borders at every phase of the chunk are averaged.
        jumps = [
            border_jump(values, take.static, torch.arange(phase, take.frames, chunk)) for phase in range(1, chunk + 1)
        ]
        table.figure(take.name, statistics.fmean(jumps), 1.1)


def live(table: Table, seeds: Iterable[int], frames: int = 1000) -> None:
    table.title(f"Live mode: {frames} frames, each fitted and embedded as it comes, a new object half way")
    for seed in seeds:
        scene = Scene(seed, frames=frames)
        model = ours()
        placed, seen = [], []
        for features, labels in scene.stream():
            rows = torch.from_numpy(features)
            model.partial_fit(rows)
            placed.append(model.coordinates(model.transform(rows)))
            seen.append(torch.from_numpy(labels))
        truth = torch.stack(seen)
        take = Take(f"scene {seed}", torch.empty(0), truth, torch.from_numpy(scene.static(truth.numpy())))
        values = torch.stack(placed)
        told = f"flicker {static_flicker(values, take.static):.4f}"
        table.figure(f"{take.name}: drift, first to last quarter", drift(values, take.staying), 0.06, of=told)
