"""What a file is, and how much of it is missing, told from its bytes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from recordings import barcode, cut, write_clip

from videos.sniff import looks_like, missing_bytes


def test_real_files_are_recognised_by_content(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", [barcode(0)])
    write_clip(tmp_path / "a.mkv", [barcode(0)])
    write_clip(tmp_path / "a.avi", [barcode(0)], codec="mpeg4")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = 1
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", x=np.ones(1))
    for suffix in ("png", "jpg", "webp", "bmp"):
        Image.fromarray(barcode(0)).save(tmp_path / f"a.{suffix}")
    (tmp_path / "a.txt").write_text("ein Bär\n" * 100, encoding="utf-8")
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    expected = {
        "mp4": "MP4", "mkv": "Matroska", "avi": "AVI", "h5": "HDF5", "parquet": "Parquet", "npz": "ZIP", "png": "PNG",
        "jpg": "JPEG", "webp": "WebP", "bmp": "BMP", "txt": "plain text", "bin": "unknown kind",
    }  # fmt: skip
    for suffix, phrase in expected.items():
        plain = tmp_path / f"no ending {suffix}"
        plain.write_bytes((tmp_path / f"a.{suffix}").read_bytes())
        assert phrase in looks_like(plain)
    assert looks_like(tmp_path) == "a folder"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi"])
def test_every_missing_byte_is_counted(tmp_path: Path, suffix: str) -> None:
    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
    whole = write_clip(tmp_path / f"whole{suffix}", [barcode(k) for k in range(20)], codec=codec)
    size = whole.stat().st_size
    assert missing_bytes(whole) == 0
    for keep in (0.4, 0.9):
        part = cut(whole, tmp_path / f"part{suffix}", keep)
        lost = missing_bytes(part)
        # MP4 keeps its index in a last box: what a cut before that box takes of the box cannot be known.
        assert 0 < lost <= size - part.stat().st_size
        if suffix != ".mp4":
            assert lost == size - part.stat().st_size


@example(content=b"\x01\x10\0\0\0\0\0", magic=b"\x1a\x45\xdf\xa3")
@given(content=st.binary(max_size=300), magic=st.sampled_from([b"", b"\0\0\0\x10ftyp", b"\x1a\x45\xdf\xa3", b"RIFF"]))
def test_no_bytes_are_too_strange(tmp_path_factory: pytest.TempPathFactory, content: bytes, magic: bytes) -> None:
    path = tmp_path_factory.mktemp("strange") / "file"
    path.write_bytes(magic + content)
    assert looks_like(path)
    assert missing_bytes(path) >= 0
