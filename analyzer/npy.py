"""`.npy` files written and read piece by piece.

A memory map would do, but its pages count as the process's memory: a run over ten thousand frames would seem to need
all its features at once. Plain reads and writes keep memory flat, and the files are ordinary `.npy` all the same.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from foundation.errors import RunUnreadable
from foundation.files import writing_to

_REMEDY = "Delete it and run the analysis again."


class NpyFile:
    """One array on disk, addressed by its first axis (time).

    Opened with `create`, the file has its full size from the start, unwritten parts being zero.
    """

    def __init__(self, path: Path, file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> None:
        self.path = path
        self.shape = shape
        self.dtype = dtype
        self._file = file
        self._offset = offset
        self._row_bytes = math.prod(shape[1:]) * dtype.itemsize

    @classmethod
    def create(cls, path: Path, shape: tuple[int, ...], dtype: str) -> Self:
        """A new file of zeros.

        Raises:
            OutputUnwritable: it cannot be written.
        """
        with writing_to(path), ExitStack() as on_error:
            file = on_error.enter_context(path.open("wb+"))
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.flush()
            offset = file.tell()
            array = cls(path, file, shape, np.dtype(dtype), offset)
            file.truncate(offset + array._row_bytes * shape[0])
            on_error.pop_all()
        return array

    @classmethod
    def open(cls, path: Path, mode: str = "r") -> Self:
        """An existing file, for reading ("r") or for reading and writing ("r+").

        Raises:
            RunUnreadable: missing, not `.npy`, of objects, in Fortran order, or shorter than its header says.
        """
        try:
            file = path.open("rb" if mode == "r" else "rb+")
        except OSError as error:
            raise RunUnreadable(f"{path}: cannot be read ({error.strerror}).") from error
        with ExitStack() as on_error:
            on_error.enter_context(file)
            try:
                if np.lib.format.read_magic(file) != (1, 0):
                    raise ValueError("of another version")
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            except (ValueError, OSError) as error:
                raise RunUnreadable(f"{path}: not a .npy file ({error}). {_REMEDY}") from error
            if fortran or dtype.hasobject or not shape or min(shape) < 0:
                raise RunUnreadable(f"{path}: an array of another kind than an analysis writes. {_REMEDY}")
            array = cls(path, file, shape, dtype, file.tell())
            if os.fstat(file.fileno()).st_size < array._offset + array._row_bytes * len(array):
                raise RunUnreadable(f"{path}: cut short. {_REMEDY}")
            on_error.pop_all()
        return array

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows start … stop - 1, a fresh array.

        Raises:
            RunUnreadable: the file was cut since it was opened.
        """
        stop = min(stop, len(self))
        rows = np.empty((stop - start, *self.shape[1:]), self.dtype)
        raw = rows.reshape(-1).view(np.uint8).data
        filled = 0
        while filled < len(raw):  # one read gives at most 2 GB
            at = self._offset + start * self._row_bytes + filled
            count = os.preadv(self._file.fileno(), [raw[filled:]], at)
            if count == 0:
                raise RunUnreadable(f"{self.path}: cut short. {_REMEDY}")
            filled += count
        return rows

    def chunks(self, rows: int) -> Iterator[np.ndarray]:
        for start in range(0, len(self), rows):
            yield self.read(start, start + rows)

    def write(self, start: int, rows: np.ndarray) -> None:
        """Put `rows` at start, start + 1, …"""
        if rows.shape[1:] != self.shape[1:] or start + len(rows) > len(self):
            raise ValueError(f"{self.path.name} holds {self.shape}; got {rows.shape} at {start}.")
        data = np.ascontiguousarray(rows, dtype=self.dtype).reshape(-1).view(np.uint8).data
        with writing_to(self.path):
            written = 0
            while written < len(data):
                at = self._offset + start * self._row_bytes + written
                written += os.pwrite(self._file.fileno(), data[written:], at)

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        with writing_to(self.path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
