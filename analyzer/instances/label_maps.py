"""Label maps of a whole episode in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np


@dataclass(frozen=True)
class LabelMaps:
    """Who each pixel of one camera belongs to, frame by frame: compressed, since maps are large and mostly flat.

    A map of 256 x 256 pixels takes about a kilobyte. Equal maps give equal bytes.
    """

    pngs: tuple[bytes, ...]
    """Of each analysed frame, an 8-bit grey PNG in the recording's own size; values are instance ids, 0: nobody."""

    @classmethod
    def compress(cls, maps: Iterable[np.ndarray]) -> Self:
        """(height, width) uint8 maps, one at a time."""
        return cls(tuple(to_png(one) for one in maps))

    def __len__(self) -> int:
        return len(self.pngs)

    def __getitem__(self, frame: int) -> np.ndarray:
        """(height, width) uint8."""
        return from_png(self.pngs[frame])

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(from_png, self.pngs)


def to_png(label_map: np.ndarray) -> bytes:
    """(height, width) uint8 -> PNG."""
    if label_map.ndim != 2 or label_map.dtype != np.uint8 or not label_map.size:
        raise ValueError(f"a label map is (height, width) uint8; got {label_map.shape} {label_map.dtype}")
    # The level is named because the library's default may change from one version to the next.
    return bytes(cv2.imencode(".png", label_map, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1])


def from_png(png: bytes) -> np.ndarray:
    """PNG -> (height, width) uint8."""
    label_map = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    if label_map is None:
        raise ValueError("not a PNG of a label map")
    return np.asarray(label_map)
