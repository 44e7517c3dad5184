"""Patches whose grouping is known."""

from __future__ import annotations

import torch


def blobs(
    n: int = 1200, groups: int = 6, d: int = 40, noise: float = 0.5, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, d) rows around `groups` centres, and (n,) which one each belongs to."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(groups, d, generator=generator)
    label = torch.randint(groups, (n,), generator=generator)
    return centres[label] + noise * torch.randn(n, d, generator=generator), label


def islands(
    sizes: tuple[int, ...] = (100, 60, 40, 25), d: int = 16, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Groups so far apart, at sigma 1, that no affinity joins them: W is block diagonal to the last bit."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    offset = torch.zeros(len(sizes), d)
    offset[torch.arange(len(sizes)), torch.arange(len(sizes))] = 100.0
    return offset[label] + 0.3 * torch.randn(len(label), d, generator=generator), label


def rotation(d: int, seed: int = 0) -> torch.Tensor:
    """A random orthogonal (d, d) matrix."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(d, d, generator=generator))[0]
