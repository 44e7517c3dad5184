"""Crops and colours, so that few pictures look like many."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image

from training.settings import Settings


@dataclass(frozen=True, eq=False)
class View:
    """One picture as it is shown in training."""

    rgb: np.ndarray
    """(side, side, 3) uint8"""
    novelty: np.ndarray
    """(rows, cols) float32: how far each patch is from the median picture."""
    window: np.ndarray
    """(4,) float32 left, top, width, height of what is shown, as shares of the recording; may reach beyond it."""


def view(frame: np.ndarray, median: np.ndarray, settings: Settings, generator: np.random.Generator) -> View:
    """A random crop of `frame` in random colours; a share of them plain, as in use.

    Args:
        frame: (height, width, 3) uint8.
        median: of all training frames, the same shape.
    """
    side, height, width = settings.image, *frame.shape[:2]
    difference = cv2.absdiff(frame, median).max(-1, keepdims=True)
    window = np.array([0, 0, 1, 1], np.float32)
    if generator.random() < settings.untouched:
        rgb = np.asarray(Image.fromarray(frame).resize((side, side), Image.Resampling.BICUBIC))
        changed = cv2.resize(difference, (side, side), interpolation=cv2.INTER_AREA)
    else:
        share = 1 / generator.uniform(*settings.zoom)
        corner = 0.5 - share / 2 + generator.uniform(-settings.shift, settings.shift, 2)
        window = np.array([*corner, share, share], np.float32)
        scale = share * np.array([width, height]) / side
        # pixel centres at +0.5 on both sides
        offset = corner * (width, height) + 0.5 * scale - 0.5
        matrix = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        both = cv2.warpAffine(
            np.concatenate([frame, difference], axis=-1),
            matrix,
            (side, side),
            flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        )
        rgb, changed = both[..., :3], both[..., 3]
    rows = side // settings.patch
    novelty = changed.reshape(rows, settings.patch, rows, settings.patch).mean((1, 3), dtype=np.float32)
    return View(recolour(rgb, settings.colour, generator), novelty, window)


def recolour(rgb: np.ndarray, most: float, generator: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and saturation, each changed by at most the share `most`."""
    bright, contrast, saturation = 1 + generator.uniform(-most, most, 3)
    mean = float(rgb[::4, ::4].mean()) * bright
    grey = np.array([[0.299, 0.587, 0.114]] * 3)
    mixed = contrast * bright * (saturation * np.eye(3) + (1 - saturation) * grey)
    shift = np.full((3, 1), (1 - contrast) * mean)
    return cv2.transform(rgb, np.concatenate([mixed, shift], axis=1))


def keep(novelty: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """(count,) int64, rising: patches to look at; three quarters the newest, the others at random."""
    flat = novelty.ravel()
    if count >= flat.size:
        return np.arange(flat.size)
    order = np.argsort(-flat, kind="stable")
    newest = 3 * count // 4
    others = generator.permutation(order[newest:])[: count - newest]
    return np.sort(np.concatenate([order[:newest], others]))


def teacher_at(features: torch.Tensor, window: torch.Tensor, rows: int) -> torch.Tensor:
    """The teacher's features under a crop.

    Args:
        features: [B, R, R, C] of whole pictures, R at least `rows`.
        window: [B, 4], as in `View`.

    Returns:
        [B, rows * rows, C] float32 at the centres of the crop's patches, mean of the 2 x 2 cells around each.
    """
    grid = features.shape[1]
    smooth = torch.nn.functional.avg_pool2d(features.float().permute(0, 3, 1, 2), 2, 1)
    centres = (torch.arange(rows, dtype=torch.float32) + 0.5) / rows
    x = window[:, 0, None] + window[:, 2, None] * centres
    y = window[:, 1, None] + window[:, 3, None] * centres
    # cell i of `smooth` lies at (i + 1) / grid of the picture
    x, y = ((place * grid - 1) / (grid - 2) * 2 - 1 for place in (x, y))
    places = torch.stack([x[:, None, :].expand(-1, rows, -1), y[:, :, None].expand(-1, -1, rows)], dim=-1)
    sampled = torch.nn.functional.grid_sample(smooth, places, align_corners=True, padding_mode="border")
    return sampled.flatten(2).transpose(1, 2)
