"""The cuts that are compared, each behind the same door: features in, the embedding its makers recommend out."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from analyzer.basis import PLACES
from analyzer.colors.color_map import color_reference
from analyzer.ncut.coupling import coupled
from analyzer.ncut.dense import dense_ncut
from analyzer.ncut.embedding import coordinates, median_reach
from analyzer.ncut.kway import SegmentTree
from analyzer.ncut.landmarks import kmeans_landmarks, nearest
from analyzer.ncut.nystrom import NystromNcut
from analyzer.new_cut import new_cut
from analyzer.settings import Settings
from benchmarks.ncut_data import Take

VECTORS = 20
OURS, THEIRS = "ours", "ncut-pytorch"
EXACT, EXACT_SCALED = "exact vectors", "exact, our coordinates"
HOW_TO_GET_IT = (
    "ncut-pytorch is not installed here, so its figures are missing. Make an environment with both:\n"
    "    python -m venv .venv-bench && .venv-bench/bin/pip install -r requirements.txt ncut-pytorch==3.2.0\n"
    "    .venv-bench/bin/python -m benchmarks.ncut"
)


def peer_is_here() -> bool:
    return importlib.util.find_spec("ncut_pytorch") is not None


def ours(sigma: float | None = None, vectors: int = VECTORS) -> NystromNcut:
    """As the product runs it, or with the graph that is asked for and nothing else changed: no density balance, since
    ncut-pytorch and the definition of Normalized Cut have none."""
    if sigma is not None:
        return NystromNcut(vectors, sigma=sigma)
    return new_cut(replace(Settings(), n_eigenvectors=vectors))


def peer(x: torch.Tensor, sigma: float | None = None, vectors: int = VECTORS) -> torch.Tensor:
    """(n, k) eigenvectors of ncut-pytorch. It has no seed of its own: the global one is set."""
    from ncut_pytorch import Ncut  # type: ignore[import-not-found]

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Ncut(n_eig=vectors, sigma=sigma).fit_transform(x)


def peer_kway(vectors: torch.Tensor, segments: int) -> torch.Tensor:
    """(n,) labels by ncut-pytorch's own discretisation."""
    from ncut_pytorch import kway_ncut

    torch.manual_seed(0)
    return kway_ncut(vectors[:, :segments]).argmax(1)


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a method makes of some patches."""

    coordinates: torch.Tensor
    """(n, c), as its makers recommend for clustering."""
    kway: Callable[[int], torch.Tensor] | None
    """Number of segments -> (n,) labels by its own discretisation."""

    def own(self, clusters: Sequence[int]) -> list[list[torch.Tensor]]:
        """Numbers of clusters x 1 of (n,) labels by the method's own discretisation; empty where it has none."""
        return [[self.kway(count)] for count in clusters] if self.kway else []

    def colors(self) -> torch.Tensor:
        """(n, 3) float32 RGB, 0 … 255, by our colour map whoever made the embedding: ncut-pytorch's own need UMAP."""
        places = kmeans_landmarks(_few(self.coordinates), PLACES, iterations=5)
        mapped = color_reference(places, torch.arange(len(places)), "standard").map
        return torch.cat([mapped(part) for part in self.coordinates.split(8192)]).float()


def _few(x: torch.Tensor) -> torch.Tensor:
    """At most about 16,384 rows, evenly spread."""
    return x[:: max(1, len(x) // 16_384)]


def embed(method: str, take: Take) -> Embedding:
    """Of a whole video at once."""
    x = take.features
    if method == THEIRS:
        vectors = peer(x)
        return Embedding(vectors, lambda segments: peer_kway(vectors, segments))
    fitted = ours().fit(x)
    if method == OURS:
        placed = fitted.coordinates(_coupled(fitted, take))
        places = kmeans_landmarks(_few(placed), PLACES, iterations=5)
        at = nearest(placed, places)
        sizes = torch.bincount(at, minlength=len(places))
        return Embedding(placed, lambda segments: SegmentTree.fit(places, sizes, segments).finest[at])
    # The oracle of our own graph: same sigma, same density.
    exact, values = dense_ncut(x, VECTORS, sigma=fitted.sigma_, density=fitted.density)
    exact = exact * torch.where(exact[:, :1].sum() < 0, -1.0, 1.0)
    return Embedding(
        (coordinates(exact, values, median_reach(exact, values)) if method == EXACT_SCALED else exact).float(), None
    )


def _coupled(fitted: NystromNcut, take: Take) -> torch.Tensor:
    """(n, k) eigenvectors as an analysis has them."""
    shares = torch.cat(list(fitted.transform_shares(take.features)))
    if take.links:
        frames = shares.reshape(take.frames, *take.links[0][0].visible.shape, -1)
        shares = torch.stack(list(coupled(frames, take.links, Settings().coupling))).flatten(0, -2)
    return fitted.normalised(shares)
