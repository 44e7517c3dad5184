"""The files of an analysed episode that a player may ask for, by name: a table, so that a name can lead nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analyzer.player.labels import instance_labels
from analyzer.run_folder import RunFolder
from foundation.errors import RunUnreadable
from foundation.names import safe_name

SITE_ARRAYS = ("colors", "segments", "eigenvectors")
LABELS = "labels.npy"
"""Made from findings/masks.parquet on demand."""
_TYPES = {".npy": "application/octet-stream", ".mp4": "video/mp4", ".png": "image/png"}


@dataclass(frozen=True)
class Artifact:
    """A file of a run, or something made from one."""

    name: str
    path: Path
    """The file; its size and time of change tell one version from the next."""
    derive: Callable[[], bytes] | None = None
    """What makes the content from the file; None: the content is the file."""

    @property
    def media_type(self) -> str:
        return _TYPES[Path(self.name).suffix]

    @property
    def version(self) -> str:
        """Changes whenever the file does."""
        status = self.path.stat()
        return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"

    def read(self) -> bytes:
        return self.path.read_bytes() if self.derive is None else self.derive()


def artifacts(run: RunFolder, episode: str) -> dict[str, Artifact]:
    """Name -> artifact, of all that exist.

    A file that a link leads out of the run folder is left out: whoever made the run must not read other files through it.

    Raises:
        RunUnreadable: there is no such episode.
    """
    if episode not in run.manifest.done:
        raise RunUnreadable(f"{run.path}: there is no analysed episode {episode!r}.")
    folder = run.episode_folder(episode)
    named = {"preview.mp4": run.preview(episode)}
    for site in run.site_names:
        for array in SITE_ARRAYS:
            named[f"sites/{safe_name(site)}/{array}.npy"] = run.site_folder(episode, site) / f"{array}.npy"
    findings = folder / "findings"
    for name in ("confusion.npy", "confusion_features.npy", "attribution.npy"):
        named[f"findings/{name}"] = findings / name
    for identity in range(1, 255):
        named[f"findings/instances/{identity}.png"] = findings / "instances" / f"{identity}.png"
    home = run.path.resolve()
    found = {name: Artifact(name, path) for name, path in named.items() if _is_inside(path, home)}
    masks = findings / "masks.parquet"
    if _is_inside(masks, home):
        found[LABELS] = Artifact(LABELS, masks, lambda: instance_labels(run, episode))
    return found


def _is_inside(path: Path, home: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(home)
