"""A flat colour for each segment: as different from all others as a screen allows, and near what the segment's patches show."""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
import torch

from analyzer.colors.oklab import DEFICIENCIES, seen_with, srgb_to_oklab
from analyzer.ncut.assignment import best_pairing

_LIGHTNESS = {"standard": (0.42, 0.93), "colour-blind safe": (0.25, 0.97)}
_LEVELS = 18
"""Steps of each channel among which colours are looked for."""
_BLOCKS = (8, 16, 24, 32, 48, 64)
"""Ids below the first number get the most different colours, and so on: few segments look more different than many."""


@functools.cache
def distinct_colors(count: int, palette: str) -> np.ndarray:
    """(count, 3) uint8 sRGB, each as far as possible from all before it (farthest-point sampling, Gonzalez 1985).

    Far is measured in OKLab; for the colour-blind safe palette it is the least of how a normal-sighted, a red-blind and
    a green-blind viewer see it.
    """
    steps = torch.linspace(0, 1, _LEVELS)
    rgb = (torch.cartesian_prod(steps, steps, steps) * 255).round() / 255
    views = [srgb_to_oklab(rgb)]
    low, high = _LIGHTNESS[palette]
    shown = (views[0][:, 0] >= low) & (views[0][:, 0] <= high)
    if palette != "standard":
        views += [srgb_to_oklab(seen_with(rgb, deficiency)) for deficiency in DEFICIENCIES]
    rgb, views = rgb[shown], [view[shown] for view in views]
    # The first is the one furthest from grey.
    chosen = [int(views[0][:, 1:].norm(dim=1).argmax())]
    nearest = torch.full((len(rgb),), torch.inf)
    while len(chosen) < count:
        gap = torch.stack([(view - view[chosen[-1]]).norm(dim=1) for view in views]).amin(0)
        nearest = torch.minimum(nearest, gap)
        chosen.append(int(nearest.argmax()))
    return (rgb[chosen] * 255).round().to(torch.uint8).numpy()


def segment_palette(lab: torch.Tensor, palette: str) -> list[tuple[int, int, int]]:
    """RGB of every id, from the (ids, 3) mean OKLab colour of its patches, which it resembles as far as others allow."""
    wanted = lab.detach().cpu().double()
    count = len(wanted)
    colors = distinct_colors(count, palette)
    there = srgb_to_oklab(torch.from_numpy(colors).double() / 255)
    cost = torch.cdist(wanted, there).square().numpy()
    result = np.empty_like(colors)
    for start, stop in pairwise((0, *(block for block in _BLOCKS if block < count), count)):
        column = best_pairing(-cost[start:stop, start:stop])
        result[start:stop] = colors[start + column]
    return [(int(r), int(g), int(b)) for r, g, b in result]
