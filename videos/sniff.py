"""What a file is, told from its bytes instead of its name. Stands behind every "this is not a …" message."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "an MP4 or MOV video"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
    (8, b"AVI ", "an AVI video"),
    (8, b"WAVE", "a WAV sound file"),
    (8, b"WEBP", "a WebP picture"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"PK\x03\x04", "a ZIP archive (perhaps .npz)"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"ID3", "an MP3 sound file"),
    (0, b"OggS", "an Ogg file"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself (run `git lfs pull`)"),
)


def looks_like(path: Path) -> str:
    """What `path` seems to be, as a phrase with its article: "an HDF5 file", "plain text", "an empty file", …"""
    if path.is_dir():
        return "a folder"
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        return f"unreadable ({error.strerror})"
    if not head:
        return "an empty file"
    for offset, magic, phrase in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return phrase
    try:
        # A multi-byte character may be cut at the end of the head.
        text = head[:-3].decode() if len(head) == 512 else head.decode()
    except UnicodeDecodeError:
        return "data of an unknown kind"
    return "plain text" if all(c.isprintable() or c.isspace() for c in text) else "data of an unknown kind"


def missing_bytes(path: Path) -> int:
    """How many bytes a video file lacks of the length that its own container declares; 0 where it declares none.

    FFmpeg reads a cut file as far as it goes and calls that the end, so the cut must be found in the container: the
    boxes of MP4, the segment of Matroska and WebM, the RIFF chunk of AVI.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp":
            end = _mp4_end(file, size)
        elif head[:4] == b"\x1a\x45\xdf\xa3":
            end = _matroska_end(file)
        elif head[:4] == b"RIFF" and len(head) == 12:
            end = 8 + struct.unpack("<I", head[4:8])[0]
        else:
            end = 0
    return max(0, end - size)


def _mp4_end(file: BinaryIO, size: int) -> int:
    """Where the last top-level box ends."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:  # a 64-bit length follows
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:  # reaches to the end of the file, wherever that is
            return size
        if length < 8:  # trailing bytes that are no box
            return position
        position += length
    return position


_LONGEST_EBML_HEADER = 1 << 20
"""Bytes. Real ones have some forty."""


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment ends; 0 for a live recording, which does not say."""
    file.seek(4)
    header = _ebml_length(file) or 0
    if header > _LONGEST_EBML_HEADER:  # no header: some files cannot even be sought so far
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return 0
    length = _ebml_length(file)
    return 0 if length is None else file.tell() + length


def _ebml_length(file: BinaryIO) -> int | None:
    """A variable-length integer: as many leading zero bits as further bytes; all ones means unknown."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    extra = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> extra)]) + file.read(extra), "big")
    return None if value == (1 << (7 * (extra + 1))) - 1 else value
