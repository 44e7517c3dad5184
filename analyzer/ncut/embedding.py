"""Eigenvectors to coordinates in which distance means something."""

from __future__ import annotations

import torch

LARGEST = 0.999
"""Eigenvalues are held to this: groups that hardly touch the rest would outweigh all others together."""


def coordinates(eigenvectors: torch.Tensor, eigenvalues: torch.Tensor) -> torch.Tensor:
    """(n, k) eigenvectors, (k,) eigenvalues -> (n, k - 1) coordinates of the patches.

    The trivial first eigenvector, the root of the degree, is divided out, which makes the others those of the random
    walk on the graph, and each is weighted by w(lambda) = lambda / sqrt(1 - lambda). Since w^2 = lambda^2 + lambda^3 +
    …, the squared distance of two patches sums how differently walks of two and more steps spread from them: the
    commute-time embedding (Qiu & Hancock 2007) without the single step that carries the noise of the patch itself.
    Groups that the graph holds together (lambda near 1) count most, the noise of the Nyström extension, amplified by
    1/lambda, least. Measured against other weights in benchmarks/ncut.py.
    """
    trivial = eigenvectors[:, :1]
    # A patch unlike all others has almost no degree; the floor keeps it from flying off.
    floor = 1e-3 * trivial.abs().mean()
    held = eigenvalues[1:].to(eigenvectors).clamp(max=LARGEST)
    return eigenvectors[:, 1:] / trivial.clamp(min=floor) * (held * (1 - held).rsqrt())
