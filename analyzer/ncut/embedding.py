"""Eigenvectors to coordinates in which distance means something."""

from __future__ import annotations

import torch


def diffusion_coordinates(eigenvectors: torch.Tensor, eigenvalues: torch.Tensor) -> torch.Tensor:
    """(n, k) eigenvectors, (k,) eigenvalues -> (n, k - 1) diffusion-map coordinates (Coifman & Lafon 2006), one step.

    The trivial first eigenvector, the root of the degree, is divided out, and each other one is weighted by its
    eigenvalue: the Nyström extension amplifies the noise of a patch by 1/eigenvalue, and this takes it back.
    """
    trivial = eigenvectors[:, :1]
    # A patch unlike all others has almost no degree; the floor keeps it from flying off.
    floor = 1e-3 * trivial.abs().mean()
    return eigenvectors[:, 1:] / trivial.clamp(min=floor) * eigenvalues[1:].to(eigenvectors)
