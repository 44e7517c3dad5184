"""Eigenvectors to coordinates in which distance means something."""

from __future__ import annotations

import torch

DISCOUNT = 0.9
"""Of every further step of a walk: a walk ends after ten more on average. Undiscounted, two parts of the graph that hardly
touch (eigenvalue near 1) are all that is seen."""
REACH = 2.0
"""Median lengths of the fitted patches. Walks return without end to a patch that is like few others, which says how alone
it is and not whom it belongs to, and would be all that a distance sees."""
LEAST_DEGREE = 1e-3
"""Of the trivial eigenvector, the root of the degree, whose mean square is 1: a patch unlike all others has almost none."""


def weights(eigenvalues: torch.Tensor) -> torch.Tensor:
    """(k,) eigenvalues -> (k - 1,) float32 weights lambda / sqrt(1 - .9 lambda) of all vectors but the trivial first."""
    values = eigenvalues[1:].double().clamp(0.0, 1.0)
    return (values * (1 - DISCOUNT * values).rsqrt()).float()


def coordinates(eigenvectors: torch.Tensor, eigenvalues: torch.Tensor, reach: float | None = None) -> torch.Tensor:
    """(n, k) eigenvectors, (k,) eigenvalues -> (n, k - 1) coordinates of the patches, at most `reach` long (None: as they are).

    The trivial first eigenvector, the root of the degree, is divided out, which leaves the eigenvectors of the random
    walk P = D^-1 W; each is weighted by lambda / sqrt(1 - g lambda), g = .9. Then

        z_i'z_j = sum over t >= 2 of g^(t-2) ((P^t)_ij / pi_j - 1)

    says how much likelier than by chance walks of two and more steps lead from patch i to patch j, as far as k vectors
    carry it: the discounted walk of personalised PageRank (Page & Brin 1998) or, with g = 1, the commute-time kernel (Qiu &
    Hancock 2007), without its first step, in which a patch is mostly alone with its noise. That noise is amplified by
    1/lambda in the Nyström extension, and lambda takes it back. What else was measured: docs/method.md.
    """
    trivial = eigenvectors[:, :1].clamp(min=LEAST_DEGREE)
    placed = eigenvectors[:, 1:] / trivial * weights(eigenvalues).to(eigenvectors)
    if reach is None:
        return placed
    return placed * (reach / torch.linalg.vector_norm(placed, dim=1, keepdim=True)).clamp(max=1.0)


def median_reach(eigenvectors: torch.Tensor, eigenvalues: torch.Tensor) -> float:
    """How long the coordinates of patches are at most, from those that the basis was fitted on; above 0."""
    length = torch.linalg.vector_norm(coordinates(eigenvectors, eigenvalues), dim=1)
    length = length[length > 0]
    return REACH * float(length.median()) if len(length) else 1.0
