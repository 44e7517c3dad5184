"""The runs that a server shows: those in the folders that were named at its start, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyzer.run_folder import RunFolder
from foundation.errors import RunUnreadable, did_you_mean, quoted
from foundation.names import safe_name


class RunIndex:
    """Runs by a short name that may stand in an address. Folders are looked into again when a name is not known."""

    def __init__(self, named: Sequence[Path]) -> None:
        """`named`: run folders, or folders of run folders."""
        self.named = tuple(named)
        self._paths: dict[str, Path] = {}
        self._opened: dict[Path, tuple[tuple[int, int], RunFolder]] = {}

    def home_for_new(self, otherwise: Path) -> Path:
        """Where a new run is put: the first folder of runs that was named, or `otherwise`."""
        return next((folder for folder in self.named if not (folder / "run.json").is_file()), otherwise)

    def add(self, run: Path) -> None:
        """Show this run too, as soon as it is there; of the folder that it lies in, nothing else."""
        if run not in self.named and run.parent not in self.named:
            self.named = (*self.named, run)

    def paths(self) -> dict[str, Path]:
        """Name -> run folder, in the order in which they were named, then by name."""
        found: list[Path] = []
        for folder in self.named:
            if (folder / "run.json").is_file():
                found.append(folder)
            elif folder.is_dir():
                home = folder.resolve()
                # A link out of the folder that was named is not followed.
                found += sorted(
                    child
                    for child in folder.iterdir()
                    if (child / "run.json").is_file() and child.resolve().is_relative_to(home)
                )
        paths: dict[str, Path] = {}
        for path in dict.fromkeys(found):
            name, number = safe_name(path.resolve().name), 1
            while name in paths:
                number += 1
                name = f"{safe_name(path.resolve().name)}-{number}"
            paths[name] = path
        self._paths = paths
        return dict(paths)

    def open(self, name: str) -> RunFolder:
        """The run of that name, read again only when it has changed.

        Raises:
            RunUnreadable: there is none, or it is damaged.
        """
        path = self._paths.get(name) or self.paths().get(name)
        if path is None:
            raise RunUnreadable(f"There is no run {quoted(name)} here.{did_you_mean(name, self._paths)}")
        try:
            status = (path / "run.json").stat()
        except OSError as error:
            raise RunUnreadable(f"{path}: the run is gone ({error.strerror}).") from error
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._opened.get(path)
        if known is None or known[0] != stamp:
            known = self._opened[path] = (stamp, RunFolder.open(path))
        return known[1]
