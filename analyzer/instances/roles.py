"""What part an instance plays, from how it lies in the picture."""

from __future__ import annotations

import numpy as np

LARGE = 0.08
"""Share of the picture from which on a thing is what others stand on or in."""
ALONG_EDGE = 0.12
"""Share of the picture's edge from which on a thing goes on outside of it."""


def role_of_shape(mask: np.ndarray) -> str:
    """ "surroundings" for what is large or runs along the edge of the picture, else "object".

    Args:
        mask: (height, width) bool: where it usually is.
    """
    edge = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    return "surroundings" if mask.mean() > LARGE or edge.mean() > ALONG_EDGE else "object"
