"""A stretch of a longer source, as a source of its own: one episode of several that share a video file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from videos import digest
from videos.episode import FrameSource
from videos.frame import Frame, checked_indices


class Clip:
    """Frames [start, stop) of `source`, numbered from 0 and timed from the first of them."""

    def __init__(self, source: FrameSource, start: int, stop: int) -> None:
        if not 0 <= start < stop <= len(source):
            raise ValueError(f"A clip lies in frames 0 to {len(source)} of its source; got [{start}, {stop}).")
        self._source = source
        self._start = start
        self._stop = stop
        self.times_s: np.ndarray = source.times_s[start:stop] - source.times_s[start]

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def size(self) -> tuple[int, int]:
        return self._source.size

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Frame]:
        wanted = checked_indices(indices, len(self)) + self._start
        for frame in self._source.frames(wanted.tolist()):
            index = frame.index - self._start
            yield Frame(index, float(self.times_s[index]), frame.rgb)

    def fingerprint(self) -> str:
        return digest.of_parts("clip", self._source.fingerprint(), self._start, self._stop)
