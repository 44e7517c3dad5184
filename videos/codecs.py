"""Which codecs this installation can read and write: the diagnosis shows it."""

from __future__ import annotations

import av.codec

DECODERS = {"H.264": "h264", "HEVC": "hevc", "VP9": "vp9", "AV1": "libdav1d", "MPEG-4": "mpeg4", "MJPEG": "mjpeg"}
ENCODERS = {"H.264": "libx264"}


def available() -> dict[str, bool]:
    """ "read H.264", …, "write H.264" -> whether it works here."""
    known = av.codec.codecs_available
    reading = {f"read {name}": codec in known for name, codec in DECODERS.items()}
    return reading | {f"write {name}": codec in known for name, codec in ENCODERS.items()}
