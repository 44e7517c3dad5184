"""Eigenvectors to coordinates in which distance means something."""

from __future__ import annotations

import torch

POWER = 0.5
"""Of the eigenvalue that weights each eigenvector. At 1/2 the inner product of two patches is their affinity over their
degrees, z_i'z_j = W_ij / (d_i d_j) (kernel PCA of the balanced graph); at 1 it is a step of diffusion (Coifman & Lafon
2006), steadier and coarser; at 0 the Nyström extension's noise, amplified by 1/eigenvalue, comes through in full."""


def coordinates(eigenvectors: torch.Tensor, eigenvalues: torch.Tensor, power: float = POWER) -> torch.Tensor:
    """(n, k) eigenvectors, (k,) eigenvalues -> (n, k - 1) coordinates of the patches.

    The trivial first eigenvector, the root of the degree, is divided out, and each other one is weighted by a power of
    its eigenvalue, which takes back the noise that the Nyström extension amplifies.
    """
    trivial = eigenvectors[:, :1]
    # A patch unlike all others has almost no degree; the floor keeps it from flying off.
    floor = 1e-3 * trivial.abs().mean()
    return eigenvectors[:, 1:] / trivial.clamp(min=floor) * eigenvalues[1:].to(eigenvectors).pow(power)
