"""Files appear whole or not at all, and every refusal to write names the file and the way out."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from foundation.errors import OutputUnwritable
from foundation.files import atomic, writing_to


def test_a_file_takes_its_place_on_a_clean_end(tmp_path: Path) -> None:
    target = tmp_path / "deeper" / "result.txt"
    with atomic(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, stop: type[BaseException]) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")

    def stopped_half_way() -> None:
        with atomic(target) as temporary:
            temporary.write_text("half")
            raise stop

    with pytest.raises(stop):
        stopped_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "result.txt"
    with pytest.raises(OutputUnwritable, match=r"result\.txt: cannot be written: a file stands where"), atomic(target):
        pass


def test_proc_takes_no_folders() -> None:
    if not Path("/proc/self").exists():
        pytest.skip("This system has no /proc.")
    with pytest.raises(OutputUnwritable, match="/proc/nowhere/x: cannot be written"), atomic(Path("/proc/nowhere/x")):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EFBIG])
def test_every_refusal_becomes_a_sentence_with_a_next_step(number: int) -> None:
    with pytest.raises(OutputUnwritable, match=r"^x: cannot be written: .+\. *(Choose|Free)"), writing_to(Path("x")):
        raise OSError(number, os.strerror(number))
