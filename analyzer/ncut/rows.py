"""Features come as tensors, arrays, memmaps or streams of chunks; inside there are only float32 blocks on a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
import torch

from analyzer.ncut.landmarks import sample_indices
from analyzer.ncut.running_sample import RunningSample

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
    running = RunningSample(count, seed)
    for chunk in x:
        running.add(_to_float32(_checked(chunk), device))
    if not running.seen:
        raise ValueError("There are no features: the iterator of chunks is empty.")
    return running.rows
