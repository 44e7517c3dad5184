"""Neighbouring frames coupled along the motion between them.

With S the average over a patch and the places that it came from and goes to, the graph W becomes S W S'. Nyström's
W ~ C A^+ C' turns into (S C) A^+ (S C)': a patch's affinities to the landmarks are averaged along its path, and with them,
since both are linear in the affinities, its numerators and its degree (`NystromNcut.transform_shares`). The landmarks
and the basis stay as they are; nothing but what one patch has alone, in one frame, is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch


class Link(NamedTuple):
    """Where the patches of one frame are found in another, on a grid of (rows, cols), for several cameras."""

    flow: torch.Tensor
    """(cameras, rows, cols, 2) float32, in patches, (column, row)."""
    visible: torch.Tensor
    """(cameras, rows, cols) bool: the patch is to be seen there."""


def coupled(
    frames: Iterable[torch.Tensor], links: Iterable[tuple[Link, Link]], strength: float
) -> Iterator[torch.Tensor]:
    """Average every frame with the one before and the one after, along the motion; three frames are held at once.

    Args:
        frames: (cameras, rows, cols, c) of each frame, in order.
        links: of each frame but the last, where its patches are in the next frame, and where those of the next are in it.
        strength: weight of each neighbour that shows the patch, next to 1 for the patch itself.

    Yields:
        As many frames of the same shape. A patch that neither neighbour shows stays as it is.
    """
    if not strength:
        yield from frames
        return
    onward = iter(links)
    behind: tuple[torch.Tensor, Link] | None = None
    now: torch.Tensor | None = None
    for following in frames:
        if now is not None:
            ahead, back = next(onward)
            yield _mean(now, behind, (following, ahead), strength)
            behind = (now, back)
        now = following
    if now is not None:
        yield _mean(now, behind, None, strength)


def _mean(
    now: torch.Tensor,
    behind: tuple[torch.Tensor, Link] | None,
    ahead: tuple[torch.Tensor, Link] | None,
    strength: float,
) -> torch.Tensor:
    total, weight = now.clone(), torch.ones_like(now[..., :1])
    for neighbour in (behind, ahead):
        if neighbour is not None:
            frame, link = neighbour
            share = strength * link.visible[..., None].to(now)
            total += share * followed(frame, link.flow.to(now))
            weight += share
    return total / weight


def followed(frame: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """(cameras, rows, cols, c) read where (cameras, rows, cols, 2) `flow` leads, between patches bilinearly."""
    rows, cols = frame.shape[1:3]
    y, x = torch.meshgrid(torch.arange(rows).to(flow), torch.arange(cols).to(flow), indexing="ij")
    at = torch.stack([(x + flow[..., 0] + 0.5) / cols, (y + flow[..., 1] + 0.5) / rows], dim=-1) * 2 - 1
    sampled = torch.nn.functional.grid_sample(
        frame.permute(0, 3, 1, 2), at, mode="bilinear", padding_mode="border", align_corners=False
    )
    return sampled.permute(0, 2, 3, 1)
