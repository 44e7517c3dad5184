"""Is a thing still known for itself, or is it nearer to another one now? Rank statistics over time.

Within one frame, a thing that has slid most of the way to another is a tight cluster: nearer to itself than to either, and
`analyzer.confusion.separability` rightly calls that two clusters. What has changed is that it is no longer near to what it
was. So every patch a of A is classified by its nearest neighbour (Cover & Hart 1967): with d(a, X) the distance to the
nearest patch of X, it is taken for B where B is the nearest of all other instances in that frame, and nearer than A itself
usually is,

    d(a, B) = min over X != A of d(a, X) < median over reference frames r of d(a, A in r),
    AUC(A|B) = max(1 - P(a is taken for B), 1/2),    confusion = 2 (1 - AUC)

Only the order of distances counts, as it does there. See docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analyzer.confusion.separability import REPLICATES, Separability, compared, patch_weights

REFERENCES = 16
"""Frames, evenly spread over an episode, in which it is looked up what a thing looks like."""


def reference_frames(frames: int) -> tuple[int, ...]:
    """Which ones: at most `REFERENCES`, rising."""
    return tuple(int(t) for t in np.unique(np.linspace(0, frames - 1, REFERENCES).round())) if frames else ()


@dataclass(frozen=True, eq=False)
class References:
    """Patches of K instances in the reference frames."""

    values: np.ndarray
    """(r, K, n, c)."""
    weights: np.ndarray
    """(r, K, n), 0 where there is none."""


def recognition(
    values: np.ndarray,
    weights: np.ndarray,
    places: np.ndarray,
    references: References,
    *,
    of: Sequence[int] | None = None,
    cosine: bool = False,
    min_patches: int = 4,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Separability:
    """[t, a, b]: the share of a's patches in frame t that are not taken for b.

    Half of the reference frames may show a as it is not: the median does not hear them. Values, weights and places are
    those of `separability`, and so is the bootstrap: the statistic is linear in the patches' weights. `of`: the instances that
    are asked about, among all the others; the rows of those others are NaN. None: all are.
    """
    v, c = compared(values, cosine=cosine), torch.from_numpy(np.ascontiguousarray(weights, np.float32))
    before = compared(references.values, cosine=cosine)
    seen = torch.from_numpy(np.ascontiguousarray(references.weights)) > 0
    known = seen.sum(-1) >= min_patches  # [r, k]
    frames, instances, n = c.shape
    count = (c > 0).sum(-1)
    enough = count >= min_patches
    drawn = patch_weights(places, count, replicates, seed)
    auc = torch.full((frames, instances, instances), torch.nan)
    again = torch.full((*auc.shape, replicates), torch.nan)
    everyone = v.flatten(1, 2)
    for a in range(instances) if of is None else of:
        at = known[:, a].nonzero()[:, 0]
        if not len(at):
            continue
        usual = _usual(v[:, a].flatten(0, 1), before[at, a], seen[at, a]).reshape(frames, n, 1)
        other = torch.cdist(v[:, a], everyone).unflatten(2, (instances, n))
        nearest = other.masked_fill((c == 0)[:, None], torch.inf).amin(3)  # [t, i, b]
        nearest[:, :, a] = torch.inf
        own = ((nearest - usual).sign() + 1) / 2  # as near as each other: half
        own = torch.where(nearest > nearest.amin(2, keepdim=True), 1.0, own)
        share = c[:, a] / c[:, a].sum(-1, keepdim=True).clamp(min=1e-12)
        told = (share[..., None] * own).sum(1)
        change = (share[..., None] * (own - told[:, None])).mT @ drawn[:, a]
        assessed = enough[:, a, None] & enough
        assessed[:, a] = False
        # In a frame more than half is all, lest one frame counts for two where frames are pooled.
        auc[:, a] = torch.where(assessed, told.clamp(min=0.5), torch.nan)
        again[:, a] = torch.where(assessed[..., None], (told[..., None] + change).clamp(min=0.5), torch.nan)
    return Separability(auc, again, count.float())


def _usual(rows: torch.Tensor, before: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """(m,) median over frames of the distance of each row to the nearest patch of that frame; of an even number the lower
    middle one, so that a thing seen twice is nothing else the second time. `before`: (r, n, c); `seen`: (r, n)."""
    distance = torch.cdist(rows, before.flatten(0, 1)).unflatten(1, before.shape[:2])
    return distance.masked_fill(~seen, torch.inf).amin(2).median(1).values
