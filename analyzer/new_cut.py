"""A Normalized Cut as the settings of a run want it."""

from __future__ import annotations

from analyzer.ncut.nystrom import NystromNcut
from analyzer.settings import Settings


def new_cut(settings: Settings) -> NystromNcut:
    """Not fitted yet."""
    return NystromNcut(
        settings.n_eigenvectors,
        n_landmarks=settings.n_landmarks,
        affinity=settings.affinity,
        mean_affinity=settings.mean_affinity,
        density=settings.density,
        seed=settings.seed,
        device=settings.device,
    )
