"""When each frame of a video file is shown: read from its packets, without decoding where the codec allows it.

Time is never computed as index / fps. On a variable-frame-rate clip that is wrong for nearly every frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import av
import av.container
import av.error
import av.video
import numpy as np
from av.stream import Disposition

from foundation.errors import EpisodeUnreadable
from videos.sniff import looks_like, missing_bytes

_ONE_PACKET_A_FRAME = frozenset({"h264", "hevc", "vp9", "av1", "mjpeg", "png", "ffv1"})
"""Codecs that, in a container that keeps presentation times, give exactly one shown frame for every packet. VP8 has
packets that are never shown and MPEG-4 may put two frames in one: their frames are counted by decoding."""
_KEEPS_PTS = frozenset({"mov", "mp4", "matroska", "webm", "mpegts"})
_PLAIN_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,wav,mp3,aac,flac"


@dataclass(frozen=True, eq=False)
class PtsTable:
    """The frames that decoding a file will give, in order of presentation."""

    pts: np.ndarray
    """(frames,) int64, strictly rising, in units of `time_base`."""
    key_pts: np.ndarray
    """(keyframes,) int64, rising: where decoding may start."""
    time_base: Fraction
    """Seconds a unit."""
    size: tuple[int, int]
    """(height, width) of the first frame as it is shown, after rotation."""
    repeated: int
    """Frames left out because they have the same presentation time as the frame before them: no player shows both."""

    @property
    def seconds(self) -> np.ndarray:
        """Presentation times on the file's own clock, (frames,) float64; the first need not be 0."""
        # Exact integers until one division: multiplying by a rounded time base would drift.
        return self.pts * self.time_base.numerator / self.time_base.denominator


def pts_table(path: Path) -> PtsTable:
    """Read the table of `path`, and its first frame for the size. Remembered for as long as the file does not change.

    Raises:
        EpisodeUnreadable: not a video, cut short, without a video stream, or without presentation times.
    """
    try:
        status = path.stat()
        # Episodes of one dataset share files: a table is made once for all of them.
        return _pts_table(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise EpisodeUnreadable(f"{path}: cannot be opened ({error.strerror}). Is the path right?") from error


@lru_cache(maxsize=64)
def _pts_table(path: Path, size: int, mtime_ns: int) -> PtsTable:
    if size == 0:
        raise EpisodeUnreadable(f"{path}: the file is empty (0 bytes). Was the recording stopped before it was saved?")
    if missing := missing_bytes(path):
        raise EpisodeUnreadable(
            f"{path}: the file is cut short: {missing} of {size + missing} bytes are missing. Copy or download it again."
        )
    pts, key_pts, time_base = _packet_pts(path)
    with opened(path) as (container, stream):
        first = next(container.decode(stream), None)
    if first is None:
        raise EpisodeUnreadable(f"{path}: the video stream holds no frame that can be decoded.")
    # A clip cut out of a longer video may begin with frames that lean on what was cut away: the decoder drops them.
    if pts is None or first.pts != min(pts, default=None):
        pts = _decoded_pts(path)
    turned = round(first.rotation / 90) % 2 == 1
    unique = np.unique(np.array(pts, np.int64))
    return PtsTable(
        pts=unique,
        key_pts=np.unique(np.array(key_pts, np.int64)),
        time_base=time_base,
        size=(first.width, first.height) if turned else (first.height, first.width),
        repeated=len(pts) - len(unique),
    )


def _packet_pts(path: Path) -> tuple[list[int] | None, list[int], Fraction]:
    """Times of the packets to be shown (None: they do not tell those of the frames), of keyframes, and their unit."""
    shown: list[int | None] = []
    keys: list[int] = []
    with opened(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size == 0:  # what PyAV gives at the end of the file
                continue
            if packet.is_keyframe and packet.pts is not None:
                keys.append(packet.pts)
            if not packet.is_discard:  # an edit list has these thrown away after decoding
                shown.append(packet.pts)
        time_base = stream.time_base or Fraction(1, av.time_base)
        keeps_pts = not _KEEPS_PTS.isdisjoint(container.format.name.split(","))
        trusted = keeps_pts and stream.codec.canonical_name in _ONE_PACKET_A_FRAME
    known = [pts for pts in shown if pts is not None]
    return (known if trusted and len(known) == len(shown) else None), keys, time_base


def _decoded_pts(path: Path) -> list[int]:
    """The slow truth: presentation times of every frame that decoding gives."""
    with opened(path) as (container, stream):
        pts = [frame.pts for frame in container.decode(stream)]
    known = [value for value in pts if value is not None]
    if len(known) < len(pts) or any(later < earlier for earlier, later in pairwise(known)):
        raise EpisodeUnreadable(
            f"{path}: the file does not say when its frames are shown (as raw H.264 and some AVI files). "
            "Write it anew with times, e.g. `ffmpeg -i in.avi -c:v libx264 out.mp4`."
        )
    return known


@contextmanager
def opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.video.VideoStream]]:
    """Open a video file and give its container and video stream; FFmpeg's refusals become EpisodeUnreadable."""
    try:
        # Playlist formats could make FFmpeg open other files or addresses: only plain containers, only this file.
        # "file:", because FFmpeg would take the beginning of "take:1.mp4" for a protocol.
        with av.open(
            f"file:{path}", options={"format_whitelist": _PLAIN_CONTAINERS, "protocol_whitelist": "file"}
        ) as container:
            stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
            if stream is None:
                raise EpisodeUnreadable(
                    f"{path}: no video stream (found: {_listed(container)}). Is this the right file?"
                )
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = 2
            yield container, stream
    except av.error.FFmpegError as error:
        raise EpisodeUnreadable(
            f"{path}: cannot be read as a video ({error.strerror or error}). The file looks like {looks_like(path)}. "
            "A video is an .mp4, .mov, .mkv, .webm or .avi with H.264, HEVC, VP9 or AV1; is it damaged or misnamed?"
        ) from error


def _listed(container: av.container.InputContainer) -> str:
    """The streams of a file in words, e.g. "1 audio stream"."""
    counts: dict[str, int] = {}
    for stream in container.streams:
        kind = "cover picture" if stream.disposition & Disposition.attached_pic else f"{stream.type} stream"
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items()) or "no stream"
