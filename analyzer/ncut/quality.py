"""How good a result is, in numbers that a benchmark and a user can both read."""

from __future__ import annotations

import torch


def principal_angles(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n, k), (n, k) -> (k,) angles in degrees between the spaces the columns span, rising: 0 is the same space.

    Sines are used where cosines are too flat to tell small angles (Björck & Golub 1973).
    """
    qa, _ = torch.linalg.qr(a.double())
    qb, _ = torch.linalg.qr(b.double())
    overlap = qa.T @ qb
    cosine = torch.linalg.svdvals(overlap).clamp(max=1.0)
    sine = torch.linalg.svdvals(qb - qa @ overlap).flip(0).clamp(max=1.0)
    return torch.rad2deg(torch.where(cosine > 0.7, sine.asin(), cosine.acos()))
