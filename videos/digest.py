"""Digests of recorded content. They name caches, so they follow the bytes and never the file's name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

_BLOCK = 1 << 20


def of_file(path: Path) -> str:
    """Hex digest of the bytes of `path`, read in blocks. Remembered for as long as the file does not change."""
    status = path.stat()
    return _of_file(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _of_file(path: Path, size: int, mtime_ns: int) -> str:
    digest = _new()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def of_parts(*parts: object) -> str:
    """Hex digest of several words, numbers or digests, in order; no two different lists run together."""
    digest = _new()
    for part in parts:
        text = repr(part).encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


def of_blocks(header: object, blocks: Iterable[bytes | memoryview]) -> str:
    """Hex digest of raw data in blocks, with `header` (shape, dtype) to tell equal bytes of different meaning apart."""
    digest = _new()
    digest.update(repr(header).encode() + b"\0")
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _new() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)
