"""How well instances can be told apart by the values of their patches: rank statistics, with their uncertainty.

For patches a, a' of one instance and b of another, all of one frame,

    AUC(a|b) = P(sim(a, a') > sim(a, b)),    confusion(a|b) = clip(2 (1 - AUC), 0, 1)

is 0 where every patch of the one is closer to its own kind than to the other, and 1 where it cannot tell. Only the order
of similarities counts, so no scale, no rotation and no monotone change of the similarity matters. See docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

REPLICATES = 200
"""Of the bootstrap."""
LEVEL = 0.95
"""Of the intervals."""


@dataclass(frozen=True, eq=False)
class Separability:
    """Every instance against every other, frame by frame. NaN where one of the two shows too few patches."""

    auc: torch.Tensor
    """(T, K, K) float32: [t, a, b] is AUC(a|b); of an instance against itself, NaN."""
    replicates: torch.Tensor
    """(T, K, K, R) float32: the same with patches weighed anew, R times. A place keeps its weight in all frames, for
    what stays is the same patch again and says nothing new."""
    count: torch.Tensor
    """(T, K) float32 patches that each instance was compared by."""

    def frames(self, first: int, stop: int) -> Separability:
        """A stretch of them."""
        return Separability(self.auc[first:stop], self.replicates[first:stop], self.count[first:stop])

    def among(self, some: list[int]) -> Separability:
        """Some of the instances, against each other."""
        return Separability(self.auc[:, some][:, :, some], self.replicates[:, some][:, :, some], self.count[:, some])


def separability(
    values: np.ndarray,
    weights: np.ndarray,
    places: np.ndarray,
    *,
    cosine: bool = False,
    min_patches: int = 4,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Separability:
    """Compare the patches of K instances.

    The bootstrap is Bayesian (Rubin 1981) on the statistic's linear part, its influence function (DeLong, DeLong &
    Clarke-Pearson 1988): a replicate costs a product of matrices instead of the statistic all over again.

    Args:
        values: (T, K, n, c) of each patch.
        weights: (T, K, n), 0 where there is none.
        places: (T, K, n) where it lies: what ties the bootstrap from frame to frame.
        cosine: similarity is the angle; else it is minus the distance.
    """
    v, c = compared(values, cosine=cosine), torch.from_numpy(np.ascontiguousarray(weights, np.float32))
    instances, n = c.shape[1:]
    # Only the order within a row counts: -|x - y|^2 = 2 x'y - |y|^2 - |x|^2, of which the last is the row's own.
    rows = v.flatten(1, 2)
    similarity = 2 * rows @ rows.mT - rows.square().sum(-1)[:, None]
    # [a, t, i, b, j], laid out as it is gone through
    similarity = (
        similarity.unflatten(1, (instances, n)).unflatten(3, (instances, n)).permute(1, 0, 2, 3, 4).contiguous()
    )
    count = (c > 0).sum(-1)
    drawn = patch_weights(places, count, replicates, seed)
    enough = count >= min_patches
    auc = torch.full((len(v), instances, instances), torch.nan)
    again = torch.full((*auc.shape, replicates), torch.nan)
    for a in range(instances):
        by_own, by_partner, by_other, share = _gains(similarity[a], a, c)
        gain = 1 + (by_own - share[:, None]).sum(2)  # 2 AUC - 1, of separated things 1 without rounding
        # What the statistic gains by a little more weight on a patch.
        of_own = by_own + by_partner - 2 * gain[..., None] * share[:, None]
        of_other = (by_other - gain[..., None]) * c / c.sum(-1).clamp(min=1e-12)[..., None]
        change = of_own @ drawn[:, a] + (of_other[:, :, None] @ drawn)[:, :, 0]
        known = (enough[:, a, None] & enough)[..., None]
        known[:, a] = False
        auc[:, a] = torch.where(known[..., 0], (1 + gain) / 2, torch.nan)
        again[:, a] = torch.where(known, (1 + gain[..., None] + change) / 2, torch.nan)
    return Separability(auc, again, count.float())


def compared(values: np.ndarray, *, cosine: bool) -> torch.Tensor:
    """Values as float32 whose distances have the order of similarity: of the angle, they are scaled to length 1."""
    v = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    return v / v.norm(dim=-1, keepdim=True).clamp(min=1e-12) if cosine else v


def patch_weights(places: np.ndarray, count: torch.Tensor, replicates: int, seed: int) -> torch.Tensor:
    """(T, K, n, R) by how much the bootstrap changes the weight of each patch. `count`: (T, K) patches that are there."""
    weigh = _drawn_weights(1 << int(places.max(initial=0)).bit_length(), replicates, seed) - 1
    # Of n patches the Bayesian bootstrap sees (n - 1) / n of the variance.
    return weigh[torch.from_numpy(places)] * (count / (count - 1).clamp(min=1)).sqrt()[..., None, None]


def _gains(
    similarity: torch.Tensor, a: int, c: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean sign(sim(i, i') - sim(i, j)) over patches i, i' of instance a and j of each other one, by whose patch it is.

    Most patches are closer to all of their own kind than to anything of the other: their signs are all 1, and only
    those of the rest are looked at.

    Args:
        similarity: (t, i, b, j) of a's patches to everyone's.
        c: (t, k, n) weights.

    Returns:
        (t, b, n) the part of each patch i, which compares; (t, b, n) of each i', which it is compared with; (t, b, n) the
        mean of each j; (t, n) the share that each patch of a has in the weight of all its pairs.
    """
    t, n, instances, _ = similarity.shape
    pairs = c[:, a, :, None] * c[:, a, None, :]
    pairs.diagonal(dim1=1, dim2=2).zero_()
    pairs = pairs / pairs.sum((1, 2), keepdim=True).clamp(min=1e-12)
    share = pairs.sum(2)
    own = similarity[:, :, a]
    least = own.masked_fill(pairs == 0, torch.inf).amin(2)
    most = similarity.masked_fill((c == 0)[:, None], -torch.inf).amax(3)
    unsure = (most >= least[..., None]) & (c[:, a] > 0)[..., None]
    unsure[..., a] = False
    at, i, b = unsure.nonzero(as_tuple=True)
    lost = (own[at, i][:, :, None] - similarity[at, i, b][:, None, :]).sign_().sub_(1)  # [m, i', j]: 0, -1, -2
    of_other = (c / c.sum(-1, keepdim=True).clamp(min=1e-12))[at, b]
    by_pair = (lost @ of_other[..., None])[..., 0] * pairs[at, i]
    group = at * instances + b

    def with_lost(usual: torch.Tensor, by_row: torch.Tensor) -> torch.Tensor:
        return usual + torch.zeros(t * instances, n).index_add_(0, group, by_row).unflatten(0, (t, instances))

    by_own = share[:, None].expand(-1, instances, -1).clone()
    by_own[at, b, i] += by_pair.sum(1)
    return (
        by_own,
        with_lost(share[:, None], by_pair),
        with_lost(torch.ones(1), (pairs[at, i][:, None] @ lost)[:, 0]),
        share,
    )


def pooled(measured: Separability, window: int, seed: int = 0) -> Separability:
    """Every frame's AUC as the mean over the `window` frames around it in which both are seen; NaN stays NaN.

    In the replicates frames are weighed anew too.
    """
    frames = len(measured.auc)
    known = ~measured.auc.isnan()
    half = window // 2
    at = torch.arange(frames)
    near = ((at[:, None] - at).abs() <= half).float()
    value = _banded(near, measured.auc.nan_to_num(0)) / _banded(near, known.float()).clamp(min=1)
    weight = _frame_weights(frames, measured.replicates.shape[-1], seed)[:, None, None, :]
    total = _banded(near, known[..., None] * weight)
    again = _banded(near, measured.replicates.nan_to_num(0) * weight) / total.clamp(min=1e-12)
    return Separability(
        torch.where(known, value, torch.nan), torch.where(known[..., None], again, torch.nan), measured.count
    )


def overall(measured: Separability, seed: int = 0) -> Separability:
    """One value for all frames, as a measurement of one frame. `measured` as `separability` gives it."""
    known = ~measured.auc.isnan()
    value = measured.auc.nansum(0, keepdim=True) / known.sum(0, keepdim=True)
    weight = _frame_weights(len(measured.auc), measured.replicates.shape[-1], seed)[:, None, None, :] * known[..., None]
    again = (measured.replicates.nan_to_num(0) * weight).sum(0, keepdim=True) / weight.sum(0, keepdim=True)
    seen = known.any(2).float()
    count = (measured.count * seen).sum(0, keepdim=True) / seen.sum(0, keepdim=True).clamp(min=1)
    return Separability(value, again, count)


def joined(parts: Sequence[Separability]) -> Separability:
    """Stretches of one measurement, one after the other."""
    return Separability(
        *(torch.cat([getattr(part, name) for part in parts]) for name in ("auc", "replicates", "count"))
    )


def confusion(measured: Separability, a: int | Sequence[int], b: int | Sequence[int]) -> np.ndarray:
    """(T, 3) float32 confusion of two instances (positions): value, low and high end of its interval; (T, P, 3) of pairs
    a[0] and b[0], a[1] and b[1], …

    Of the two directions the one that tells better counts: a plate whose rim is unlike its middle is as far from itself
    as from a bowl, but the bowl's patches still know where they belong.

    The interval is taken on the logit of AUC, so that it is one-sided where AUC is nearly 1, and moved back by the
    bootstrap's own estimate of its bias (Efron & Tibshirani 1993): the better of two uncertain values looks better than
    it is. It always holds the value.
    """
    best = torch.maximum(measured.auc[:, a, b], measured.auc[:, b, a])
    floor = _floor(measured, a, b)
    logit, again = (
        torch.maximum(*pair)
        for pair in zip(_logits(measured, a, b, floor), _logits(measured, b, a, floor), strict=True)
    )
    return _told(best, logit, again)


def mistaken(measured: Separability, a: int | Sequence[int], b: int | Sequence[int]) -> np.ndarray:
    """The same of what `analyzer.confusion.recognition` measures: of the two directions the one that tells worse counts,
    for a thing that is taken for another is mistaken even where that other one is not."""
    ways = [_told(measured.auc[:, x, y], *_logits(measured, x, y, _floor(measured, x, y))) for x, y in ((a, b), (b, a))]
    return np.asarray(np.fmax(*ways))


def _floor(measured: Separability, a: int | Sequence[int], b: int | Sequence[int]) -> torch.Tensor:
    """So many patches can show no AUC to be nearer to 1 than that."""
    count = torch.minimum(measured.count[:, a], measured.count[:, b])
    return (1 / (8 * count)).clamp(max=0.25)


def _told(best: torch.Tensor, logit: torch.Tensor, again: torch.Tensor) -> np.ndarray:
    """(…, 3) confusion, low and high end, of an AUC, its logit and that of its replicates."""
    bias = again.mean(-1) - logit
    tail = (1 - LEVEL) / 2
    ends = torch.from_numpy(_quantiles(again.numpy(), (1 - tail, tail))) - 2 * bias[..., None]
    value, low, high = (2 * (1 - torch.cat([best[..., None], torch.sigmoid(ends)], dim=-1))).clamp(0, 1).unbind(-1)
    return torch.stack([value, torch.minimum(low, value), torch.maximum(high, value)], dim=-1).numpy()


def _quantiles(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """(…, R) -> (…, levels) float32, between ranks linearly; NaN where one of the R is. As `np.quantile`, whose sort of
    everything took most of the time."""
    at = np.array(levels) * (values.shape[-1] - 1)
    before, after = np.floor(at).astype(int), np.ceil(at).astype(int)
    ranked = np.partition(values, sorted({*before.tolist(), *after.tolist()}), axis=-1)
    return np.asarray(ranked[..., before] + (ranked[..., after] - ranked[..., before]) * (at - before), np.float32)


def _logits(
    measured: Separability, a: int | Sequence[int], b: int | Sequence[int], floor: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(T, …) logit of AUC(a|b), kept off 0 and 1 by `floor`, and (T, …, R) its replicates by the delta method."""
    auc = measured.auc[:, a, b]
    kept = torch.minimum(torch.maximum(auc, floor), 1 - floor)
    logit = kept.logit()
    change = (measured.replicates[:, a, b] - auc[..., None]) / (kept * (1 - kept))[..., None]
    return logit, logit[..., None] + change


def _banded(near: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return (near @ values.flatten(1)).reshape(values.shape)


@lru_cache(maxsize=8)
def _drawn_weights(places: int, replicates: int, seed: int) -> torch.Tensor:
    """(places, R) Exp(1): what Dirichlet weights are before they are scaled to their sum."""
    drawn = np.random.default_rng((seed, 1)).exponential(size=(places, replicates))
    return torch.from_numpy(drawn.astype(np.float32))


def _frame_weights(frames: int, replicates: int, seed: int) -> torch.Tensor:
    drawn = np.random.default_rng((seed, 2)).exponential(size=(frames, replicates))
    return torch.from_numpy(drawn.astype(np.float32))
