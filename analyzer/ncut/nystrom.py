"""Normalized Cut of millions of patches through a few hundred landmarks.

The graph of n patches has n^2 weights W. Nyström's method (Fowlkes, Belongie, Chung & Malik 2004) replaces them by what
m landmarks see of them,

    W ~ C A^+ C',   C = affinity of patches and landmarks (n, m),   A = affinity of landmarks among themselves (m, m),

which is never formed: everything below costs O(n m) time and, read block by block, O(m^2) memory. See docs/method.md.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from typing import Any, Self, overload

import numpy as np
import torch

from analyzer.ncut import affinity as affinities
from analyzer.ncut import landmarks as landmark_choice
from analyzer.ncut import live, rows
from analyzer.ncut.embedding import coordinates, median_reach

LANDMARKS, LANDMARKS_OF_A_SAMPLE = 512, 256
"""Where all rows are looked at, and where a sample of them is. What chance brings into a sample is larger than what the
other half of the landmarks (and all axes but `landmarks.LEAST_AXES`) would add: angles to the exact vectors of 6,400 rows
of DINOv2 features, of which 2,048 were sampled, are 1.5 to 9 degrees with either, and differ by .1 (.4 in one case)."""
MOST_LANDMARKS = 1024
FAINTEST = -86.0
"""Binary logarithm of an affinity that is as good as none. Below -126 floats are denormal, and products take ten times as
long."""
STRIP = 128
"""Columns of a symmetric product that are found at once."""
WIDTH = 16
"""A product as wide as a multiple of this takes two thirds of the time of one of 22 columns (measured, AVX2)."""


class NystromNcut:
    """Leading eigenvectors of D^-1/2 W D^-1/2 for any number of patches, with the conventions of scikit-learn.

    `fit` looks at a sample of all rows; `transform` places any rows in the fitted basis, each by itself, in one pass.
    So all frames of a video, or of a batch of episodes, share one basis, and `fit_transform(x)` is
    `fit(x).transform(x)`. Equal input and seed give equal output; global random state is left alone.

    Args:
        n_eigenvectors: k, how many; the first is the trivial one, with eigenvalue 1.
        n_landmarks: m; fewer are used where the sample has fewer different rows. None: 256 where there are more than
            `n_sample` rows, else 512, or up to 1024 where these see too little of a narrow affinity.
        affinity: "rbf", or "cosine" (rows are scaled to length 1 first).
        sigma: scale of the affinity, in units of the features; None: from `mean_affinity`.
        mean_affinity: where `sigma` is None: how alike two patches are on average, in (0, 1).
        density: 0 leaves the graph as it is; 1 divides out how densely patches lie (Coifman & Lafon 2006, alpha), so
            that the table's thousand patches do not outweigh the bowl's ten.
        n_sample: how many rows `fit` looks at.
        n_projection: at most so many directions of largest variance in which landmarks may lie; those along which
            patches hardly differ, next to sigma, are left out, and where there are more than `n_sample` rows all but
            63. What lies across them is not lost: it counts in every distance to a landmark.
        seed: of the sample; matters only where there are more than `n_sample` rows.
        device: "cpu", "cuda", …

    Attributes:
        sigma_: the scale used.
        eigenvalues_: (k,) float64 in [0, 1], falling, of the sample's graph.
        landmarks_: (m, d) float32 landmark positions in feature space.
        embedding_: (s, k) float32 eigenvectors of the sampled rows.
        degree_: (s,) degrees of the sampled rows, as a share of the sample: mean affinity to all.
        reach_: how long `coordinates` are at most, before a live basis scales them.
        captured_: share of the sample's own affinity (trace of W) that the landmarks see, in [0, 1].
        n_features_in_: d.
        drift_: after `partial_fit`: bound on how far its changes of basis together have moved what was seen before, next
            to how far patches lie apart.
    """

    sigma_: float
    eigenvalues_: torch.Tensor
    landmarks_: torch.Tensor
    embedding_: torch.Tensor
    degree_: torch.Tensor
    reach_: float
    captured_: float
    n_features_in_: int
    drift_: float
    _to_known: torch.Tensor | None
    """What brings a live basis in line with what it was before; None: nothing to."""

    def __init__(
        self,
        n_eigenvectors: int = 20,
        *,
        n_landmarks: int | None = None,
        affinity: str = "rbf",
        sigma: float | None = None,
        mean_affinity: float = 0.5,
        density: float = 0.0,
        n_sample: int = 16_384,
        n_projection: int = 128,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.n_eigenvectors = n_eigenvectors
        self.n_landmarks = n_landmarks
        self.affinity = affinity
        self.sigma = sigma
        self.mean_affinity = mean_affinity
        self.density = density
        self.n_sample = n_sample
        self.n_projection = n_projection
        self.seed = seed
        self.device = device

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments, as scikit-learn asks for them."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"NystromNcut has no parameter {name!r}; it has {', '.join(self.get_params())}.")
            setattr(self, name, value)
        return self

    def fit(self, x: rows.Features, y: object = None) -> Self:
        """Learn the basis from a sample of `x`: (n, d) tensor, array or memmap, or an iterable of such chunks.

        Raises:
            ValueError: fewer than 2 rows, NaN or infinity, or more eigenvectors than landmarks.
        """
        self._check_parameters()
        device = torch.device(self.device)
        with torch.inference_mode():
            sampled = rows.sample(x, self.n_sample, self.seed, device)
            if len(sampled) < 2:
                raise ValueError(f"Normalized Cut needs at least 2 patches; got {len(sampled)}.")
            self._fit(sampled, self.sigma)
        for left in ("_live", "drift_"):
            self.__dict__.pop(left, None)
        return self

    def partial_fit(self, x: rows.Array, y: object = None) -> Self:
        """Take in the patches of the next frame of a live source, (b, d); `transform` them afterwards.

        The basis is fitted anew each time twice as much has been seen, and when something new comes into view: about ten
        times in a thousand frames. `coordinates` are then turned and scaled so that patches seen before keep theirs as
        far as that can be had (Procrustes); the eigenvectors are those of the graph as it was last fitted. `drift_` sums
        how far the changes moved coordinates, and bounds what all of them together can have moved. What has been shown
        is never revised: for a recording use `fit`, which looks at all of it.
        """
        self._check_parameters()
        with torch.inference_mode():
            block = next(rows.blocks(x, torch.device(self.device), rows=max(1, len(x))))
            if not bool(torch.isfinite(block).all()):
                raise ValueError("Some patches hold NaN or infinity; features must be finite.")
            if not hasattr(self, "_live"):
                self._live = live.LiveSample(self.n_sample, self.seed)
                self.drift_ = 0.0
            sampled = self._live
            foreign = self._foreign(block) if sampled.fitted_at else None
            sampled.add(block, foreign)
            if sampled.seen >= 2 and sampled.wants_fit(0.0 if foreign is None else float(foreign.float().mean())):
                self._refit(sampled)
        return self

    def _refit(self, sampled: live.LiveSample) -> None:
        if not sampled.fitted_at:
            self._fit(rows.held(sampled), self.sigma)
        else:
            before = self.coordinates(self.transform(sampled.rows))
            # The scale follows the source until the sample is full; from then on it would only move what is known.
            scale = self.sigma_ if sampled.fitted_at >= sampled.size else self.sigma
            self._fit(rows.held(sampled), scale)
            now = self.coordinates(self.embedding_)
            self._to_known = live.aligning_map(now, before)
            self.drift_ += live.relative_change(now @ self._to_known, before)
        sampled.fitted_at = sampled.seen

    def _foreign(self, x: torch.Tensor) -> torch.Tensor:
        """(b,) whether the landmarks see less of a patch than of nearly all patches the basis was fitted on."""
        return (self._affinity(x) @ self._whiten).square().sum(1) < self._least_seen

    @overload
    def transform(self, x: torch.Tensor) -> torch.Tensor: ...
    @overload
    def transform(self, x: np.ndarray) -> np.ndarray: ...
    def transform(self, x: rows.Array) -> rows.Array:
        """Place rows in the fitted basis.

        Returns:
            (n, k) float32 eigenvectors, of the kind (tensor or array) that came in; each has mean square 1 over the
            fitted sample, whatever n is, and a sign that depends on the data alone.
        """
        if not rows.is_array(x):
            raise TypeError("transform takes a tensor or an array; for chunks use transform_chunks.")
        out = torch.empty(len(x), self.n_eigenvectors, device=self._device())
        start = 0
        for block in self.transform_chunks(x):
            out[start : start + len(block)] = block
            start += len(block)
        if not bool(torch.isfinite(out.sum())) and not bool(torch.isfinite(out).all()):
            raise ValueError("Some patches hold NaN or infinity; features must be finite.")
        return out.to(x.device) if isinstance(x, torch.Tensor) else out.cpu().numpy()

    def transform_chunks(self, x: rows.Features) -> Iterator[torch.Tensor]:
        """Like `transform`, block by block: memory does not grow with n. Yields (b, k) float32 on the device.

        NaN and infinity come through as NaN: on a GPU looking for them would stop the loop at every block.
        """
        return map(self.normalised, self.transform_shares(x))

    def transform_shares(self, x: rows.Features) -> Iterator[torch.Tensor]:
        """What `transform` is about to divide: yields (b, k + 1) float32, the k numerators and the degree.

        All of them are linear in a patch's affinities, so their mean over several patches is what a patch with the mean
        of those affinities would have: that is how frames are coupled (`coupling.coupled`). `normalised` takes them on.
        """
        device = self._device()
        for block in rows.blocks(x, device):
            with torch.inference_mode():
                if block.shape[1] != self.n_features_in_:
                    raise ValueError(f"The basis was fitted on {self.n_features_in_} channels; got {block.shape[1]}.")
                shares = self._shares(self._affinity(block))
            yield shares

    def normalised(self, shares: torch.Tensor) -> torch.Tensor:
        """(…, k + 1) numerators and degree -> (…, k) eigenvectors."""
        return shares[..., :-1] * shares[..., -1:].clamp(min=self._floor).rsqrt()

    @overload
    def fit_transform(self, x: torch.Tensor, y: object = None) -> torch.Tensor: ...
    @overload
    def fit_transform(self, x: np.ndarray, y: object = None) -> np.ndarray: ...
    def fit_transform(self, x: rows.Array, y: object = None) -> rows.Array:
        return self.fit(x).transform(x)

    def coordinates(self, eigenvectors: torch.Tensor) -> torch.Tensor:
        """(n, k) tensor of `transform` -> (n, k - 1) positions whose distances say who belongs together: see
        `embedding.coordinates`. None is farther than `reach_` from 0 (in a live basis: scaled as all are)."""
        self._device()
        placed = coordinates(eigenvectors, self.eigenvalues_, self.reach_)
        return placed if self._to_known is None else placed @ self._to_known.to(placed)

    # -- the mathematics ---------------------------------------------------------------------------------------------

    def _fit(self, sampled: rows.Sample, sigma: float | None) -> None:
        self.n_features_in_ = sampled.source.shape[1]
        self._to_known = None
        few = sampled.spread(landmark_choice.rows_for_axes(self.n_features_in_))
        _check_finite(few, sampled)
        self._unit = _unit_of(few) if self.affinity == "rbf" else 1.0
        few = self._prepared(few)
        self._mean = few.double().mean(0).float()
        self._scale = (
            float(sigma) / self._unit
            if sigma is not None
            else affinities.scale_for_mean_affinity(
                few[torch.from_numpy(landmark_choice.spread_indices(len(few), 1024)).to(few.device)], self.mean_affinity
            )
        )
        self.sigma_ = self._scale * self._unit
        most = self.n_projection if sampled.whole else min(self.n_projection, landmark_choice.LEAST_AXES)
        self._axes = landmark_choice.principal_axes(few - self._mean, most, 3e-4 * self._scale**2)
        # Centring costs a pass over all channels. Unless the mean is large, next to which distances would drown in
        # rounding, it is left to the product with the axes, which is taken of the mean, too.
        variance = float((few - self._mean).square().sum(1).mean())
        self._mean_square = float(self._mean.double().square().sum())
        self._centre_first = self._mean_square > 4.0 * variance
        last = torch.zeros_like(self._mean) if self._centre_first else self._mean
        self._to_projection = torch.cat([self._axes, last[:, None]], dim=1)
        mean_on_axes = torch.zeros_like(self._axes[0]) if self._centre_first else self._mean @ self._axes
        projected = [self._project(self._prepared(part)) for part in sampled.blocks()]
        _check_finite(torch.cat([part[:, -1] for part in projected]), sampled)
        wanted = self.n_landmarks or max(LANDMARKS if sampled.whole else LANDMARKS_OF_A_SAMPLE, self.n_eigenvectors)
        while True:
            self._place_landmarks(sampled, wanted, mean_on_axes)
            self._solve([self._affinity_to_landmarks(part) for part in projected])
            # Where the last eigenvalue is still large and much affinity goes unseen, the graph is made of more small
            # groups than there are landmarks to stand for them. In a sample their number is left to chance anyway.
            narrow = sampled.whole and self.captured_ < 0.8 and float(self.eigenvalues_[-1]) > 0.05
            if self.n_landmarks is not None or not narrow or 2 * wanted > min(MOST_LANDMARKS, len(sampled)):
                break
            wanted *= 2

    def _place_landmarks(self, sampled: rows.Sample, wanted: int, mean_on_axes: torch.Tensor) -> None:
        # In float64, so that no rounding (which the number of threads changes) decides which landmark a patch is near.
        few = sampled.spread(landmark_choice.ROWS_A_LANDMARK * wanted).split(rows.BLOCK)
        exact = torch.cat([self._project(self._prepared(part.double())) for part in few])
        centres = landmark_choice.kmeans_landmarks(exact[:, :-1] - mean_on_axes.double(), wanted, iterations=3)
        self._centres = centres.float()
        self.landmarks_ = (self._centres @ self._axes.T + self._mean) * self._unit
        # Binary exponentials take half the time of natural ones.
        per = math.log2(math.e) / self._scale**2
        slope = torch.cat([self._centres, torch.full_like(self._centres[:, :1], -0.5)], dim=1).T
        self._slope = (slope * per).contiguous()
        self._offset = -per * (0.5 * self._centres.square().sum(1) + self._centres @ mean_on_axes)

    def _prepared(self, x: torch.Tensor) -> torch.Tensor:
        if self.affinity == "cosine":
            return affinities.unit_rows(x)
        return x if self._unit == 1.0 else x / self._unit

    def _project(self, x: torch.Tensor) -> torch.Tensor:
        """(b, d) rows -> (b, p + 1): coordinates on the axes, and the squared distance from the mean over all d channels."""
        if self._centre_first:
            x = x - self._mean.to(x.dtype)
        projected = x @ self._to_projection.to(x.dtype)
        energy = torch.linalg.vector_norm(x, dim=1).square_()
        if not self._centre_first:
            energy += self._mean_square - 2 * projected[:, -1]
        projected[:, -1] = energy
        return projected

    def _affinity_to_landmarks(self, projected: torch.Tensor) -> torch.Tensor:
        """C, (b, m). Landmarks lie in the span of the axes, so |x - l|^2 = |x|^2 - 2 x'l + |l|^2 needs x there only."""
        return torch.addmm(self._offset, projected, self._slope).clamp_(FAINTEST, 0.0).exp2_()

    def _solve(self, seen: Sequence[torch.Tensor]) -> None:
        """Eigenvectors of D^-1/2 (C A^+ C') D^-1/2 as a linear map of C, given in blocks. Small matrices are float64."""
        s = sum(len(c) for c in seen)

        def mean_of_rows() -> torch.Tensor:
            """(m,) mean of the balanced rows of C."""
            return torch.stack([(self._balance_of(c)[None] @ c)[0].double() for c in seen]).sum(0) / s

        a = affinities.rbf(self._centres.double(), self._centres.double(), self._scale)
        values, vectors = torch.linalg.eigh(a)
        # C is known to about 1e-6: directions of A below that are rounding, and dividing by them would amplify it.
        kept = values > 1e-6 * values[-1]
        whiten = vectors[:, kept] * values[kept].rsqrt()  # A^+ = whiten whiten'

        def to_degree(mean: torch.Tensor) -> torch.Tensor:
            return (whiten @ (whiten.T @ mean)).float()

        self._to_balance: torch.Tensor | None = None
        if self.density:
            self._to_balance = to_degree(mean_of_rows())
        self._to_degree = to_degree(mean_of_rows())
        gram = torch.zeros(whiten.shape[1], whiten.shape[1], dtype=torch.float64, device=whiten.device)
        self._whiten = whiten.float()
        own, degrees = [], []
        for c in seen:
            z = c @ self._whiten
            own.append(torch.linalg.vector_norm(z, dim=1).square_())
            balance = self._balance_of(c)
            degrees.append((balance * (c @ self._to_degree)).clamp_(min=1e-12))
            z *= (balance * degrees[-1].rsqrt())[:, None]
            for start in range(0, gram.shape[1], STRIP):  # below the diagonal: the rest follows by symmetry
                gram[start:, start : start + STRIP] += (z[:, start:].T @ z[:, start : start + STRIP]).double()
        self.captured_ = float(torch.cat(own).mean())
        self._least_seen = live.FOREIGN_FACTOR * torch.cat(own).quantile(live.FOREIGN_QUANTILE)
        self.degree_ = torch.cat(degrees)
        self._floor = 0.1 * self.degree_.min()
        values, vectors = torch.linalg.eigh(gram / s, UPLO="L")
        k = self.n_eigenvectors
        missing = max(0, k - len(values))
        values = torch.nn.functional.pad(values.flip(0)[:k], (0, missing))
        vectors = torch.nn.functional.pad(vectors.flip(1)[:, :k], (0, missing))
        kept = values > 1e-9
        self.eigenvalues_ = values.clamp(0.0, 1.0)
        to_vectors = whiten @ torch.where(kept, vectors * values.clamp(min=1e-9).rsqrt(), 0.0)
        self._to_vectors = to_vectors.float()
        self.embedding_ = torch.cat([self._embed(c) for c in seen])
        # A sign is free; the side with the heavier tail is made positive, which depends on the data alone.
        sign = torch.where(self.embedding_.double().pow(3).sum(0) < 0, -1.0, 1.0).float()
        self._to_vectors *= sign
        self.embedding_ *= sign
        self.reach_ = median_reach(self.embedding_, self.eigenvalues_)

    def _balance_of(self, c: torch.Tensor) -> torch.Tensor:
        """(b, m) affinities -> (b,) what density divides each row by, inverted: W' = D^-a W D^-a."""
        if self._to_balance is None:
            return torch.ones_like(c[:, 0])
        return (c @ self._to_balance).clamp_(min=1e-12).pow_(-self.density)

    def _affinity(self, x: torch.Tensor) -> torch.Tensor:
        """C of (b, d) rows as they come."""
        return self._affinity_to_landmarks(self._project(self._prepared(x)))

    def _embed(self, c: torch.Tensor) -> torch.Tensor:
        """(b, m) affinities -> (b, k) eigenvectors: linear in c, over the root of the degree."""
        return self.normalised(self._shares(c))

    def _shares(self, c: torch.Tensor) -> torch.Tensor:
        """(b, m) affinities -> (b, k + 1) numerators and degree; the balance of a row is a factor of all of them."""
        maps = [self._to_vectors, self._to_degree[:, None]]
        if self._to_balance is not None:
            maps.append(self._to_balance[:, None])
        joined = torch.cat(maps, dim=1)
        shares = (c @ torch.nn.functional.pad(joined, (0, -joined.shape[1] % WIDTH)))[:, : joined.shape[1]]
        if self._to_balance is None:
            return shares
        return shares[:, :-1] * shares[:, -1:].clamp(min=1e-12).pow_(-self.density)

    # -- checks ------------------------------------------------------------------------------------------------------

    def _device(self) -> torch.device:
        if not hasattr(self, "eigenvalues_"):
            raise ValueError("This NystromNcut is not fitted yet: call fit first.")
        return torch.device(self.device)

    def _check_parameters(self) -> None:
        if self.affinity not in affinities.AFFINITIES:
            raise ValueError(f"affinity is one of {', '.join(affinities.AFFINITIES)}; got {self.affinity!r}.")
        if self.n_eigenvectors < 1:
            raise ValueError(f"n_eigenvectors is at least 1; got {self.n_eigenvectors}.")
        if self.n_landmarks is not None and self.n_eigenvectors > self.n_landmarks:
            raise ValueError(
                f"n_eigenvectors is {self.n_eigenvectors} but there are only {self.n_landmarks} landmarks: "
                f"keep at most {self.n_landmarks} eigenvectors or raise n_landmarks."
            )
        if self.sigma is not None and not self.sigma > 0:
            raise ValueError(f"sigma is above 0, or None for an automatic scale; got {self.sigma}.")
        if not 0 < self.mean_affinity < 1:
            raise ValueError(f"mean_affinity lies between 0 and 1; got {self.mean_affinity}.")
        if not 0 <= self.density <= 1:
            raise ValueError(f"density lies between 0 and 1; got {self.density}.")


def _check_finite(found: torch.Tensor, sampled: rows.Sample) -> None:
    """Refuse sampled rows that hold NaN or infinity, if `found`, which was made of them, says that some may."""
    # A sum is finite only if all its terms are, and is found four times as fast as each of them.
    if bool(torch.isfinite(found.sum())):
        return
    bad = sum(int((~torch.isfinite(block)).any(1).sum()) for block in sampled.blocks())
    if bad:
        raise ValueError(f"{bad} of {len(sampled)} sampled patches hold NaN or infinity; features must be finite.")


def _unit_of(x: torch.Tensor) -> float:
    """1, unless the features are so large or small that their squares leave float32: then a power of two near them."""
    largest = float((x - x[0]).abs().max())
    if largest == 0.0 or 1e-9 < largest < 1e9:
        return 1.0
    return 2.0 ** round(math.log2(largest))
