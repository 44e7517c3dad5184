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

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from analyzer.confusion.separability import (
    REPLICATES,
    Separability,
    Similarities,
    compared,
    not_assessed,
    patch_weights,
)

REFERENCES = 16
"""Frames, evenly spread over an episode, in which it is looked up what a thing looks like."""


def reference_frames(frames: int) -> tuple[int, ...]:
    """Which ones: at most `REFERENCES`, rising."""
    return tuple(int(t) for t in np.unique(np.linspace(0, frames - 1, REFERENCES).round())) if frames else ()


@dataclass(frozen=True, eq=False)
class References:
    """Patches of K instances in the reference frames."""

    values: torch.Tensor
    """(r, K, n, c) float32, as `separability.compared` gives them."""
    weights: torch.Tensor
    """(r, K, n), 0 where there is none."""

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray, *, cosine: bool = False) -> Self:
        return cls(compared(values, cosine=cosine), torch.from_numpy(np.ascontiguousarray(weights)))


TAKEN, AS_NEAR, KNOWN, UNSEEN = 0, 1, 2, -1
"""What becomes of a patch of A before B: it is taken for it; B is as near as A usually is; it is known for A, or taken for
a third; no reference frame shows enough of A."""


def recognised(known: Similarities, references: References, *, min_patches: int = 4) -> torch.Tensor:
    """(T, K, n, K) int8, one of the four above: [t, a, i, b] of patch i of a before b.

    Half of the reference frames may show a as it is not: the median does not hear them.
    """
    v, c = known.values, known.weights
    seen = references.weights > 0
    enough = seen.sum(-1) >= min_patches  # [r, k]
    frames, instances, n = c.shape
    length = v.square().sum(-1)
    result = torch.full((frames, instances, n, instances), UNSEEN, dtype=torch.int8)
    for a in range(instances):
        at = enough[:, a].nonzero()[:, 0]
        if not len(at):
            continue
        usual = _usual(v[:, a].flatten(0, 1), length[:, a].flatten(), references.values[at, a], seen[at, a])
        nearest = (length[:, a, :, None] - known.most[a]).clamp(min=0)  # [t, i, b]
        nearest[:, :, a] = torch.inf
        told = (nearest - usual.reshape(frames, n, 1)).sign_() + 1
        told[nearest > nearest.amin(2, keepdim=True)] = KNOWN
        result[:, a] = told
    return result


def recognition(
    told: torch.Tensor,
    weights: np.ndarray,
    places: np.ndarray,
    *,
    min_patches: int = 4,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Separability:
    """[t, a, b]: the share of a's patches in frame t that are not taken for b.

    Weights and places are those of `separability`, and so is the bootstrap: the statistic is linear in the patches' weights.

    Args:
        told: (T, K, n, K) int8 of `recognised`, of all instances or of some.
    """
    c = torch.from_numpy(np.ascontiguousarray(weights, np.float32))
    count = (c > 0).sum(-1)
    drawn = patch_weights(places, count, replicates, seed)
    own = told.clamp(min=TAKEN).float().mT / KNOWN  # [t, a, b, i]
    share = (c / c.sum(-1, keepdim=True).clamp(min=1e-12))[:, :, None]
    auc = (share * own).sum(3)
    again = (share * (own - auc[..., None])) @ drawn
    again += auc[..., None]
    unknown = not_assessed(count, min_patches) | (told == UNSEEN).all(2)
    # In a frame more than half is all, lest one frame counts for two where frames are pooled.
    auc, again = auc.clamp_(min=0.5), again.clamp_(min=0.5)
    auc[unknown] = torch.nan
    again[unknown] = torch.nan
    return Separability(auc, again, count.float())


def _usual(rows: torch.Tensor, length: torch.Tensor, before: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """(m,) median over frames of the squared distance of each row to the nearest patch of that frame; of an even number the
    lower middle one, so that a thing seen twice is nothing else the second time. `length`: (m,) squared, of each row.
    `before`: (r, n, c); `seen`: (r, n)."""
    flat = before.flatten(0, 1)
    alike = torch.addmm(flat.square().sum(-1), rows, flat.mT, beta=-1, alpha=2).unflatten(1, before.shape[:2])
    nearest = length[:, None] - alike.masked_fill_(~seen, -torch.inf).amax(2)
    return nearest.clamp_(min=0).median(1).values
