"""A basis that follows a live source: it may change as new things are seen, and it may not jump."""

from __future__ import annotations

import torch

from analyzer.ncut.alignment import closest_rotation
from analyzer.ncut.embedding import weights
from analyzer.ncut.running_sample import RunningSample

FOREIGN_QUANTILE = 0.01
FOREIGN_FACTOR = 0.7
"""A patch is foreign where the landmarks see less of its own affinity than this factor times what they see of the worst
hundredth of the sampled patches."""
FOREIGN_SHARE = 0.01
"""So many of the patches of a frame must be foreign before the basis is fitted anew at once."""


class LiveSample(RunningSample):
    """What a live basis is fitted on; foreign rows, favoured when added, stay in it beyond their share."""

    fitted_at = 0
    """How many rows had been seen when the basis was last fitted."""

    def wants_fit(self, foreign_share: float) -> bool:
        """Each time twice as much has been seen, and when something new has come into view."""
        if self.seen >= 2 * self.fitted_at:
            return True
        return foreign_share > FOREIGN_SHARE and self.seen >= 1.02 * self.fitted_at


def aligning_rotation(new: torch.Tensor, old: torch.Tensor, eigenvalues: torch.Tensor) -> torch.Tensor:
    """The orthogonal (k, k) R that brings `new` @ R closest to `old`, the trivial first vector left as it is.

    The columns are weighted by their eigenvalues: what carries most of the graph must agree best.

    Args:
        new, old: (s, k) eigenvectors of the same rows in two bases.
        eigenvalues: (k,) of the old basis.
    """
    k = new.shape[1]
    rotation = torch.eye(k, dtype=torch.float64, device=new.device)
    rotation[1:, 1:], _ = closest_rotation(new[:, 1:], old[:, 1:] * eigenvalues[1:].to(new.device))
    return rotation


def relative_change(new: torch.Tensor, old: torch.Tensor, eigenvalues: torch.Tensor) -> float:
    """How far the rows moved, next to how far they lie apart: 0 not at all, 1 as far as from row to row.

    Root mean square over rows, the columns weighted as in `embedding.coordinates`.
    """
    weight = weights(eigenvalues).to(new.device)
    moved = ((new[:, 1:] - old[:, 1:]) * weight).square().sum()
    apart = 2 * ((old[:, 1:] - old[:, 1:].mean(0)) * weight).square().sum()
    return float((moved / apart.clamp(min=1e-12)).sqrt())
