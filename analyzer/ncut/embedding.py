"""Eigenvectors to coordinates in which distance means something."""

from __future__ import annotations

import torch

LONGEST_WALK = 1000
"""Steps. An eigenvalue nearer to 1 than its inverse counts as that near: two parts of the graph that hardly touch would
otherwise be all that is seen."""


def weights(eigenvalues: torch.Tensor) -> torch.Tensor:
    """(k,) eigenvalues -> (k - 1,) float32 weights lambda / sqrt(1 - lambda) of all vectors but the trivial first."""
    values = eigenvalues[1:].double().clamp(0.0, 1.0)
    return (values * (1 - values).clamp(min=1 / LONGEST_WALK).rsqrt()).float()


def coordinates(eigenvectors: torch.Tensor, eigenvalues: torch.Tensor) -> torch.Tensor:
    """(n, k) eigenvectors, (k,) eigenvalues -> (n, k - 1) coordinates of the patches.

    The trivial first eigenvector, the root of the degree, is divided out, which leaves the eigenvectors of the random
    walk P = D^-1 W; each is weighted by lambda / sqrt(1 - lambda). Then

        z_i'z_j = sum over t >= 2 of (P^t)_ij / pi_j - 1

    says how much likelier than by chance walks of two and more steps lead from patch i to patch j, as far as k vectors
    carry it: the commute-time kernel (Qiu & Hancock 2007; weight 1 / sqrt(1 - lambda)) without its first step, in which
    a patch is mostly alone with its noise. That noise is amplified by 1/lambda in the Nyström extension, and lambda takes
    it back. Measured against weights 1, sqrt(lambda) and lambda: see docs/method.md.
    """
    trivial = eigenvectors[:, :1]
    # A patch unlike all others has almost no degree; the floor keeps it from flying off.
    floor = 1e-3 * trivial.abs().mean()
    return eigenvectors[:, 1:] / trivial.clamp(min=floor) * weights(eigenvalues).to(eigenvectors)
