"""A basis that follows a live source: it may change as new things are seen, and it may not jump."""

from __future__ import annotations

import torch

from analyzer.ncut.alignment import closest_rotation
from analyzer.ncut.running_sample import RunningSample

FOREIGN_QUANTILE = 0.01
FOREIGN_FACTOR = 0.7
"""A patch is foreign where the landmarks see less of its own affinity than this factor times what they see of the worst
hundredth of the sampled patches."""
FOREIGN_SHARE = 0.01
"""So many of the patches of a frame must be foreign before the basis is fitted anew at once."""
MOST_SCALE = 2.0
"""Of a basis next to the scale it would have by itself."""


class LiveSample(RunningSample):
    """What a live basis is fitted on; foreign rows, favoured when added, stay in it beyond their share."""

    fitted_at = 0
    """How many rows had been seen when the basis was last fitted."""

    def wants_fit(self, foreign_share: float) -> bool:
        """Each time twice as much has been seen, and when something new has come into view."""
        if self.seen >= 2 * self.fitted_at:
            return True
        return foreign_share > FOREIGN_SHARE and self.seen >= 1.02 * self.fitted_at


def aligning_map(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """The (c, c) float32 rotation times a scale that brings `new` @ map closest to `old` (Schönemann & Carroll 1970).

    Among coordinates only ratios of distances mean anything, and these it leaves as they are. The scale stays within a
    factor of `MOST_SCALE`: what a source showed first may have been all alike, and what comes then must not stay as near.

    Args:
        new, old: (s, c) coordinates of the same rows in two bases.
    """
    rotation, common = closest_rotation(new, old)
    scale = float(common.sum() / new.double().square().sum().clamp(min=1e-12))
    return (min(max(scale, 1 / MOST_SCALE), MOST_SCALE) * rotation).float()


def relative_change(new: torch.Tensor, old: torch.Tensor) -> float:
    """How far the rows' (s, c) coordinates moved, next to how far they lie apart: 0 not at all, 1 as far as from row to
    row, in the basis where they lie farther apart. Root mean square over rows."""
    moved = (new - old).square().sum()
    apart = 2 * max((placed - placed.mean(0)).square().sum() for placed in (old, new))
    return float((moved / apart.clamp(min=1e-12)).sqrt())
