"""Where a LeRobot dataset keeps things: the part that differs between its versions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from foundation.errors import EpisodeUnreadable, quoted
from videos.confinement import inside
from videos.side_files import read_json_object
from videos.sniff import looks_like


@dataclass(frozen=True)
class Listed:
    """One episode as the dataset's index lists it."""

    index: int
    tasks: tuple[str, ...]
    length: int


@dataclass(frozen=True)
class Place:
    """Where the parts of one episode are."""

    data: Path
    videos: Mapping[str, tuple[Path, float]]
    """Feature key -> (file, the time in that file, in seconds, at which the episode begins)."""


@dataclass(frozen=True)
class Layout:
    """meta/info.json, checked; and the episodes' index beside it."""

    root: Path
    """The folder the user named: nothing outside it is read."""
    folder: Path
    """The dataset."""
    major: int
    """2 or 3."""
    fps: float
    features: Mapping[str, Mapping[str, Any]]
    data_template: str
    video_template: str | None
    chunk_size: int

    @classmethod
    def of(cls, root: Path, folder: Path) -> Layout:
        path = inside(root, folder / "meta" / "info.json")
        info = read_json_object(path)
        version = str(info.get("codebase_version", ""))
        match = re.fullmatch(r"v?([23])\.\d+(\.\d+)?", version)
        if match is None:
            raise EpisodeUnreadable(
                f"{path}: a LeRobot dataset of version {quoted(version)}; versions 2.0 to 3.x can be read. "
                "Convert older ones with LeRobot's own scripts."
            )
        features = info.get("features")
        fps = info.get("fps")
        if not isinstance(features, dict) or not all(isinstance(f, dict) for f in features.values()):
            raise EpisodeUnreadable(f"{path}: `features` must map names to descriptions.")
        if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps < 1e6:
            raise EpisodeUnreadable(f"{path}: `fps` must be a positive number; got {quoted(fps)}.")
        data, video, chunk = info.get("data_path"), info.get("video_path"), info.get("chunks_size", 1000)
        if not isinstance(data, str) or not isinstance(video, str | None) or not isinstance(chunk, int) or chunk < 1:
            raise EpisodeUnreadable(
                f"{path}: `data_path`, `video_path` or `chunks_size` is missing or of the wrong kind."
            )
        return cls(root, folder, int(match[1]), float(fps), features, data, video, chunk)

    def keys(self, dtype: str) -> tuple[str, ...]:
        """Names of the features of one kind: "video" or "image". Depth maps are not pictures."""
        return tuple(k for k, f in self.features.items() if f.get("dtype") == dtype and not _is_depth(f))

    def depth_keys(self) -> tuple[str, ...]:
        return tuple(k for k, f in self.features.items() if f.get("dtype") in ("video", "image") and _is_depth(f))

    def names(self, key: str) -> list[str] | None:
        """Names of the dimensions of a feature; None where they are missing or do not fit its size."""
        feature = self.features.get(key, {})
        names, shape = feature.get("names"), feature.get("shape")
        if isinstance(names, dict):
            # Either groups, {"motors": ["x", "y"]}, or positions, {"x": 0, "y": 1}.
            values = list(names.values())
            if all(isinstance(v, list) for v in values):
                names = [name for group in values for name in group]
            elif all(isinstance(v, int) for v in values):
                names = sorted(names, key=names.__getitem__)
        if not isinstance(names, list) or shape != [len(names)]:
            return None
        return [str(name) for name in names]

    def episodes(self) -> list[Listed]:
        """All episodes, by index; reads no data and no video."""
        found = list(self._listed_v2() if self.major == 2 else self._listed_v3())
        if not found:
            raise EpisodeUnreadable(f"{self.folder}: the dataset lists no episode.")
        return sorted(found, key=lambda listed: listed.index)

    def place(self, index: int) -> Place:
        """Where episode `index` is; nothing is checked to exist."""
        if self.major == 2:
            words = {"episode_chunk": index // self.chunk_size, "episode_index": index}
            videos = {key: (self._video_path({**words, "video_key": key}), 0.0) for key in self.keys("video")}
            return Place(self._path(self.data_template, words), videos)
        row = self._index_row(index)
        data = {"chunk_index": row["data/chunk_index"], "file_index": row["data/file_index"]}
        videos = {}
        for key in self.keys("video"):
            words = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
            begin = float(row[f"videos/{key}/from_timestamp"])
            videos[key] = (self._video_path({**words, "video_key": key}), begin)
        return Place(self._path(self.data_template, data), videos)

    def _listed_v2(self) -> Iterator[Listed]:
        path = inside(self.root, self.folder / "meta" / "episodes.jsonl")
        try:
            with path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield self._listed(f"{path}, line {number}", json.loads(line))
        except FileNotFoundError:
            raise EpisodeUnreadable(f"{path}: the file is missing. Was the dataset downloaded whole?") from None
        except (OSError, ValueError, RecursionError) as error:
            raise EpisodeUnreadable(f"{path}: cannot be read as JSON lines ({quoted(error)}).") from error

    def _listed_v3(self) -> Iterator[Listed]:
        for path in self._index_files():
            # Real datasets keep hundreds of columns of statistics here: only these three are read.
            for row in read_rows(path, ["episode_index", "tasks", "length"]):
                yield self._listed(str(path), row)

    @staticmethod
    def _listed(where: str, row: Any) -> Listed:
        if isinstance(row, dict):
            index, tasks, length = row.get("episode_index"), row.get("tasks"), row.get("length")
            if isinstance(index, int) and isinstance(length, int) and isinstance(tasks, list):
                return Listed(index, tuple(str(task) for task in tasks), length)
        raise EpisodeUnreadable(f"{where}: an episode needs episode_index, tasks and length; got {quoted(row)}.")

    def _index_files(self) -> list[Path]:
        files = sorted((self.folder / "meta" / "episodes").glob("*/*.parquet"))
        if not files:
            raise EpisodeUnreadable(
                f"{self.folder / 'meta' / 'episodes'}: no index of episodes (.parquet). Was the dataset downloaded whole?"
            )
        return [inside(self.root, file) for file in files]

    def _index_row(self, index: int) -> dict[str, Any]:
        """The row of the index about one episode, without its statistics."""
        video_words = ("chunk_index", "file_index", "from_timestamp")
        columns = [
            "data/chunk_index",
            "data/file_index",
            *(f"videos/{key}/{word}" for key in self.keys("video") for word in video_words),
        ]
        for path in self._index_files():
            rows = read_rows(path, columns, episode=index)
            if rows:
                return rows[0]
        raise EpisodeUnreadable(f"{self.folder}: the dataset no longer lists episode {index}.")

    def _video_path(self, words: Mapping[str, object]) -> Path:
        if self.video_template is None:
            raise EpisodeUnreadable(f"{self.folder}: the dataset has videos, but info.json gives no `video_path`.")
        return self._path(self.video_template, words)

    def _path(self, template: str, words: Mapping[str, object]) -> Path:
        return inside(self.root, self.folder / self._filled(template, words))

    def _filled(self, template: str, words: Mapping[str, object]) -> str:
        """`template` with {name} and {name:03d} filled in. Not str.format: a template is hostile and could reach objects."""

        def word(match: re.Match[str]) -> str:
            if match["name"] not in words:
                raise EpisodeUnreadable(f"{self.folder}: unknown {quoted(match[0])} in the path {quoted(template)}.")
            return str(words[match["name"]]).zfill(int(match["width"] or 0))

        return re.sub(r"\{(?P<name>\w+)(?::0?(?P<width>\d)d)?\}", word, template)


def read_rows(path: Path, columns: Sequence[str], episode: int | None = None) -> list[dict[str, Any]]:
    """Rows of a Parquet file as dictionaries; only the given columns, and only those of one episode if it is given.

    Raises:
        EpisodeUnreadable: the file is missing, damaged, or lacks a column.
    """
    rows: list[dict[str, Any]] = read_columns(path, columns, episode).to_pylist()
    return rows


def read_columns(path: Path, columns: Sequence[str], episode: int | None = None) -> pa.Table:
    """The same as a table."""
    if not path.is_file():
        raise EpisodeUnreadable(f"{path}: the file is missing. Was the dataset downloaded whole?")
    try:
        filters = None if episode is None else [("episode_index", "=", episode)]
        table = pq.read_table(path, columns=list(columns), filters=filters)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise EpisodeUnreadable(
            f"{path}: cannot be read as Parquet ({quoted(error)}). The file looks like {looks_like(path)}."
        ) from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise EpisodeUnreadable(f"{path}: the columns {quoted(', '.join(missing))} are missing.")
    return table


def _is_depth(feature: Mapping[str, Any]) -> bool:
    info = feature.get("info") or feature.get("video_info") or {}
    return isinstance(info, dict) and bool(info.get("video.is_depth_map") or info.get("is_depth_map"))
