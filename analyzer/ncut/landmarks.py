"""The few points that stand for all patches: which rows are looked at, and where the landmarks lie among them."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch

LEAST_AXES = 63
"""With the column of the mean beside them 64, which products like."""
ROWS_A_LANDMARK = 16
"""That k-means looks at."""


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


def spread_indices(n: int, count: int) -> np.ndarray:
    """About `count` of the rows 0 … n - 1, or all where there are hardly more.

    Not every n-th: patches come in raster order, and a stride would look at the same few places of every frame.
    """
    return np.arange(n) if n < 2 * count else sample_indices(n, count, seed=1)


def rows_for_axes(d: int) -> int:
    """How many rows `principal_axes` should look at: as many as are cheap, at least twice what it may have to tell.

    Axes from few rows are the main error of a wide affinity (angles to the exact vectors on real features: from 2,048
    rows three times as large as from 8,192), and their covariance costs rows x d^2.
    """
    return min(8192, max(2048, int(2e9 / d**2)))


def principal_axes(x: torch.Tensor, most: int, least_variance: float) -> torch.Tensor:
    """(n, d) centred rows -> (d, p) orthonormal directions of largest variance, falling, p <= most.

    How many: at least 63, and as many more as vary by more than `least_variance`, where the axes come from every other
    row and the variance from the rows between. A direction that is large only in the rows it was found in is noise, and
    noise of high dimension has many of those.
    """
    n, d = x.shape
    if d <= LEAST_AXES + 1:
        return torch.eye(d, dtype=x.dtype, device=x.device)  # all are kept: there is nothing to choose
    exact = x.double()
    most = min(most, d)
    even, odd = (_covariance(half, explicit=_is_small(d, most)) for half in (exact[::2], exact[1::2]))
    start = exact.new_zeros(d, 0)
    if most > LEAST_AXES and n >= 1024:
        start = _leading_axes(even, start, most)
        variance = (start * odd(start)).sum(0) / (n // 2)
        most = max(LEAST_AXES, int((variance > least_variance).sum()))
    return _leading_axes(lambda basis: even(basis) + odd(basis), start[:, :most], most).to(x.dtype)


Linear: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


def _is_small(d: int, count: int) -> bool:
    """All of d axes are found as soon as `count` of them."""
    return d <= 512 or 2 * count > d


def _covariance(x: torch.Tensor, explicit: bool) -> Linear:
    """(n, d) -> what takes a (d, b) basis to x'x times it; `explicit`: with x'x at hand."""
    if explicit:
        product = x.T @ x
        return lambda basis: product @ basis
    return lambda basis: ((x @ basis).T @ x).T  # twice as fast as x.T times what is in brackets


def _leading_axes(applied: Linear, start: torch.Tensor, count: int) -> torch.Tensor:
    """(d, count) orthonormal leading eigenvectors of a symmetric (d, d) matrix; `start`: (d, c) that nearly span them."""
    d = len(start)
    if _is_small(d, count):
        return torch.linalg.eigh(applied(torch.eye(d).to(start)))[1].flip(1)[:, :count]
    # Subspace iteration: the few directions are wanted to a few digits, not all d to sixteen.
    generator = torch.Generator().manual_seed(0)
    width = 32 * -(-(count + 32) // 32)  # products of other widths take twice as long
    basis = torch.randn(d, min(d, width), generator=generator, dtype=torch.float64).to(start)
    basis[:, : start.shape[1]] = start
    for _ in range(1 if start.shape[1] else 2):
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
    centre = x.mean(0).cpu().numpy()
    points = x.cpu().numpy() - centre
    every = np.arange(len(points))

    def cell(members: np.ndarray, total: np.ndarray, square: np.ndarray) -> _Cell:
        mean = total / len(members)
        deviation = square - total * mean
        return -float(deviation.sum()), int(members[0]), members, int(deviation.argmax()), mean, total, square

    cells = [cell(every, points.sum(axis=0), np.einsum("ij,ij->j", points, points))]
    scale = -cells[0][0]
    while len(cells) < min(count, len(points)):
        spread, _, members, axis, mean, total, square = cells[0]
        if -spread <= 1e-12 * scale:
            break  # every cell holds equal rows
        upper = points[members, axis] > mean[axis]
        if upper.all() or not upper.any():
            break  # a spread so small that rounding hides it
        small, large = members[upper], members[~upper]
        if len(small) > len(large):
            small, large = large, small
        values = points[small]
        part = values.sum(axis=0), np.einsum("ij,ij->j", values, values)
        heapq.heapreplace(cells, cell(small, *part))
        heapq.heappush(cells, cell(large, total - part[0], square - part[1]))
    return torch.from_numpy(np.stack([mean for *_, mean, _, _ in cells]) + centre).to(x)


_Cell: TypeAlias = tuple[float, int, np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]
"""Minus its squared deviation, first member, members, widest axis, mean, and the sums of rows and of their squares."""
