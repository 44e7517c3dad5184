"""The few points that stand for all patches: which rows are looked at, and where the landmarks lie among them."""

from __future__ import annotations

import heapq

import numpy as np
import torch

LEAST_AXES = 64


def row_priorities(start: int, stop: int, seed: int) -> np.ndarray:
    """A number a row, (stop - start,) uint64, that depends on the row's index and the seed alone.

    The rows with the smallest numbers are a uniform sample; that rule needs neither the number of rows beforehand nor
    a generator's state, so any way of cutting the rows into chunks picks the same sample. (SplitMix64, Steele 2014.)
    """
    with np.errstate(over="ignore"):
        z = np.arange(start, stop, dtype=np.uint64) + np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(1)
        z *= np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def sample_indices(n: int, count: int, seed: int) -> np.ndarray:
    """At most `count` of the rows 0 … n - 1, rising, spread over all of them; all of them if they are few enough."""
    if n <= count:
        return np.arange(n)
    kept_priority = np.empty(0, np.uint64)
    kept_index = np.empty(0, np.int64)
    for start in range(0, n, 1 << 20):
        stop = min(n, start + (1 << 20))
        kept_priority = np.concatenate([kept_priority, row_priorities(start, stop, seed)])
        kept_index = np.concatenate([kept_index, np.arange(start, stop)])
        if len(kept_index) > count:
            smallest = np.argpartition(kept_priority, count)[:count]
            kept_priority, kept_index = kept_priority[smallest], kept_index[smallest]
    return np.sort(kept_index)


def rows_for_axes(d: int) -> int:
    """How many rows `principal_axes` should look at: as many as are cheap, at least twice what it may have to tell.

    Axes from few rows are the main error of a wide affinity (angles to the exact vectors on real features: from 2,048
    rows three times as large as from 8,192), and their covariance costs rows x d^2.
    """
    return min(8192, max(2048, int(2e9 / d**2)))


def principal_axes(x: torch.Tensor, most: int, least_variance: float) -> torch.Tensor:
    """(n, d) centred rows -> (d, p) orthonormal directions of largest variance, falling, p <= most.

    How many: at least 64, and as many more as vary by more than `least_variance`, where the axes come from every other
    row and the variance from the rows between. A direction that is large only in the rows it was found in is noise, and
    noise of high dimension has many of those.
    """
    d = x.shape[1]
    if d <= LEAST_AXES:
        return torch.eye(d, dtype=x.dtype, device=x.device)  # all are kept: there is nothing to choose
    exact = x.double()
    even, odd = exact[::2], exact[1::2]
    most = min(most, d)
    axes = _leading_axes(even, most)
    if len(x) >= 1024:
        variance = (odd @ axes).square().mean(0)
        most = max(LEAST_AXES, int((variance > least_variance).sum()))
    return _leading_axes(exact, most, axes[:, :most]).to(x.dtype)


def _leading_axes(x: torch.Tensor, count: int, start: torch.Tensor | None = None) -> torch.Tensor:
    """(n, d) -> (d, count) orthonormal leading right singular vectors; `start`, if given, nearly spans them already."""
    n, d = x.shape
    covariance = x.T @ x if d <= max(512, n) else None
    if covariance is not None and (d <= 512 or 2 * count > d):
        return torch.linalg.eigh(covariance)[1].flip(1)[:, :count]

    def applied(basis: torch.Tensor) -> torch.Tensor:
        return x.T @ (x @ basis) if covariance is None else covariance @ basis

    # Subspace iteration: the few directions are wanted to a few digits, not all d to sixteen.
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(d, min(d, count + 16), generator=generator, dtype=torch.float64).to(x)
    if start is not None:
        basis[:, :count] = start
    for _ in range(3 if start is None else 1):
        basis, _ = torch.linalg.qr(applied(basis))
    _, rotation = torch.linalg.eigh(basis.T @ applied(basis))
    return basis @ rotation.flip(1)[:, :count]


def kmeans_landmarks(x: torch.Tensor, count: int, iterations: int) -> torch.Tensor:
    """(n, p) rows -> (m, p) cluster centres, m <= count; the rows' order changes nothing but rounding.

    K-means centres are the best landmarks known for Nyström at their price (Zhang, Tsang & Kwok 2008). They start from
    bisection: again and again the cell with the largest squared deviation is cut at its mean, across its widest axis.
    Equal rows share a cell, so there are never more centres than different rows.
    """
    centres = _bisect(x, count)
    for _ in range(iterations):
        label = nearest(x, centres)
        total = torch.zeros_like(centres).index_add_(0, label, x)
        size = torch.zeros(len(centres), dtype=x.dtype, device=x.device).index_add_(0, label, torch.ones_like(x[:, 0]))
        centres = torch.where(size[:, None] > 0, total / size.clamp(min=1)[:, None], centres)
    return centres


def nearest(x: torch.Tensor, centres: torch.Tensor, block: int = 4096) -> torch.Tensor:
    """(n,) index of the centre nearest to each row."""
    half = 0.5 * centres.square().sum(1)  # |x|^2 is the same for all centres of a row
    return torch.cat([_argmin(torch.addmm(half, part, centres.T, alpha=-1.0)) for part in x.split(block)])


def _argmin(x: torch.Tensor) -> torch.Tensor:
    """Of every row. NumPy's is seven times as fast on a CPU, and takes the first among equals."""
    return torch.from_numpy(x.numpy().argmin(1)) if x.device.type == "cpu" else x.argmin(1)


def _bisect(x: torch.Tensor, count: int) -> torch.Tensor:
    points = x.cpu().numpy()
    centre = points.mean(axis=0)
    scale = float(np.square(points - centre).sum())

    def cell(members: np.ndarray) -> tuple[float, int, np.ndarray, int, np.ndarray]:
        values = points[members]
        mean = values.mean(axis=0)
        values -= mean
        deviation = np.einsum("ij,ij->j", values, values)
        return -float(deviation.sum()), int(members[0]), members, int(deviation.argmax()), mean

    cells = [cell(np.arange(len(points)))]
    while len(cells) < min(count, len(points)):
        spread, _, members, axis, mean = cells[0]
        if -spread <= 1e-12 * scale:
            break  # every cell holds equal rows
        upper = points[members, axis] > mean[axis]
        if upper.all() or not upper.any():
            break  # a spread so small that rounding hides it
        heapq.heapreplace(cells, cell(members[upper]))
        heapq.heappush(cells, cell(members[~upper]))
    return torch.from_numpy(np.stack([mean for *_, mean in cells])).to(x)
