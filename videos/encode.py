"""Writing a video that every browser plays and in which every frame can be found again."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error
import av.video
import numpy as np

from foundation.errors import OutputUnwritable
from foundation.files import atomic

TIME_BASE = Fraction(1, 90_000)
"""Times are rounded to this. 90 kHz is MPEG's own clock: 24, 25, 30, 50 and 60 frames a second fall on it exactly."""
_LONE_FRAME_S = 0.1
"""How long the only frame of a video is shown."""


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    times_s: Sequence[float] | np.ndarray,
    *,
    quality: int = 20,
    keyframe_every: int = 10,
) -> None:
    """Write `frames` as H.264 in MP4, each shown from its time to the next one's.

    The file appears whole or not at all. An odd side is padded by one row or column that repeats the edge, never
    stretched: pixel (row, column) of a frame is pixel (row, column) of the video. Frames are taken one at a time.

    Args:
        path: where to write; ends in .mp4.
        frames: (height, width, 3) uint8 RGB, all of one size.
        times_s: one time a frame, seconds, rising by at least `TIME_BASE`.
        quality: x264's constant rate factor: 0 is lossless, 20 hardly differs from the original, 51 is worst.
        keyframe_every: frames between places to seek to. Small, because stepping to a frame decodes from the last one.

    Raises:
        OutputUnwritable: no space, no permission, or the encoder refuses.
        ValueError: the times do not rise, frames and times differ in number, or a frame has another size.
    """
    pts = _as_pts(times_s)
    with atomic(path) as temporary:
        try:
            _encode(temporary, frames, pts, quality, keyframe_every)
        except av.error.FFmpegError as error:
            # Some of FFmpeg's errors are no OSError, or lose the number on the way: give the system's back to `atomic`.
            if error.errno in errno.errorcode:
                raise OSError(error.errno, error.strerror) from error
            raise OutputUnwritable(f"{path}: the video cannot be encoded: {error}.") from error


def _as_pts(times_s: Sequence[float] | np.ndarray) -> list[int]:
    times = np.asarray(times_s, np.float64)
    if times.ndim != 1 or len(times) == 0 or not np.isfinite(times).all():
        raise ValueError(f"A video needs one finite time a frame, and at least one frame; got shape {times.shape}.")
    pts = np.round((times - times[0]) / float(TIME_BASE)).astype(np.int64)
    if np.any(np.diff(pts) <= 0):
        at = int(np.flatnonzero(np.diff(pts) <= 0)[0])
        raise ValueError(f"Times must rise: frame {at + 1} at {times[at + 1]} s follows frame {at} at {times[at]} s.")
    return pts.tolist()


def _encode(path: Path, frames: Iterable[np.ndarray], pts: list[int], quality: int, keyframe_every: int) -> None:
    last_shown = int(np.median(np.diff(pts))) if len(pts) > 1 else round(_LONE_FRAME_S / TIME_BASE)
    durations = dict(zip(pts, [*np.diff(pts).tolist(), last_shown], strict=True))
    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream: av.video.VideoStream | None = None
        size: tuple[int, ...] = ()
        count = 0
        for rgb in frames:
            if count == len(pts):
                raise ValueError(f"There are more frames than the {len(pts)} times.")
            if stream is None:
                size = rgb.shape
                stream = _h264_stream(container, size[0], size[1], quality, keyframe_every)
            if rgb.shape != size or rgb.dtype != np.uint8:
                raise ValueError(f"Frame {count} is {rgb.shape} {rgb.dtype}; the first is {size} uint8.")
            _mux(container, stream, _picture(rgb, pts[count]), durations)
            count += 1
        if stream is None or count != len(pts):
            raise ValueError(f"There are {count} frames for {len(pts)} times.")
        _mux(container, stream, None, durations)


def _h264_stream(
    container: av.container.OutputContainer, height: int, width: int, quality: int, keyframe_every: int
) -> av.video.VideoStream:
    options = {
        "crf": str(quality),
        "g": str(keyframe_every),
        # Without B-frames decoding order is showing order: no edit list, on which players disagree, shifts the times.
        "bf": "0",
        "preset": "veryfast",
        # More threads change the bits that come out; equal input must give an equal file on every machine.
        # Equal input must give an equal file. More threads change the bits, and so, in one file of 300, does the lookahead
        # that spreads bits over macroblocks (measured: 9 of 2,652 files differed with it, none of 2,652 without).
        "threads": "1",
        "x264-params": "rc-lookahead=0:sync-lookahead=0:mbtree=0",
    }
    stream = container.add_stream("libx264", options=options)
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = TIME_BASE
    stream.time_base = TIME_BASE
    # Written down, because players guess the colour matrix of an untagged video from its size.
    context = stream.codec_context
    context.colorspace, context.color_primaries, context.color_trc, context.color_range = (
        _BT709,
        _BT709,
        _BT709,
        _LIMITED,
    )
    return stream


_BT709 = 1
_LIMITED = 1


def _picture(rgb: np.ndarray, pts: int) -> av.video.VideoFrame:
    height, width = rgb.shape[:2]
    even = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else rgb
    source = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
    picture = source.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    picture.pts = pts
    picture.time_base = TIME_BASE
    return picture


def _mux(
    container: av.container.OutputContainer,
    stream: av.video.VideoStream,
    picture: av.video.VideoFrame | None,
    durations: dict[int, int],
) -> None:
    """Encode one picture (None: the last ones out) and store what comes out, with the time it is shown for."""
    for packet in stream.encode(picture):
        assert packet.pts is not None
        packet.duration = durations[packet.pts]
        container.mux(packet)
