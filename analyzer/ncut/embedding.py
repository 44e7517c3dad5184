"""Eigenvectors to coordinates in which distance means something."""

from __future__ import annotations

import torch


def coordinates(eigenvectors: torch.Tensor, eigenvalues: torch.Tensor) -> torch.Tensor:
    """(n, k) eigenvectors, (k,) eigenvalues -> (n, k - 1) coordinates of the patches.

    The trivial first eigenvector, the root of the degree, is divided out, and each other one is weighted by the root of
    its eigenvalue. Then the inner product of two patches is their affinity over their degrees, z_i'z_j = W_ij / (d_i
    d_j), as far as k eigenvectors carry it (kernel PCA of the balanced graph), and the noise that the Nyström extension
    amplifies by 1/lambda is taken back. Unweighted eigenvectors flicker two to three times as much and are cut worse;
    a whole step of diffusion (weight lambda, Coifman & Lafon 2006) hides what sets a bowl apart from a plate.
    """
    trivial = eigenvectors[:, :1]
    # A patch unlike all others has almost no degree; the floor keeps it from flying off.
    floor = 1e-3 * trivial.abs().mean()
    return eigenvectors[:, 1:] / trivial.clamp(min=floor) * eigenvalues[1:].to(eigenvectors).sqrt()
