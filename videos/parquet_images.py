"""Pictures stored in a column of a Parquet file, as a source of frames."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from foundation.errors import EpisodeUnreadable, quoted
from videos import digest
from videos.frame import Frame, checked_indices

_ROWS_AT_ONCE = 16


class ParquetImages:
    """Rows [start, stop) of the column `column`, each a struct whose `bytes` are a PNG or JPEG file."""

    def __init__(self, path: Path, column: str, start: int, stop: int, fps: float) -> None:
        self._path = path
        self._column = column
        self._start = start
        self.times_s: np.ndarray = np.arange(stop - start) / fps

    def __len__(self) -> int:
        return len(self.times_s)

    @cached_property
    def size(self) -> tuple[int, int]:
        first = next(self._stored([0]))
        height, width, _ = self._decoded(0, first).shape
        return height, width

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Frame]:
        wanted = checked_indices(indices, len(self)).tolist()
        for index, stored in zip(wanted, self._stored(wanted), strict=True):
            yield Frame(index, float(self.times_s[index]), self._decoded(index, stored))

    @cached_property
    def _fingerprint(self) -> str:
        return digest.of_blocks(len(self), self._stored(range(len(self))))

    def fingerprint(self) -> str:
        return self._fingerprint

    def _stored(self, indices: Sequence[int]) -> Iterator[bytes]:
        """The picture files of rows that rise, reading only the row groups they are in."""
        try:
            with pq.ParquetFile(self._path) as file:
                group_stops = np.cumsum([file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)])
                rows = np.asarray(indices, np.int64) + self._start
                group_of = np.searchsorted(group_stops, rows, side="right")
                for group in np.unique(group_of).tolist():
                    offset = int(group_stops[group - 1]) if group else 0
                    yield from self._in_group(file, group, (rows[group_of == group] - offset).tolist())
        except (OSError, pa.ArrowException, KeyError) as error:
            raise EpisodeUnreadable(f"{self._path}: cannot be read as Parquet ({quoted(error)}).") from error

    def _in_group(self, file: pq.ParquetFile, group: int, rows: list[int]) -> Iterator[bytes]:
        wanted = set(rows)
        row = 0
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, row_groups=[group], columns=[self._column]):
            for value in batch.column(0):
                if row in wanted:
                    stored = value.as_py()
                    content = stored.get("bytes") if isinstance(stored, dict) else None
                    if not isinstance(content, bytes):
                        raise EpisodeUnreadable(
                            f"{self._path}: {quoted(self._column)} holds no picture in its rows, only a path to one. "
                            "Store the pictures in the dataset, or as video."
                        )
                    yield content
                row += 1
            if row > rows[-1]:
                return

    def _decoded(self, index: int, content: bytes) -> np.ndarray:
        try:
            with Image.open(io.BytesIO(content)) as image:
                return np.array(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise EpisodeUnreadable(
                f"{self._path}: picture {index} of {quoted(self._column)} cannot be read ({quoted(error)})."
            ) from error
