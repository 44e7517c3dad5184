"""Features come as tensors, arrays, memmaps or streams of chunks; inside there are only float32 blocks on a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from analyzer.ncut.landmarks import sample_indices, spread_indices
from analyzer.ncut.running_sample import RunningSample

Array: TypeAlias = torch.Tensor | np.ndarray
Features: TypeAlias = Array | Iterable[Array]

BLOCK = 1024
"""Rows worked on at once on a CPU: with 512 landmarks 2 MB, which stays in the cache (measured: 8192 rows are 10x slower)."""
BLOCK_ELSEWHERE = 16_384
"""On a GPU, where starting an operation is what a small block costs: with 512 landmarks 34 MB, and 67 MB for 1,024 channels."""


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


def blocks(x: Features, device: torch.device, rows: int | None = None) -> Iterator[torch.Tensor]:
    """The rows in order, in float32 blocks of `rows`. Chunks are cut and joined: their size changes no result."""
    rows = rows or (BLOCK if device.type == "cpu" else BLOCK_ELSEWHERE)
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


@dataclass(frozen=True, eq=False)
class Sample:
    """Some of the rows; they are read when they are asked for, since holding them costs more than reading them again."""

    source: Array
    index: np.ndarray
    """(s,) rising, of the source's rows."""
    seen: int
    """How many rows there were."""
    device: torch.device

    def __len__(self) -> int:
        return len(self.index)

    @property
    def whole(self) -> bool:
        """The sample is all there is."""
        return self.seen == len(self)

    def spread(self, count: int) -> torch.Tensor:
        """About `count` of them, float32."""
        return self._read(self.index[spread_indices(len(self), count)])

    def blocks(self) -> Iterator[torch.Tensor]:
        """All of them in order, float32."""
        for start in range(0, len(self), BLOCK):
            yield self._read(self.index[start : start + BLOCK])

    def _read(self, index: np.ndarray) -> torch.Tensor:
        if len(index) == len(self.source):
            return _to_float32(self.source, self.device)
        if isinstance(self.source, torch.Tensor):
            return _to_float32(self.source[torch.from_numpy(index).to(self.source.device)], self.device)
        return _to_float32(self.source[index], self.device)


def sample(x: Features, count: int, seed: int, device: torch.device) -> Sample:
    """At most `count` rows; the same ones from an array and from chunks of the same rows."""
    if is_array(x):
        array = _checked(x)  # type: ignore[arg-type]
        return Sample(array, sample_indices(len(array), count, seed), len(array), device)
    running = RunningSample(count, seed)
    for chunk in x:
        running.add(_to_float32(_checked(chunk), device))
    if not running.seen:
        raise ValueError("There are no features: the iterator of chunks is empty.")
    return held(running)


def held(running: RunningSample) -> Sample:
    return Sample(running.rows, np.arange(len(running.rows)), running.seen, running.rows.device)
