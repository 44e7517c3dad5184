"""A file that people's changes are appended to, a JSON object a line, and that is never altered.

Any number of processes may read and write at once: a writer holds a lock while it reads what is there and adds to it, and
waits for the disk. A line that was cut short (the machine went down) is skipped; all others stand.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foundation.errors import OutputUnwritable
from foundation.files import writing_to


class Tail:
    """The end of a log, while it is locked: what is there, and what is added."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.added = b"" if content.endswith(b"\n") or not content else b"\n"
        self.last = content.count(b"\n") + len(self.added)
        """Number of the last line, from 1; 0: there is none."""

    def lines(self) -> Iterator[tuple[int, Any]]:
        return _lines(self.content)

    def add(self, record: dict[str, Any]) -> int:
        """Another line; its number."""
        self.added += json.dumps(record).encode() + b"\n"
        self.last += 1
        return self.last


class ChangeLog:
    """One file in a folder of a run; neither file nor folder need be there yet, the run must."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> Iterator[tuple[int, Any]]:
        """Number of each line, from 1, and what it holds.

        Raises:
            OSError: the file is there and cannot be read.
        """
        return _lines(self._content())

    def count(self) -> int:
        """Lines there are: grows with every change."""
        content = self._content()
        return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))

    @contextmanager
    def changing(self) -> Iterator[Tail]:
        """Read and add with nobody in between; what was added is on the disk when the block is left.

        Raises:
            OutputUnwritable: the disk is full, or may not be written, and what was there before stands; or the run is gone.
        """
        run = self.path.parent.parent
        if not run.is_dir():  # deleted while it was being looked at: a note is no reason to make half a run again
            raise OutputUnwritable(f"{run}: the run is gone, so nothing can be kept in it. Is its disk still there?")
        with writing_to(self.path):
            self.path.parent.mkdir(exist_ok=True)
            file = self.path.open("ab+")
        with file, _locked(file.fileno()):
            file.seek(0)
            tail = Tail(file.read())
            yield tail
            with writing_to(self.path):
                _append(file.fileno(), tail.added, len(tail.content))

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""


def _lines(content: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            continue


def _append(descriptor: int, added: bytes, size: int) -> None:
    """Write `added` at the end and wait for the disk; on an error the file is as long as it was."""
    try:
        left = memoryview(added)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
