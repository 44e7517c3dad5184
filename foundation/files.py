"""Writing that is all or nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from foundation.errors import OutputUnwritable


@contextmanager
def atomic(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path`; on a clean end it takes the place of `path`, on an error it goes.

    Readers see the old file or the new one, never half of one. `durable` waits for the disk, so that this holds after a
    power cut too and not only after a kill.

    Raises:
        OutputUnwritable: no permission, no space left, or a file stands where a folder must be.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")
    try:
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if durable and temporary.is_file():
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(
            OSError
        ):  # where a file stands in place of the folder, even this is refused: tell the first error
            temporary.unlink(missing_ok=True)


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write into a sentence that names `path` and what to do.

    Raises:
        OutputUnwritable: for any OSError of the block, which must do nothing but write.
    """
    try:
        yield
    except OSError as error:
        reason = {
            errno.ENOSPC: "the disk is full. Free some space, or choose another place with --out or --cache",
            errno.EDQUOT: "your disk quota is used up. Free some space, or choose another place with --out or --cache",
            errno.EACCES: "no permission to write there. Choose another place",
            errno.ENOENT: "no folder can be made there. Choose another place",
            errno.EPERM: "no permission to write there. Choose another place",
            errno.EROFS: "the file system is read-only. Choose another place",
            errno.ENOTDIR: "a file stands where a folder must be. Choose another place",
            errno.EEXIST: "a file stands where a folder must be. Choose another place",
            errno.EISDIR: "a folder stands where the file must be. Choose another name",
            errno.ENAMETOOLONG: "the name is too long for this file system. Choose a shorter one",
        }.get(error.errno or 0, f"{error.strerror or error}. Choose another place")
        raise OutputUnwritable(f"{path}: cannot be written: {reason}.") from error
