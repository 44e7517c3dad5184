"""What was found in an episode, on disk: the part of a run folder that tells who is where, what is confused, and why.

    episodes/<id>/findings/
      findings.json             instances, pairs, events, cases, and what was not assessed
      instances/<id>.png        a thumbnail of each instance, RGB
      masks.parquet             one row an analysed frame and camera: frame (position among the analysed ones) · camera ·
                                png, an 8-bit grey PNG in the recording's own size whose values are instance ids;
                                0: nobody
      confusion.npy             (pairs, sites, frames, 3) float32: value, low and high end of its interval, in the
                                eigenspace; NaN: not assessed
      confusion_features.npy    the same in the raw features
      attribution.npy           (frames, cameras, rows, cols, D) float16: how much each patch moves each dimension of
                                the predicted action (gradient x input), where the policy acts; `attribution_site` in
                                findings.json names the site whose grid this is

Findings can be made again for a finished run (with objects that a person clicked); the folder is replaced whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from analyzer.confusion.pair import PairTrace
from analyzer.dependence.record import Dependence
from analyzer.failures.case import Case, Event
from analyzer.instances.instance import Instance
from analyzer.instances.label_maps import LabelMaps
from analyzer.json_records import read_json, record_from, understood, write_json
from analyzer.npy import NpyFile
from analyzer.run_folder import RunFolder
from foundation.errors import RunUnreadable, quoted
from foundation.files import writing_to

SCHEMA = 2
FOLDER = "findings"
"""Name of the folder in an episode's."""


@dataclass(frozen=True)
class Findings:
    """All that findings.json says of one episode."""

    instances: tuple[Instance, ...]
    pairs: tuple[PairTrace, ...]
    """In the order of the first axis of confusion.npy."""
    sites: tuple[str, ...]
    """In the order of its second axis."""
    events: tuple[Event, ...]
    cases: tuple[Case, ...]
    """The one to look at first, first."""
    not_assessed: tuple[str, ...]
    """Plain sentences about what could not be judged in the episode."""
    attribution_site: str | None = None
    dependence: Dependence | None = None
    """None: it was not looked at what the action depends on."""
    objects: int = 0
    """`analyzer.pointing.EpisodeObjects.version` of the objects that people pointed at, as far as they are heeded here."""

    def __post_init__(self) -> None:
        known = {one.id for one in self.instances}
        ids = [one.id for one in self.instances]
        if any(b <= a for a, b in pairwise(ids)):
            raise ValueError(f"instances come by rising id, each once; got {ids}")
        named = {number for pair in self.pairs for number in (pair.a, pair.b)}
        named |= {number for event in self.events for number in event.instances}
        named |= {number for case in self.cases for number in case.instances}
        if named - known:
            raise ValueError(f"there is no instance {min(named - known)}")
        if any(tuple(one.site for one in pair.sites) != self.sites for pair in self.pairs):
            raise ValueError("a pair was not traced along the same sites as the others")
        if len({case.id for case in self.cases}) != len(self.cases):
            raise ValueError("two cases share an id")


@dataclass(frozen=True, eq=False)
class FindingsArrays:
    """What lies beside findings.json."""

    thumbnails: Mapping[int, np.ndarray]
    """Instance id -> (h, w, 3) uint8 RGB."""
    maps: Mapping[str, LabelMaps]
    """Camera -> label maps of the analysed frames."""
    confusion: np.ndarray
    """(pairs, sites, frames, 3) float32."""
    confusion_features: np.ndarray
    attribution: np.ndarray | None = None
    """(frames, cameras, rows, cols, D) float16."""


def write_findings(folder: Path, findings: Findings, arrays: FindingsArrays) -> None:
    """Put the findings in place of `folder`, whole.

    Raises:
        OutputUnwritable: no permission, no space left.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    shape = (len(findings.pairs), len(findings.sites))
    for array in (arrays.confusion, arrays.confusion_features):
        if array.shape[:2] != shape or array.shape[3:] != (3,):
            raise ValueError(f"{shape[0]} pairs at {shape[1]} sites do not fit an array of {array.shape}")
    with _replacing(folder) as building:
        for number, picture in arrays.thumbnails.items():
            _write_png(building / "instances" / f"{number}.png", picture)
        rows = [(at, camera, png) for camera, maps in arrays.maps.items() for at, png in enumerate(maps.pngs)]
        table = pa.table(
            {
                "frame": pa.array([row[0] for row in rows], pa.int32()),
                "camera": pa.array([_utf8(row[1]) for row in rows], pa.string()),
                "png": pa.array([row[2] for row in rows], pa.binary()),
            }
        )
        parquet.write_table(table, building / "masks.parquet", compression="none")
        _write_array(building / "confusion.npy", arrays.confusion, "float32")
        _write_array(building / "confusion_features.npy", arrays.confusion_features, "float32")
        if arrays.attribution is not None:
            _write_array(building / "attribution.npy", arrays.attribution, "float16")
        write_json(building / "findings.json", {"schema": SCHEMA, **asdict(findings)})


class FindingsFolder:
    """The findings of one episode on disk, for reading. Arrays are read when they are asked for."""

    def __init__(self, path: Path, findings: Findings) -> None:
        self.path = path
        self.findings = findings

    @classmethod
    def open(cls, episode_folder: Path) -> FindingsFolder:
        """Read findings.json of an episode's folder (`RunFolder.episode_folder`).

        Raises:
            RunUnreadable: there are none, they are another version's, or damaged.
        """
        path = episode_folder / FOLDER
        file = path / "findings.json"
        stored = read_json(file, f"{path}: there are no findings. Make them with: python -m analyzer assess RUN")
        if stored.pop("schema", None) != SCHEMA:
            raise RunUnreadable(f"{file}: findings of another version. Make them again: python -m analyzer assess RUN")
        with understood(file):
            return cls(path, record_from(Findings, stored))

    @staticmethod
    def exists(episode_folder: Path) -> bool:
        return (episode_folder / FOLDER / "findings.json").exists()

    def masks(self, camera: str) -> LabelMaps | None:
        """Who each pixel of a camera belongs to, at every analysed frame; None: nobody was looked for there."""
        import pyarrow.parquet as parquet

        file = self.path / "masks.parquet"
        with understood(file):
            table = parquet.read_table(file)
            rows = zip(*(table[name].to_pylist() for name in ("frame", "camera", "png")), strict=True)
            found = {int(frame): bytes(png) for frame, name, png in rows if name == _utf8(camera)}
            if sorted(found) != list(range(len(found))):
                raise ValueError(f"frames of camera {quoted(camera)} are missing")
            return LabelMaps(tuple(found[frame] for frame in range(len(found)))) if found else None

    def confusion(self, *, features: bool = False) -> np.ndarray:
        """(pairs, sites, frames, 3) float32: value, low and high end. In the eigenspace, or in the raw features."""
        file = self.path / ("confusion_features.npy" if features else "confusion.npy")
        with NpyFile.open(file) as array:
            shape = (len(self.findings.pairs), len(self.findings.sites))
            if array.shape[:2] != shape or array.shape[3:] != (3,):
                raise RunUnreadable(f"{file}: damaged (of the shape {array.shape}). Analyse the recording again.")
            return array.read(0, len(array))

    def thumbnail(self, instance: int) -> Path:
        """Its PNG, which an instance that was never seen does not have."""
        return self.path / "instances" / f"{int(instance)}.png"

    def attribution(self) -> np.ndarray | None:
        """(frames, cameras, rows, cols, D) float16; None: the policy does not act, or cannot be asked."""
        file = self.path / "attribution.npy"
        if not file.exists():
            return None
        with NpyFile.open(file) as array:
            return array.read(0, len(array))


def read_findings(run: RunFolder, episode: str) -> Findings | None:
    """What findings.json of a finished episode says; None: none were made. Raises RunUnreadable where damaged."""
    folder = run.episode_folder(episode)
    return FindingsFolder.open(folder).findings if FindingsFolder.exists(folder) else None


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `folder` on a clean end; on an error the old one stays."""
    building, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{state}") for state in ("building", "old"))
    with writing_to(folder):
        try:
            shutil.rmtree(building, ignore_errors=True)
            (building / "instances").mkdir(parents=True)
            yield building
            if folder.exists():
                folder.rename(old)
            building.rename(folder)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)
            shutil.rmtree(building, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def _write_png(path: Path, rgb: np.ndarray) -> None:
    import cv2

    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))[1].tobytes())


def _write_array(path: Path, array: np.ndarray, dtype: str) -> None:
    with NpyFile.create(path, array.shape, dtype) as file:
        file.write(0, array.astype(dtype))


def _utf8(name: str) -> str:
    """A camera's name need not be valid Unicode; a column of a table must be."""
    return name.encode("utf-8", "backslashreplace").decode()
