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
from typing import Self

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


@dataclass(frozen=True, eq=False)
class Similarities:
    """How alike the patches of K instances are, frame by frame: what both ways of confusion start from."""

    values: torch.Tensor
    """(T, K, n, c) float32 whose distances have the order of similarity."""
    weights: torch.Tensor
    """(T, K, n) float32, 0 where there is no patch."""
    pairs: torch.Tensor
    """(K, T, n, K, n) float32: [a, t, i, b, j] is 2 x'y - |y|^2 of patch i of a, x, and j of b, y: minus the squared
    distance, but for |x|^2, which is the row's own and does not change its order."""
    most: torch.Tensor
    """(K, T, n, K) float32: the most of those over the patches of b that are there."""

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray, *, cosine: bool = False) -> Self:
        """Of (T, K, n, c) values and (T, K, n) weights. `cosine`: similarity is the angle; else it is minus the distance."""
        v = compared(values, cosine=cosine)
        instances, n = v.shape[1:3]
        rows = v.flatten(1, 2)
        similarity = torch.baddbmm(rows.square().sum(-1)[:, None], rows, rows.mT, beta=-1, alpha=2)
        # laid out as it is gone through
        laid = similarity.unflatten(1, (instances, n)).unflatten(3, (instances, n)).permute(1, 0, 2, 3, 4).contiguous()
        c = torch.from_numpy(np.ascontiguousarray(weights, np.float32))
        return cls(v, c, laid, laid.masked_fill((c == 0)[:, None], -torch.inf).amax(4))


def separability(
    known: Similarities, places: np.ndarray, *, min_patches: int = 4, replicates: int = REPLICATES, seed: int = 0
) -> Separability:
    """Compare the patches of K instances.

    The bootstrap is Bayesian (Rubin 1981) on the statistic's linear part, its influence function (DeLong, DeLong &
    Clarke-Pearson 1988): a replicate costs a product of matrices instead of the statistic all over again.

    Args:
        places: (T, K, n) where each patch lies: what ties the bootstrap from frame to frame.
    """
    c = known.weights
    count = (c > 0).sum(-1)
    drawn = patch_weights(places, count, replicates, seed)
    by_own, by_partner, by_other, share, told = _gains(known)
    gain = 1 + (by_own - share[:, :, None]).sum(3)  # 2 AUC - 1, of separated things 1 without rounding
    # What half of the statistic gains by a little more weight on a patch.
    of_own = (by_own + by_partner - 2 * gain[..., None] * share[:, :, None]) / 2
    of_other = (by_other - gain[..., None]) * told[:, None] / 2
    again = of_own @ drawn
    again += (of_other.swapaxes(1, 2) @ drawn).swapaxes(1, 2)
    auc = (1 + gain) / 2
    again += auc[..., None]
    unknown = not_assessed(count, min_patches)
    auc[unknown] = torch.nan
    again[unknown] = torch.nan
    return Separability(auc, again, count.float())


def compared(values: np.ndarray, *, cosine: bool) -> torch.Tensor:
    """Values as float32 whose distances have the order of similarity: of the angle, they are scaled to length 1."""
    v = torch.from_numpy(np.ascontiguousarray(values)).float()
    return v / v.norm(dim=-1, keepdim=True).clamp(min=1e-12) if cosine else v


def not_assessed(count: torch.Tensor, min_patches: int) -> torch.Tensor:
    """(T, K) patches that are there -> (T, K, K) bool: of one of the two there are too few, or they are the same one."""
    enough = count >= min_patches
    return ~(enough[:, :, None] & enough[:, None]) | torch.eye(count.shape[1], dtype=torch.bool)


def patch_weights(places: np.ndarray, count: torch.Tensor, replicates: int, seed: int) -> torch.Tensor:
    """(T, K, n, R) by how much the bootstrap changes the weight of each patch. `count`: (T, K) patches that are there."""
    weigh = _drawn_weights(1 << int(places.max(initial=0)).bit_length(), replicates, seed)
    # Of n patches the Bayesian bootstrap sees (n - 1) / n of the variance.
    return weigh[torch.from_numpy(places)].mul_((count / (count - 1).clamp(min=1)).sqrt()[..., None, None])


def _gains(known: Similarities) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean sign(sim(i, i') - sim(i, j)) over patches i, i' of instance a and j of each other one, by whose patch it is.

    Most patches are closer to all of their own kind than to anything of the other: their signs are all 1, and only
    those of the rest are looked at.

    Returns:
        (t, a, b, n) the part of each patch i, which compares; (t, a, b, n) of each i', which it is compared with;
        (t, a, b, n) the mean of each j; (t, a, n) the share that each patch of a has in the weight of all its pairs;
        (t, b, n) the share that each patch has in the weight of its instance.
    """
    c, similarity = known.weights, known.pairs
    t, instances, n = c.shape
    pairs = c[..., :, None] * c[..., None, :]
    pairs.diagonal(dim1=2, dim2=3).zero_()
    pairs = pairs / pairs.sum((2, 3), keepdim=True).clamp(min=1e-12)
    share, told = pairs.sum(3), c / c.sum(-1, keepdim=True).clamp(min=1e-12)
    own = similarity.diagonal(dim1=0, dim2=3).permute(3, 0, 1, 2)  # [a, t, i, i']
    least = own.masked_fill(pairs.swapaxes(0, 1) == 0, torch.inf).amin(3)
    unsure = (known.most >= least[..., None]) & (c.swapaxes(0, 1) > 0)[..., None]
    unsure.diagonal(dim1=0, dim2=3).fill_(False)
    a, at, i, b = unsure.nonzero(as_tuple=True)
    lost = (own[a, at, i][:, :, None] - similarity[a, at, i, b][:, None, :]).sign_().sub_(1)  # [m, i', j]: 0, -1, -2
    of_pair = pairs[at, a, i]
    by_pair = (lost @ told[at, b][..., None])[..., 0] * of_pair
    group = (at * instances + a) * instances + b

    def with_lost(usual: torch.Tensor, by_row: torch.Tensor) -> torch.Tensor:
        lost_by = torch.zeros(t * instances * instances, n).index_add_(0, group, by_row)
        return usual + lost_by.unflatten(0, (t, instances, instances))

    by_own = share[:, :, None].repeat(1, 1, instances, 1)
    by_own[at, a, b, i] += by_pair.sum(1)
    return (
        by_own,
        with_lost(share[:, :, None], by_pair),
        with_lost(torch.ones(1), (of_pair[:, None] @ lost)[:, 0]),
        share,
        told,
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


class Overall:
    """Stretches of a measurement, in order, as one value for all their frames. Holds no frame."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._frames = 0
        self._sums: list[torch.Tensor] = []

    def add(self, measured: Separability) -> None:
        """`measured` as `separability` gives it."""
        known = ~measured.auc.isnan()
        frames, replicates = len(known), measured.replicates.shape[-1]
        weight = _frame_weights(self._frames + frames, replicates, self._seed)[self._frames :]
        seen = known.any(2).float()
        sums = [
            measured.auc.nan_to_num(0).sum(0),
            known.sum(0),
            (measured.replicates.nan_to_num(0) * weight[:, None, None]).sum(0),
            (known.float().permute(1, 2, 0) @ weight),
            (measured.count * seen).sum(0),
            seen.sum(0),
        ]
        self._sums = [one + other for one, other in zip(self._sums, sums, strict=True)] if self._sums else sums
        self._frames += frames

    def told(self) -> Separability:
        """As a measurement of one frame."""
        value, frames, again, weight, count, seen = (one[None] for one in self._sums)
        return Separability(value / frames, again / weight, count / seen.clamp(min=1))


def overall(measured: Separability, seed: int = 0) -> Separability:
    """One value for all frames, as a measurement of one frame. `measured` as `separability` gives it."""
    every = Overall(seed)
    every.add(measured)
    return every.told()


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


def _drawn_weights(places: int, replicates: int, seed: int) -> torch.Tensor:
    """(places, R) Exp(1) - 1: by how much Dirichlet weights differ from 1 before they are scaled to their sum."""
    return _drawn(places, replicates, (seed, 1), 1.0)


def _frame_weights(frames: int, replicates: int, seed: int) -> torch.Tensor:
    """(frames, R) Exp(1), of a frame the same ones however many frames there are."""
    return _drawn(1 << frames.bit_length(), replicates, (seed, 2), 0.0)[:frames]


@lru_cache(maxsize=8)
def _drawn(count: int, replicates: int, seed: tuple[int, int], less: float) -> torch.Tensor:
    drawn = np.random.default_rng(seed).exponential(size=(count, replicates))
    return torch.from_numpy(drawn.astype(np.float32) - np.float32(less))
