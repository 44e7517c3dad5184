"""Pictures stored as one HDF5 dataset, as a source of frames; and the file itself, opened with care."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from foundation.errors import EpisodeUnreadable, quoted
from videos import digest
from videos.frame import Frame, checked_indices
from videos.sniff import looks_like

_BLOCK_BYTES = 32 << 20
"""Pixels read at once. LIBERO stores chunks that reach across all frames: reading one frame unpacks the whole episode,
so frames are read in blocks."""


class Hdf5Images:
    """The frames of `path`[`name`], (frames, height, width, 3) uint8; read when asked for, at most one block at a time."""

    def __init__(self, path: Path, name: str, fps: float, *, turned: bool) -> None:
        """`turned`: show the pictures turned by 180°."""
        self.path = path
        self.name = name
        self._turned = turned
        with opened_hdf5(path) as file:
            count, height, width, _ = dataset_in(path, file, name).shape
        self.size = (int(height), int(width))
        self.times_s: np.ndarray = np.arange(count) / fps

    def __len__(self) -> int:
        return len(self.times_s)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Frame]:
        wanted = checked_indices(indices, len(self)).tolist()
        most = max(1, _BLOCK_BYTES // (self.size[0] * self.size[1] * 3))
        with opened_hdf5(self.path) as file:
            dataset = dataset_in(self.path, file, self.name)
            while wanted:
                first = wanted[0]
                near = [index for index in wanted[:most] if index < first + most]
                del wanted[: len(near)]
                block = dataset[first : near[-1] + 1]
                for index in near:
                    rgb = block[index - first]
                    # A copy, so that a kept frame does not keep its whole block.
                    rgb = np.array(rgb[::-1, ::-1] if self._turned else rgb)
                    yield Frame(index, float(self.times_s[index]), rgb)

    @cached_property
    def _fingerprint(self) -> str:
        most = max(1, _BLOCK_BYTES // (self.size[0] * self.size[1] * 3))
        with opened_hdf5(self.path) as file:
            dataset = dataset_in(self.path, file, self.name)
            header = (dataset.shape, str(dataset.dtype), "turned" if self._turned else "as stored")
            blocks = (memoryview(dataset[i : i + most]).cast("B") for i in range(0, len(self), most))
            return digest.of_blocks(header, blocks)

    def fingerprint(self) -> str:
        return self._fingerprint


@contextmanager
def opened_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file to read; what HDF5 has to say about damage becomes EpisodeUnreadable."""
    try:
        # Room for one block of unpacked chunks: with the default 1 MB every frame would unpack them again.
        with h5py.File(path, "r", rdcc_nbytes=_BLOCK_BYTES) as file:
            yield file
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise EpisodeUnreadable(
            f"{path}: cannot be read as an HDF5 recording ({quoted(error)}). The file looks like {looks_like(path)}. "
            "Is it damaged or misnamed?"
        ) from error


def dataset_in(path: Path, group: h5py.Group, name: str) -> h5py.Dataset:
    """The dataset `name` of `group`, whose values are stored in this very file.

    Raises:
        EpisodeUnreadable: it is missing, no dataset, or points into another file, which a recording has no business to.
    """
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise EpisodeUnreadable(f"{path}: there is no dataset {quoted(name)} in {quoted(group.name)}.")
    if dataset.external or dataset.is_virtual or dataset.file.filename != str(path):
        raise EpisodeUnreadable(
            f"{path}: {quoted(name)} is stored in another file, which is refused. Copy it into this one."
        )
    return dataset
