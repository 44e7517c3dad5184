"""Every recording format, and the two doors to all of them: list the episodes of a path, open one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from foundation.errors import BadInput, EpisodeUnreadable, did_you_mean, quoted
from videos import digest
from videos.confinement import leads_out
from videos.episode import Episode, EpisodeSummary
from videos.image_folder import SUFFIXES as PICTURE_SUFFIXES
from videos.image_folder import natural_key
from videos.readers.reader import Reader, ReadOptions, id_of, locator_of, path_of
from videos.readers.rollout_name import is_rollout
from videos.sniff import looks_like

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts"})
_HDF5_SUFFIXES = frozenset({".hdf5", ".h5"})
_DEEPEST = 8
"""Folders below the named one that are searched."""


@dataclass(frozen=True)
class Format:
    """One row of the table: how a recording is recognised by name alone, and who reads it."""

    name: str
    description: str
    module: str
    """Loaded when the first such recording is met: h5py and pyarrow take their time."""
    recognises: Callable[[Path], bool]

    def reader(self) -> Reader:
        module: Reader = import_module(self.module)
        return module


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            "lerobot",
            "a LeRobot dataset, v2.0 to v3.0 (a folder with meta/info.json)",
            "videos.readers.lerobot",
            lambda path: (path / "meta" / "info.json").is_file(),
        ),
        Format(
            "episode_folder",
            "an episode folder (meta.json, data.npz and one .mp4 a camera)",
            "videos.readers.episode_folder",
            lambda path: (path / "meta.json").is_file() and (path / "data.npz").is_file(),
        ),
        Format(
            "libero_hdf5",
            "LIBERO or robomimic demonstrations (.hdf5, .h5)",
            "videos.readers.libero_hdf5",
            lambda path: path.suffix.lower() in _HDF5_SUFFIXES and path.is_file(),
        ),
        Format(
            "openvla_rollout",
            "an OpenVLA rollout video (…--episode=3--success=False--task=….mp4)",
            "videos.readers.openvla_rollout",
            lambda path: is_rollout(path.name) and path.is_file(),
        ),
        Format(
            "video",
            "a video (.mp4, .mov, .m4v, .mkv, .webm, .avi, .ts), with actions beside it under the same name",
            "videos.readers.video_file",
            lambda path: path.suffix.lower() in VIDEO_SUFFIXES and path.is_file(),
        ),
        Format(
            "images",
            "a folder of pictures, or one of them (.png, .jpg, .webp, .bmp)",
            "videos.readers.image_folder",
            lambda path: path.is_dir() and _holds_an_episode_of_pictures(path),
        ),
    )
}
"""In order of preference: the first that recognises a path reads it."""


def find_episodes(path: Path | str) -> list[EpisodeSummary]:
    """List the episodes of a file or folder, in natural order; folders are searched downwards. No video is opened.

    A damaged recording among others is listed too, without cameras, and opening it says what is wrong: it neither hides
    the others nor goes missing.

    Raises:
        EpisodeUnreadable: `path` does not exist, is no recording, or is a damaged one.
    """
    root = Path(path)
    if not root.exists():
        raise EpisodeUnreadable(f"{root}: there is no such file or folder. Is the path right?")
    try:
        summaries = list(_found_in(root, root, 0))
    except OSError as error:
        raise EpisodeUnreadable(f"{root}: cannot be read ({error}).") from error
    if not summaries:
        known = "; ".join(row.description for row in FORMATS.values())
        raise EpisodeUnreadable(f"{root}: holds no recording (it looks like {looks_like(root)}). Known: {known}.")
    return _with_unique_ids(summaries)


def open_episode(
    source: EpisodeSummary | Path | str, id: str | None = None, options: ReadOptions | None = None
) -> Episode:
    """Open one episode: a listed one, the only one of a path, or the one that is called `id` there.

    Raises:
        BadInput: `id` is not there, or is missing although there are several.
        EpisodeUnreadable: the recording is missing, damaged, or contradicts itself.
    """
    if not isinstance(source, EpisodeSummary):
        source = _chosen(Path(source), id)
    row = FORMATS.get(source.format)
    if row is None:
        raise BadInput(f"There is no format {quoted(source.format)}.{did_you_mean(source.format, FORMATS)}")
    if not source.cameras:
        source = _looked_at_again(row, source)
    return row.reader().read(source, options or ReadOptions())


def _looked_at_again(row: Format, damaged: EpisodeSummary) -> EpisodeSummary:
    """Say what is wrong with a recording that was listed as damaged; if nothing is by now, its only episode."""
    path = path_of(damaged.source, damaged.locator)
    found = row.reader().find(damaged.source, path)
    if len(found) > 1:
        raise BadInput(f"{path}: holds {len(found)} episodes since it was mended. List them again.")
    return found[0]


def _chosen(path: Path, id: str | None) -> EpisodeSummary:
    summaries = find_episodes(path)
    by_id = {summary.id: summary for summary in summaries}
    if id is None:
        if len(summaries) == 1:
            return summaries[0]
        first = ", ".join(list(by_id)[:5])
        raise BadInput(
            f"{path}: holds {len(summaries)} episodes. Name one of them: {first}{', …' if len(by_id) > 5 else ''}."
        )
    if id not in by_id:
        raise BadInput(f"{path}: there is no episode {quoted(id)}.{did_you_mean(id, list(by_id)[:50])}")
    return by_id[id]


def _found_in(root: Path, path: Path, depth: int) -> Iterator[EpisodeSummary]:
    """The episodes of `path`, then of what it holds."""
    row = next((row for row in FORMATS.values() if row.recognises(path)), None)
    if row is None and path == root and path.is_file() and path.suffix.lower() in PICTURE_SUFFIXES:
        row = FORMATS[
            "images"
        ]  # named by itself a picture is an episode of one frame; in a folder it belongs to others
    if row is not None:
        try:
            yield from row.reader().find(root, path)
        except EpisodeUnreadable:
            if path == root:
                raise
            yield EpisodeSummary(id_of(root, path), root, row.name, locator_of(root, path), cameras=())
    # A folder of pictures may hold more in folders below it (other cameras, depth): they are listed too.
    if path.is_dir() and depth <= _DEEPEST and (row is None or row.name == "images"):
        for child in sorted(path.iterdir(), key=natural_key):
            # Links that lead out are not followed: a listing stays in the folder that was named.
            if not child.name.startswith(".") and not (child.is_symlink() and leads_out(root, child)):
                yield from _found_in(root, child, depth + 1)


def _holds_an_episode_of_pictures(folder: Path) -> bool:
    """Whether the pictures of a folder are frames. Beside recordings, or one alone above other folders, they are not."""
    entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    suffixes = [Path(entry.name).suffix.lower() for entry in entries]
    pictures = sum(suffix in PICTURE_SUFFIXES for suffix in suffixes)
    if any(suffix in VIDEO_SUFFIXES | _HDF5_SUFFIXES for suffix in suffixes):
        return False
    return pictures > 1 or (pictures == 1 and not any(entry.is_dir() for entry in entries))


def _with_unique_ids(summaries: list[EpisodeSummary]) -> list[EpisodeSummary]:
    """Where names collide (a.mp4 beside a.webm), add what tells them apart."""
    seen: dict[str, int] = {}
    for summary in summaries:
        seen[summary.id] = seen.get(summary.id, 0) + 1
    return [
        replace(summary, id=f"{summary.id}-{digest.of_parts(summary.locator)[:8]}") if seen[summary.id] > 1 else summary
        for summary in summaries
    ]
