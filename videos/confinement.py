"""Paths that come out of a recording are hostile: reads stay inside the folder that the user named."""

from __future__ import annotations

from pathlib import Path

from foundation.errors import EpisodeUnreadable, quoted


def leads_out(root: Path, path: Path) -> bool:
    """Whether `path`, with its links followed, lies outside `root` (a folder, or a file: then its folder)."""
    home = (root if root.is_dir() else root.parent).resolve()
    return not path.resolve().is_relative_to(home)


def inside(root: Path, path: Path) -> Path:
    """Give `path` back if it lies inside `root`.

    Raises:
        EpisodeUnreadable: `..`, an absolute path or a link leads out of the folder.
    """
    if leads_out(root, path):
        raise EpisodeUnreadable(
            f"{root}: the recording points to {quoted(path)}, which leads out of the folder you named: refused. "
            "If you trust the recording, name a folder that holds both."
        )
    return path
