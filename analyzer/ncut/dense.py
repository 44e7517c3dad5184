"""Normalized Cut as it is defined, on all pairs: the oracle that the fast way is held against. O(n^2) memory."""

from __future__ import annotations

import torch

from analyzer.ncut import affinity as affinities

MAX_ROWS = 20_000
"""Above this the affinity alone takes over 3 GB."""


def dense_ncut(
    x: torch.Tensor, n_eigenvectors: int, *, sigma: float, affinity: str = "rbf", density: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Leading eigenvectors of D^-1/2 W D^-1/2 (Shi & Malik 2000), in float64.

    Args:
        x: (n, d) features.
        n_eigenvectors: k, at most n.
        sigma, affinity, density: as in `NystromNcut`.

    Returns:
        (n, k) eigenvectors with mean square 1, signs as in `NystromNcut` undefined; (k,) eigenvalues, falling.
    """
    if len(x) > MAX_ROWS:
        raise ValueError(f"The dense oracle takes at most {MAX_ROWS} rows; got {len(x)}. Use NystromNcut.")
    x = x.double()
    x = affinities.unit_rows(x) if affinity == "cosine" else x - x.mean(0)
    weights = affinities.rbf(x, x, sigma)
    if density:
        balance = weights.sum(1).pow(-density)
        weights = balance[:, None] * weights * balance
    root = weights.sum(1).rsqrt()
    normalised = weights.mul_(root[:, None]).mul_(root)
    n = len(x)
    if n <= 3 * n_eigenvectors or n <= 1500:
        values, vectors = torch.linalg.eigh(normalised)
        values, vectors = values.flip(0)[:n_eigenvectors], vectors.flip(1)[:, :n_eigenvectors]
    else:
        values, vectors = _leading(normalised, n_eigenvectors)
    return vectors * n**0.5, values


def _leading(matrix: torch.Tensor, k: int, tolerance: float = 1e-10) -> tuple[torch.Tensor, torch.Tensor]:
    """Leading eigenpairs of a positive semi-definite matrix by blocked subspace iteration (Halko et al. 2011, alg. 4.4).

    A full `eigh` at n = 12,800 takes twenty minutes; this takes seconds, and stops by its own residual.
    """
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(len(matrix), 3 * k + 20, generator=generator, dtype=matrix.dtype)
    values = vectors = basis
    for _ in range(400):
        basis, _ = torch.linalg.qr(matrix @ (matrix @ basis))
        image = matrix @ basis
        values, rotation = torch.linalg.eigh(basis.T @ image)
        values, rotation = values.flip(0)[:k], rotation.flip(1)[:, :k]
        vectors = basis @ rotation
        if float((image @ rotation - vectors * values).norm(dim=0).max()) < tolerance:
            break
    return values, vectors
