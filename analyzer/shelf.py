"""The recordings a page may offer: what lies in the folders that were named at its start, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import BadInput, quoted

MOST_FOLDERS = 500
MOST_ENTRIES = 5000
DEPTH = 4
"""Folders below a named one that are offered."""


@dataclass(frozen=True)
class Place:
    """A folder on the shelf."""

    path: Path
    label: str


class Shelf:
    """Looks into the named folders each time it is asked. Links out of them are not followed, hidden names left out."""

    def __init__(self, named: Sequence[Path]) -> None:
        self.named = tuple(folder.resolve() for folder in named)

    def places(self) -> tuple[Place, ...]:
        """The named folders and those in them, breadth first, at most `MOST_FOLDERS`."""
        level = [Place(folder, folder.name or str(folder)) for folder in self.named if folder.is_dir()]
        found = list(level)
        for _ in range(DEPTH):
            level = [
                Place(child, f"{place.label}/{child.name}")
                for place in level
                for child in self._inside(place.path)
                if child.is_dir()
            ]
            found += level
            if len(found) >= MOST_FOLDERS or not level:
                break
        return tuple(found[:MOST_FOLDERS])

    def entries(self, folder: Path) -> tuple[Path, ...]:
        """What lies in a folder of the shelf, folders first, by name, at most `MOST_ENTRIES`."""
        inside = self._inside(self.checked(folder))
        return tuple(sorted(inside, key=lambda path: (not path.is_dir(), path.name))[:MOST_ENTRIES])

    def checked(self, path: Path) -> Path:
        """`path` without links or dots.

        Raises:
            BadInput: it is not there, or outside the named folders.
        """
        try:
            real = path.resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise BadInput(f"{quoted(path)} is not there.") from error
        if not any(real.is_relative_to(folder) for folder in self.named):
            raise BadInput(f"{quoted(path)} is outside the folders that were named at the start (--recordings).")
        return real

    def _inside(self, folder: Path) -> list[Path]:
        try:
            children = sorted(child for child in folder.iterdir() if not child.name.startswith("."))
        except OSError:
            return []
        return [child for child in children if any(child.resolve().is_relative_to(home) for home in self.named)]
