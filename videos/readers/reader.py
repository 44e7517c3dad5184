"""What every reader of a recording format offers, and how an episode is named and found again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from foundation.names import safe_name
from videos.confinement import inside
from videos.episode import Episode, EpisodeSummary
from videos.image_folder import DEFAULT_FPS


@dataclass(frozen=True)
class ReadOptions:
    """What recordings fail to say about themselves, said by the user."""

    image_fps: float = DEFAULT_FPS
    """Pictures a second, for folders of images."""
    raw_orientation: bool | None = None
    """HDF5: whether images are stored as OpenGL renders them, upside down. None: decide from the file."""


class Reader(Protocol):
    """One module of `videos.readers`: these two functions."""

    def find(self, root: Path, path: Path) -> list[EpisodeSummary]:
        """List the episodes in `path`, which is `root` (what the user named) or lies in it; opens no video.

        Raises:
            EpisodeUnreadable: `path` is damaged, or leads out of `root`.
        """
        ...

    def read(self, summary: EpisodeSummary, options: ReadOptions) -> Episode:
        """Open one of the episodes that `find` listed. Pictures are decoded later, when asked for.

        Raises:
            EpisodeUnreadable: a file is missing or damaged, or the recording contradicts itself.
        """
        ...


def locator_of(root: Path, path: Path) -> str:
    """Where `path` lies in `root`, for `EpisodeSummary.locator`; the inverse of `path_of`."""
    return "" if path == root else path.relative_to(root).as_posix()


def path_of(source: Path, locator: str) -> Path:
    """The path that a locator means; EpisodeUnreadable where it leads out of `source`."""
    return inside(source, source / locator) if locator else source


def id_of(root: Path, path: Path, inner: str = "") -> str:
    """A name that is safe as a file name: the way from `root` to `path`, then `inner`, joined by dots.

    "demos/ep_010" gives "demos.ep_010". Where `path` is `root` and there is no `inner`, its own name.
    """
    parts = (
        [] if path == root else list(path.relative_to(root).with_suffix("" if path.is_file() else path.suffix).parts)
    )
    if inner:
        parts.append(inner)
    return safe_name(".".join(parts) or (path.stem if path.is_file() else path.resolve().name))
