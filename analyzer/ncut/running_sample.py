"""A uniform sample of rows that come chunk by chunk, nobody knowing how many there will be."""

from __future__ import annotations

import numpy as np
import torch

from analyzer.ncut.landmarks import row_priorities


class RunningSample:
    """The rows with the smallest priorities of all seen so far: those that `landmarks.sample_indices` would pick."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.seed = seed
        self.seen = 0
        self.rows = torch.empty(0, 0)
        """(s, d), s at most `size`, in the order they came."""
        self._priority = np.empty(0, np.uint64)

    def add(self, x: torch.Tensor, favoured: torch.Tensor | None = None) -> None:
        """Take in (b, d) rows; `favoured` (b,) bool rows come first when places are given away."""
        priority = row_priorities(self.seen, self.seen + len(x), self.seed)
        self.seen += len(x)
        if favoured is not None:
            priority = np.where(favoured.cpu().numpy(), priority >> np.uint64(4), priority)
        if len(self._priority) == self.size:
            # Of a long stream hardly a row still gets a place: the others are left out before anything is copied.
            chosen = np.flatnonzero(priority < self._priority.max())
            x, priority = x[torch.from_numpy(chosen).to(x.device)], priority[chosen]
        self.rows = torch.cat([self.rows, x]) if self.rows.numel() else x.clone()
        self._priority = np.concatenate([self._priority, priority])
        if len(self._priority) > self.size:
            kept = np.sort(np.argpartition(self._priority, self.size)[: self.size])
            self._priority = self._priority[kept]
            self.rows = self.rows[torch.from_numpy(kept).to(x.device)]
