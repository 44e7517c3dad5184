"""Arrays on disk, piece by piece: what is written is read, by NumPy too, and nothing else is believed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analyzer.npy import NpyFile
from foundation.errors import OutputUnwritable, RunUnreadable

ANY_ARRAY = arrays.arrays(
    st.sampled_from([np.float16, np.float32, np.uint8, np.int64]),
    arrays.array_shapes(min_dims=1, max_dims=4, max_side=5),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY_ARRAY, st.data())
def test_pieces_written_in_any_order_are_read_back_by_us_and_by_numpy(
    tmp_path: Path, array: np.ndarray, data: st.DataObject
) -> None:
    path = tmp_path / "array.npy"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(array)))) | {0, len(array)})
    pieces = data.draw(st.permutations(list(pairwise(cuts))))
    with NpyFile.create(path, array.shape, array.dtype.str) as file:
        for start, stop in pieces:
            file.write(start, array[start:stop])
    with NpyFile.open(path) as file:
        assert (file.shape, file.dtype, len(file)) == (array.shape, array.dtype, len(array))
        size = data.draw(st.integers(1, len(array) + 1))
        np.testing.assert_array_equal(np.concatenate(list(file.chunks(size))), array)
        np.testing.assert_array_equal(file.read(cuts[-2], cuts[-1]), array[cuts[-2] : cuts[-1]])
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), array)
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), array)


def test_what_numpy_writes_is_read(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    np.save(tmp_path / "array.npy", array)
    with NpyFile.open(tmp_path / "array.npy") as file:
        np.testing.assert_array_equal(file.read(1, 3), array[1:3])


def test_unwritten_parts_are_zero(tmp_path: Path) -> None:
    with NpyFile.create(tmp_path / "array.npy", (3, 2), "uint8") as file:
        file.write(1, np.ones((1, 2), np.uint8))
    np.testing.assert_array_equal(np.load(tmp_path / "array.npy"), [[0, 0], [1, 1], [0, 0]])


@pytest.mark.parametrize(("start", "shape"), [(0, (1, 3)), (2, (2, 2)), (4, (1, 2))])
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, start: int, shape: tuple[int, int]) -> None:
    with NpyFile.create(tmp_path / "array.npy", (3, 2), "uint8") as file, pytest.raises(ValueError, match="holds"):
        file.write(start, np.ones(shape, np.uint8))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "array.npy"
    np.save(path, np.arange(12, dtype=np.int64).reshape(4, 3))
    return path


@pytest.mark.parametrize("kept", [0, 3, 8, 60, 128, 150, -1])
def test_a_cut_file_is_refused_by_name(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(RunUnreadable, match=r"array\.npy: .*run the analysis again"):
        NpyFile.open(saved)


def test_a_file_cut_while_it_is_read_is_refused(saved: Path) -> None:
    with NpyFile.open(saved) as file:
        saved.write_bytes(saved.read_bytes()[:-4])
        with pytest.raises(RunUnreadable, match="cut short"):
            file.read(0, 4)


FOREIGN = {
    "text": b"not an array, though long enough to be one" * 9,
    "header of nonsense": b"\x93NUMPY\x01\x00\x08\x00{'a': 1}" + b"\0" * 100,
    "negative side": b"\x93NUMPY\x01\x00\x3d\x00"
    + b"{'descr': '<i8', 'fortran_order': False, 'shape': (-3, 2), }\n"
    + b"\0" * 100,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_foreign_bytes_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "array.npy"
    path.write_bytes(content)
    with pytest.raises(RunUnreadable, match=r"array\.npy"):
        NpyFile.open(path)


@pytest.mark.filterwarnings("ignore:Stored array in format 2.0")
@pytest.mark.parametrize(
    "array",
    [
        np.array([{"an": "object"}], dtype=object),
        np.asfortranarray(np.zeros((3, 2))),
        np.float32(3.0),
        np.zeros(2, [(f"field{n}", "f4") for n in range(4000)]),  # its header is of version 2
    ],
    ids=["objects", "fortran", "scalar", "version 2"],
)
def test_arrays_that_no_analysis_writes_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "array.npy", array, allow_pickle=True)
    with pytest.raises(RunUnreadable, match=r"array\.npy"):
        NpyFile.open(tmp_path / "array.npy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunUnreadable, match=r"nowhere\.npy: cannot be read"):
        NpyFile.open(tmp_path / "nowhere.npy")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritable, match=r"file/array\.npy: cannot be written"):
        NpyFile.create(tmp_path / "file" / "array.npy", (2,), "uint8")
