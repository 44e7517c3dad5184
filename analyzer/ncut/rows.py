"""Features come as tensors, arrays, memmaps or streams of chunks; inside there are only float32 blocks on a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
import torch

from analyzer.ncut.landmarks import row_priorities, sample_indices

Array: TypeAlias = torch.Tensor | np.ndarray
Features: TypeAlias = Array | Iterable[Array]

BLOCK = 2048
"""Rows worked on at once on a CPU: with 512 landmarks 4 MB, which stays in the cache (measured: 8192 rows are 10x slower)."""


def is_array(x: Features) -> bool:
    return isinstance(x, torch.Tensor | np.ndarray)


def _checked(x: Array) -> Array:
    if x.ndim != 2:
        raise ValueError(f"Features are (n, d): one row a patch; got shape {tuple(x.shape)}.")
    return x


def _to_float32(x: Array, device: torch.device) -> torch.Tensor:
    if isinstance(x, np.ndarray):
        # A read-only memmap is copied; torch has no read-only tensors.
        x = torch.from_numpy(np.array(x) if not x.flags.writeable else np.ascontiguousarray(x))
    return x.detach().to(device=device, dtype=torch.float32)


def blocks(x: Features, device: torch.device, rows: int = BLOCK) -> Iterator[torch.Tensor]:
    """The rows in order, in float32 blocks of `rows`. Chunks are cut and joined: their size changes no result."""
    if is_array(x):
        array = _checked(x)  # type: ignore[arg-type]
        for start in range(0, len(array), rows):
            yield _to_float32(array[start : start + rows], device)
        return
    waiting: list[torch.Tensor] = []
    held = 0
    for chunk in x:
        waiting.append(_to_float32(_checked(chunk), device))
        held += len(waiting[-1])
        while held >= rows:
            joined = torch.cat(waiting) if len(waiting) > 1 else waiting[0]
            yield joined[:rows]
            waiting, held = [joined[rows:]], held - rows
    if held:
        yield torch.cat(waiting) if len(waiting) > 1 else waiting[0]


def sample(x: Features, count: int, seed: int, device: torch.device) -> torch.Tensor:
    """At most `count` rows, float32, in order; the same ones from an array and from chunks of the same rows."""
    if is_array(x):
        array = _checked(x)  # type: ignore[arg-type]
        picked = sample_indices(len(array), count, seed)
        if len(picked) == len(array):
            return _to_float32(array, device)
        return _to_float32(
            array[torch.from_numpy(picked)] if isinstance(array, torch.Tensor) else array[picked], device
        )
    priority = np.empty(0, np.uint64)
    index = np.empty(0, np.int64)
    rows: torch.Tensor | None = None
    seen = 0
    for chunk in x:
        chunk = _checked(chunk)
        priority = np.concatenate([priority, row_priorities(seen, seen + len(chunk), seed)])
        index = np.concatenate([index, np.arange(seen, seen + len(chunk))])
        joined = _to_float32(chunk, device)
        rows = joined if rows is None else torch.cat([rows, joined])
        seen += len(chunk)
        if len(index) > count:
            kept = np.argpartition(priority, count)[:count]
            kept = kept[np.argsort(index[kept])]
            priority, index, rows = priority[kept], index[kept], rows[torch.from_numpy(kept)]
    if rows is None:
        raise ValueError("There are no features: the iterator of chunks is empty.")
    return rows
