"""What every policy checks before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from foundation.errors import BadInput, did_you_mean, quoted
from policies.transform import ImageTransform


def check_sites(sites: Iterable[str], known: Iterable[str]) -> None:
    """Raise BadInput for the first of `sites` that is not among `known`."""
    names = list(known)
    for site in sites:
        if site not in names:
            raise BadInput(f"There is no site {quoted(site)}.{did_you_mean(site, names)}")


def check_frames(frames: Sequence[np.ndarray], cameras: int) -> None:
    """Raise BadInput unless these are B x [cameras, H, W, 3] uint8, and at least one."""
    if len(frames) == 0:
        raise BadInput("There are no frames to run.")
    for frame in frames:
        if frame.ndim != 4 or frame.shape[0] != cameras or frame.shape[3] != 3 or frame.dtype != np.uint8:
            raise BadInput(
                f"This policy takes frames of ({cameras} cameras, height, width, 3) uint8; "
                f"got {frame.shape} {frame.dtype}."
            )


def stack_pixels(transform: ImageTransform, frames: Sequence[np.ndarray], cameras: int) -> torch.Tensor:
    """B x [cameras, H, W, 3] uint8 -> [B, cameras, channels, height, width] float32, as the model wants it."""
    check_frames(frames, cameras)
    return torch.stack([torch.stack([transform.pixels(view) for view in frame]) for frame in frames])
