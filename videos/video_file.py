"""A video file as a source of frames: any frame by number, exactly, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import av.container
import av.error
import av.video
import numpy as np

from foundation.errors import EpisodeUnreadable
from videos import digest
from videos.frame import Frame, checked_indices
from videos.pts_table import PtsTable, opened, pts_table

_WORTH_A_SEEK = 12
"""Skipping fewer frames than this by decoding costs less than emptying and refilling the decoder."""


class VideoFile:
    """The video stream of one file. Making it reads the packets and the first picture, to fail early and clearly.

    Raises:
        EpisodeUnreadable: when made, or while decoding when a damaged frame is reached. A file never gives fewer
            frames than `len` says: it gives all of them or this error. Damage that still decodes goes unnoticed: video
            has no checksums.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table: PtsTable = pts_table(path)

    def __len__(self) -> int:
        return len(self._table.pts)

    @property
    def size(self) -> tuple[int, int]:
        return self._table.size

    @cached_property
    def times_s(self) -> np.ndarray:
        return self.clock_s - self.clock_s[0]

    @cached_property
    def clock_s(self) -> np.ndarray:
        """Presentation times as the file counts them, (frames,) seconds. Datasets cut shared files by this clock."""
        return self._table.seconds

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the file, for the episode's notes."""
        n = self._table.repeated
        if not n:
            return ()
        return (f"{self.path.name}: left out {n} frames that have the presentation time of the frame before them.",)

    def fingerprint(self) -> str:
        return digest.of_file(self.path)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Frame]:
        wanted = checked_indices(indices, len(self))
        with opened(self.path) as (container, stream):
            decoding: Iterator[tuple[int, av.video.VideoFrame]] = iter(())
            next_index = -1  # that `decoding` will give; none yet
            for index in wanted.tolist():
                if next_index < 0 or self._should_seek(next_index, index):
                    decoding = self._decode_from(container, stream, index)
                for position, picture in decoding:
                    if position == index:
                        yield Frame(index, float(self.times_s[index]), self._rgb(picture))
                        break
                next_index = index + 1

    def _should_seek(self, next_index: int, index: int) -> bool:
        """Whether a keyframe lies far enough ahead that jumping to it beats decoding on."""
        if index - next_index < _WORTH_A_SEEK:
            return False
        keys, pts = self._table.key_pts, self._table.pts
        nearest = np.searchsorted(keys, pts[index], side="right") - 1
        return bool(nearest >= 0 and keys[nearest] > pts[next_index])

    def _decode_from(
        self, container: av.container.InputContainer, stream: av.video.VideoStream, start: int
    ) -> Iterator[tuple[int, av.video.VideoFrame]]:
        """Decode frames `start`, `start` + 1, … to the last, each checked against the table."""
        pts = self._table.pts
        expected = start
        try:
            for picture in self._pictures_from(container, stream, start):
                if expected > start and picture.pts == pts[expected - 1]:  # one of `PtsTable.repeated`
                    continue
                if expected == len(pts):
                    return
                if picture.pts != pts[expected] or picture.is_corrupt:
                    break
                yield expected, picture
                expected += 1
        except av.error.FFmpegError as error:
            raise self._damaged(expected) from error
        if expected < len(pts):
            raise self._damaged(expected)

    def _pictures_from(
        self, container: av.container.InputContainer, stream: av.video.VideoStream, start: int
    ) -> Iterator[av.video.VideoFrame]:
        """Decoded pictures, the first of which is frame `start`."""
        wanted = int(self._table.pts[start])
        earliest = min(int(self._table.pts[0]), *self._table.key_pts[:1].tolist(), 0)
        # A seek can land behind a frame that leans on the group of pictures before (open GOP): then from the beginning.
        # So too where frames share a time: only from there is it the same one of them that comes first.
        for target in (earliest,) if self._table.repeated else (wanted, earliest):
            container.seek(target, stream=stream, backward=True)
            pictures = container.decode(stream)
            first = next((p for p in pictures if p.pts is not None and p.pts >= wanted), None)
            if first is not None and first.pts == wanted:
                return chain([first], pictures)
        raise self._damaged(start)

    def _rgb(self, picture: av.video.VideoFrame) -> np.ndarray:
        """Pixels as a player shows them: PyAV leaves rotation metadata to us."""
        rgb = np.rot90(picture.to_ndarray(format="rgb24"), k=round(picture.rotation / 90))
        if rgb.shape[:2] != self.size:
            raise EpisodeUnreadable(
                f"{self.path}: the picture size changes from {self.size} to {rgb.shape[:2]} (height, width) on the way. "
                "Cut the video where it changes, or scale it to one size."
            )
        return np.ascontiguousarray(rgb)

    def _damaged(self, index: int) -> EpisodeUnreadable:
        return EpisodeUnreadable(
            f"{self.path}: frame {index} of {len(self)} is damaged and cannot be decoded. "
            "Copy or download the file again, or cut it before that frame."
        )
