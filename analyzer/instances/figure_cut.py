"""The Normalized Cut that instances are found in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch

from analyzer.ncut.coupling import Link, coupled
from analyzer.ncut.embedding import coordinates
from analyzer.ncut.nystrom import NystromNcut
from analyzer.new_cut import new_cut
from analyzer.settings import Settings

MEAN_AFFINITY, DENSITY = 0.2, 0.25
"""A wider graph than the one that is shown (`Settings.mean_affinity`), its density balanced. What is shown, and what confusion
is measured in, has to tell things apart; here the large stretches that things lie on have to hang together."""
FARTHEST = 6e4
"""What float16 holds. A patch unlike all others may lie farther, and is as far for anyone who looks."""


def figure_cut(chunks: Iterable[np.ndarray], settings: Settings) -> NystromNcut:
    """Learn a site's from (n, C) chunks, which are read once."""
    return new_cut(replace(settings, mean_affinity=MEAN_AFFINITY, density=DENSITY)).fit(chunks)


def figure_frames(
    cut: NystromNcut,
    chunks: Iterable[np.ndarray],
    shape: tuple[int, ...],
    links: Iterable[tuple[Link, Link]],
    settings: Settings,
) -> Iterator[np.ndarray]:
    """Frame by frame the (cameras, rows, cols, k - 1) float16 coordinates of a site's (n, C) chunks, coupled along `links`.

    Of any length: how alone a patch is, which is bounded where things are compared, says that it is no ground.
    """
    each = (
        frame
        for chunk in chunks
        for frame in torch.cat(list(cut.transform_shares(chunk))).reshape(-1, *shape, cut.n_eigenvectors + 1)
    )
    for shares in coupled(each, iter(links), settings.coupling):
        placed = coordinates(cut.normalised(shares.flatten(0, -2)), cut.eigenvalues_).clamp(-FARTHEST, FARTHEST)
        yield placed.half().cpu().numpy().reshape(*shape, -1)
