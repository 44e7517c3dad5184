"""How good a cut is, held against an answer that is known: exact eigenvectors, or which patch belongs to what."""

from __future__ import annotations

import torch


def principal_angles(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n, k), (n, k) -> (k,) angles in degrees between the spaces the columns span, rising: 0 is the same space.

    Sines are used where cosines are too flat to tell small angles (Björck & Golub 1973).
    """
    qa, _ = torch.linalg.qr(a.double())
    qb, _ = torch.linalg.qr(b.double())
    overlap = qa.T @ qb
    cosine = torch.linalg.svdvals(overlap).clamp(max=1.0)
    sine = torch.linalg.svdvals(qb - qa @ overlap).flip(0).clamp(max=1.0)
    return torch.rad2deg(torch.where(cosine > 0.7, sine.asin(), cosine.acos()))


def adjusted_rand_index(labels: torch.Tensor, truth: torch.Tensor) -> float:
    """Agreement of two labellings, whatever their numbers are called (Hubert & Arabie 1985).

    Over all pairs of patches: (pairs put together by both - expected by chance) / (most possible - expected by chance).
    1: the same grouping; 0: no better than chance; it can fall to about -0.5. Large groups hold most pairs, so this
    speaks of the table more than of the bowl; for the bowl see `best_match_iou`.

    Args:
        labels, truth: (n,) whole numbers from 0.
    """
    table = contingency(labels, truth).double()

    def pairs(count: torch.Tensor) -> torch.Tensor:
        return (count * (count - 1)).sum() / 2

    together, by_labels, by_truth = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    expected = by_labels * by_truth / pairs(table.sum()).clamp(min=1.0)
    most = (by_labels + by_truth) / 2
    # Both all in one group, or both all apart: there is nothing to disagree about.
    return 1.0 if float(most - expected) <= 0.0 else float((together - expected) / (most - expected))


def best_match_iou(labels: torch.Tensor, truth: torch.Tensor, min_size: int = 1) -> torch.Tensor:
    """How well some one segment covers each true object: (objects,) intersection over union, 0 … 1.

    1: there is a segment that is exactly the object; 0.5: half of the two together is shared. Over a whole video it
    asks for the same segment in every frame. Every object counts the same, small or large.

    Args:
        labels, truth: (n,) whole numbers from 0.
        min_size: objects of fewer patches are left out.
    """
    table = contingency(labels, truth).double()
    size = table.sum(0)
    union = table.sum(1, keepdim=True) + size - table
    iou = (table / union.clamp(min=1.0)).amax(0)
    return iou[size >= max(1, min_size)]


def largest_share(labels: torch.Tensor) -> float:
    """Share of the patches that lie in the largest segment, 0 … 1. Near 1 one segment has swallowed the scene, and any
    other figure of steadiness is worth nothing: what never changes never flickers."""
    return float(torch.bincount(labels.flatten().long()).max()) / labels.numel()


def contingency(labels: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """(n,), (n,) whole numbers from 0 -> (segments, objects) how many patches have each pair of numbers."""
    if labels.shape != truth.shape:
        raise ValueError(f"Two labellings of the same patches are needed; got {labels.shape} and {truth.shape}.")
    labels, truth = labels.flatten().long(), truth.flatten().long()
    columns = int(truth.max()) + 1
    rows = int(labels.max()) + 1
    return torch.bincount(labels * columns + truth, minlength=rows * columns).reshape(rows, columns)
