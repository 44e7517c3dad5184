"""The artifact of an analysis on disk: the contract between what computes and what shows.

    runs/x/
      run.json                    schema, settings, versions, policy, the list of episodes
      episodes/<id>/
        episode.json              what is shown of the episode: cameras, times, instruction, actions' meaning, notes
        actions.parquet           one row a control step, where actions were recorded or predicted:
                                  step · recorded.<name> · predicted.<name> (the first action of a chunk) ·
                                  difference.<name> (predicted - recorded) · uncertainty.<name> (bits); null: no value
        chunks.npy                (frames, horizon, D) float64, where the policy plans several actions ahead
        preview.mp4               all cameras in one picture, as browsers play it
        sites/<site>/
          site.json               eigenvalues, scale, how the basis was fitted, how well it agrees with the other sites
          eigenvectors.npy        (frames, cameras, rows, cols, k) float16
          colors.npy              (frames, cameras, rows, cols, 3) uint8 RGB
          segments.npy            (frames, cameras, rows, cols) uint8: ids of the finest division
          figure.npy              (frames, cameras, rows, cols, k - 1) float16, of the sites that instances are found in:
                                  coordinates in a cut of their own, see `analyzer.instances.figure_cut`
        findings/                 who is where, what is confused, what to look at: see `analyzer.findings_folder`

Any smaller number of segments follows from the finest: `merges` in site.json lists which segment joins which, in order,
and `SiteRecord.ids_at(k)` is the table from the finest ids to those at k. Segments nest: from k to k + 1 one segment
splits, and only the patches of the new one change id. An id, and its colour in the palette, means the same thing at all
sites and in all episodes of the run as far as the sites agree; `residual` and `overlap` say how far that is.

Analysis writes it, everything else only reads it. Files appear whole or not at all; an episode is listed in run.json
once all of it is there. Nothing in it depends on the clock: equal inputs give equal files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.actions import PredictedSteps
from analyzer.json_records import read_json, understood, write_json
from analyzer.ncut.nesting import coarser
from analyzer.npy import NpyFile
from analyzer.settings import Settings
from foundation.action_space import ActionSpace
from foundation.errors import BadInput, RunUnreadable, did_you_mean, quoted
from foundation.files import atomic, writing_to
from foundation.names import safe_name

SCHEMA = 1
FIGURE = "figure.npy"
ACTION_KINDS = ("recorded", "predicted", "difference", "uncertainty")
"""What actions.parquet has a column of for every dimension."""


@dataclass(frozen=True)
class CameraRecord:
    """A camera of an analysed episode."""

    name: str
    width: int
    height: int
    """Of the recording's pictures, in pixels."""
    to_recording: tuple[tuple[float, ...], ...]
    """3x3: (x, y, 1) in model pixels -> recording pixels."""
    model_size: tuple[int, int]
    """(height, width) of the model's input."""
    in_preview: tuple[int, int, int, int]
    """(left, top, width, height) in the preview's pixels."""

    def __post_init__(self) -> None:
        matrix = np.array(self.to_recording, np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
            raise ValueError(f"to_recording of camera {quoted(self.name)} is no invertible 3x3 matrix")
        if min(self.width, self.height, *self.model_size, *self.in_preview[2:]) < 1 or min(self.in_preview[:2]) < 0:
            raise ValueError(f"camera {quoted(self.name)} has a side without pixels")


@dataclass(frozen=True)
class EpisodeRecord:
    """Everything about an analysed episode but its arrays. None: not recorded."""

    id: str
    source: str
    format: str
    locator: str
    """With `source` and `format`, enough to open the recording again."""
    fingerprints: tuple[str, ...]
    """Of each camera's recording: tells whether the file is still the one that was analysed."""
    cameras: tuple[CameraRecord, ...]
    frames: tuple[int, ...]
    """Positions in the recording of the frames that were analysed."""
    times_s: tuple[float, ...]
    """Of those frames."""
    frame_count: int
    """Of the recording."""
    duration_s: float
    """Of the recording, to the end of its last frame."""
    instruction: str | None = None
    success: bool | None = None
    control_hz: float | None = None
    frame_steps: tuple[int, ...] | None = None
    """The control step of every analysed frame."""
    action_space: ActionSpace | None = None
    """Of the recorded actions."""
    predicted_space: ActionSpace | None = None
    """Of the predicted ones: the recording's, or the policy's own where nothing was recorded or the two cannot be
    compared. None: no actions were predicted."""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.cameras or len(self.fingerprints) != len(self.cameras):
            raise ValueError(f"there are {len(self.fingerprints)} fingerprints for {len(self.cameras)} cameras")
        if not self.frames or len(self.times_s) != len(self.frames):
            raise ValueError(f"there are {len(self.times_s)} times for {len(self.frames)} frames")
        if any(b <= a for a, b in pairwise((-1, *self.frames, self.frame_count))):
            raise ValueError(f"frames must rise, from 0 to below the recording's {self.frame_count}")
        if self.frame_steps is not None and len(self.frame_steps) != len(self.frames):
            raise ValueError(f"there are {len(self.frame_steps)} steps for {len(self.frames)} frames")


@dataclass(frozen=True)
class SteadinessRecord:
    """How steady colours and segments are in time. Changes are in units of the distance between two random patches'
    colours: 0.02 is a fiftieth of it. None: nothing stood still, or could be followed, so there is nothing to tell by."""

    static: float
    """Share of the steps from frame to frame, patch by patch, in which nothing moved in the picture, 0 … 1."""
    flicker: float | None
    """Mean change of a patch's colour from one frame to the next where nothing moved."""
    switches: float | None
    """Share of those patches that changed their segment of the finest division, 0 … 1."""
    drift: float | None
    """Mean change from the first quarter of the frames to the last of patches where nothing ever moved."""
    warped: float | None
    """Mean difference between a patch and the place that the pictures' motion carried it to."""


@dataclass(frozen=True)
class SiteRecord:
    """How one site of one episode was cut."""

    name: str
    grid: tuple[int, int]
    eigenvalues: tuple[float, ...]
    sigma: float
    captured: float
    """Share of the affinity the landmarks see, 0 … 1."""
    segments: int
    """In the finest division."""
    palette: tuple[tuple[int, int, int], ...]
    """RGB of each id, the same at all sites of a run. A site may leave ids out."""
    merges: tuple[tuple[int, int], ...] = ()
    """(absorbed id, absorbing id), from the finest division to a single segment. None: there is the finest alone."""
    reference: str = ""
    """The site whose colours and ids this one follows."""
    residual: float = 0.0
    """What of the site's structure no rotation brings in line with the reference's, 0 … 1 (Procrustes)."""
    overlap: tuple[float, ...] = ()
    """Intersection over union of each id's segment with the reference's of that id, 0 … 1."""
    steadiness: SteadinessRecord | None = None
    """None: an episode of one frame."""
    reach: float | None = None
    """How long coordinates are at most; None: of an analysis from before that was bounded."""

    def ids_at(self, segments: int) -> np.ndarray:
        """(ids,) uint8 table: what each id of segments.npy becomes when `segments` are wanted."""
        return np.array(coarser(len(self.palette), self.merges, segments), np.uint8)


@dataclass
class RunManifest:
    """run.json."""

    settings: Settings
    policy: dict[str, Any]
    """name, fingerprint, and of each site its dim, grid and whether it depends on the instruction."""
    versions: dict[str, str]
    planned: list[str]
    """Ids of all episodes the run is about."""
    done: list[str] = field(default_factory=list)
    """Ids of those whose folder is complete."""

    @property
    def complete(self) -> bool:
        return set(self.done) == set(self.planned)


class RunFolder:
    """A run on disk, for reading and, by the pipeline alone, for writing."""

    def __init__(self, path: Path, manifest: RunManifest) -> None:
        self.path = path
        self.manifest = manifest

    # -- reading -----------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Read run.json.

        Raises:
            RunUnreadable: no such run, another version's, or damaged.
        """
        stored = read_json(path / "run.json", f"{path}: this is not a run folder (it has no run.json).")
        if stored.get("schema") != SCHEMA:
            raise RunUnreadable(
                f"{path}: a run of schema {quoted(stored.get('schema'))}; this version reads {SCHEMA}. "
                "Analyse the recording again."
            )
        with understood(path / "run.json"):
            manifest = RunManifest(
                settings=Settings.from_json(stored["settings"]),
                policy=dict(stored["policy"]),
                versions=dict(stored["versions"]),
                planned=[str(name) for name in stored["planned"]],
                done=[str(name) for name in stored["done"]],
            )
        return cls(path, manifest)

    @property
    def site_names(self) -> list[str]:
        return list(self.manifest.policy["sites"])

    def episode_folder(self, episode: str) -> Path:
        return self.path / "episodes" / safe_name(episode)

    def episode(self, episode: str) -> EpisodeRecord:
        """Raises RunUnreadable where there is no such episode, or its record is damaged."""
        if episode not in self.manifest.done:
            raise RunUnreadable(
                f"{self.path}: there is no analysed episode {quoted(episode)}.{did_you_mean(episode, self.manifest.done)}"
            )
        path = self.episode_folder(episode) / "episode.json"
        stored = read_json(path, f"{path}: missing. Analyse the recording again.")
        with understood(path):
            cameras = tuple(
                CameraRecord(**{**camera, **_tuples(camera, "to_recording", "model_size", "in_preview")})
                for camera in stored.pop("cameras")
            )
            space, predicted = _space(stored.pop("action_space")), _space(stored.pop("predicted_space", None))
            steps = stored.pop("frame_steps")
            return EpisodeRecord(
                cameras=cameras,
                action_space=space,
                predicted_space=predicted,
                frame_steps=None if steps is None else tuple(steps),
                **{**stored, **_tuples(stored, "fingerprints", "frames", "times_s", "notes")},
            )

    def site_folder(self, episode: str, site: str) -> Path:
        if site not in self.site_names:
            raise RunUnreadable(
                f"{self.path}: the run has no site {quoted(site)}.{did_you_mean(site, self.site_names)}"
            )
        return self.episode_folder(episode) / "sites" / safe_name(site)

    def site(self, episode: str, site: str) -> SiteRecord:
        path = self.site_folder(episode, site) / "site.json"
        stored = read_json(path, f"{path}: missing. Analyse the recording again.")
        with understood(path):
            steadiness = stored.pop("steadiness", None)
            return SiteRecord(
                steadiness=None if steadiness is None else SteadinessRecord(**steadiness),
                **{**stored, **_tuples(stored, "grid", "eigenvalues", "palette", "merges", "overlap")},
            )

    def array(self, episode: str, site: str, name: str) -> NpyFile:
        """`name` is "eigenvectors", "colors" or "segments"; first axis is the analysed frames."""
        return NpyFile.open(self.site_folder(episode, site) / f"{name}.npy")

    def actions(self, episode: str, kind: str = "recorded") -> np.ndarray | None:
        """(steps, D) actions, NaN where a step has none; None: there are none of that kind.

        Args:
            kind: "recorded", "predicted", "difference" (predicted - recorded) or "uncertainty" (entropy of the bins,
                in bits). The first is in the record's `action_space`, the others are in its `predicted_space`.
        """
        if kind not in ACTION_KINDS:
            raise BadInput(f"There are no actions of the kind {quoted(kind)}.{did_you_mean(kind, ACTION_KINDS)}")
        path = self.episode_folder(episode) / "actions.parquet"
        if not path.exists():
            return None
        import pyarrow.parquet as parquet

        with understood(path):
            table = parquet.read_table(path)
            columns = [name for name in table.column_names if name.startswith(f"{kind}.")]
            if not columns:
                return None
            values = np.stack([table[name].to_numpy().astype(np.float64) for name in columns], axis=1)
            return None if np.isnan(values).all() else values

    def action_chunks(self, episode: str) -> np.ndarray | None:
        """(analysed frames, horizon, D) predicted actions; None: not predicted, or the policy plans one step."""
        path = self.episode_folder(episode) / "chunks.npy"
        if not path.exists():
            return None
        with NpyFile.open(path) as file:
            return file.read(0, len(file))

    def preview(self, episode: str) -> Path:
        return self.episode_folder(episode) / "preview.mp4"

    # -- writing -----------------------------------------------------------------------------------------------------

    def write_manifest(self) -> None:
        manifest = self.manifest
        write_json(
            self.path / "run.json",
            {
                "schema": SCHEMA,
                "settings": manifest.settings.as_json(),
                "policy": manifest.policy,
                "versions": manifest.versions,
                "planned": manifest.planned,
                "done": manifest.done,
            },
        )

    def discard(self) -> None:
        """Take the run off the disk, and nothing else that lies in its folder."""
        shutil.rmtree(self.path / "episodes", ignore_errors=True)
        with suppress(OSError):
            (self.path / "run.json").unlink(missing_ok=True)

    @contextmanager
    def new_episode(self, episode: str) -> Iterator[tuple[Path, Callable[[EpisodeRecord], None]]]:
        """A folder to fill, and the call that finishes it: it puts the folder in its place and lists the episode.

        A block that ends without that call, or with an error, leaves nothing behind.
        """
        target = self.episode_folder(episode)
        building = target.with_name(f".{target.name}.building")

        def finish(record: EpisodeRecord) -> None:
            write_json(building / "episode.json", asdict(record))
            shutil.rmtree(target, ignore_errors=True)
            building.rename(target)
            before = self.manifest.done
            self.manifest.done = [*(name for name in before if name != record.id), record.id]
            try:
                self.write_manifest()
            except BaseException:
                self.manifest.done = before  # it is done once the disk says so
                raise

        with writing_to(target):
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            try:
                yield building, finish
            finally:
                shutil.rmtree(building, ignore_errors=True)


def write_site(folder: Path, record: SiteRecord) -> None:
    write_json(folder / "site.json", asdict(record))


def write_actions(
    path: Path, recorded: np.ndarray | None, space: ActionSpace | None, predicted: PredictedSteps | None = None
) -> None:
    """actions.parquet, and chunks.npy beside it where a policy plans ahead; see the top of this module.

    Args:
        recorded: (steps, D) in `space`; None: not recorded.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    tables: list[tuple[str, np.ndarray, tuple[str, ...]]] = []
    if recorded is not None and space is not None:
        tables.append(("recorded", recorded, space.names))
    if predicted is not None:
        tables += [
            (kind, values, predicted.space.names)
            for kind, values in zip(
                ACTION_KINDS[1:], (predicted.values, predicted.difference, predicted.uncertainty), strict=True
            )
        ]
    columns: dict[str, Any] = {"step": np.arange(len(tables[0][1]))}
    for kind, values, names in tables:
        for index, name in enumerate(names):
            columns[f"{kind}.{name}"] = pa.array(values[:, index], mask=np.isnan(values[:, index]))
    if predicted is not None and predicted.chunks.shape[1] > 1:
        with NpyFile.create(path.with_name("chunks.npy"), predicted.chunks.shape, "float64") as file:
            file.write(0, predicted.chunks)
    with atomic(path) as temporary:
        parquet.write_table(pa.table(columns), temporary)


def _space(stored: Mapping[str, Any] | None) -> ActionSpace | None:
    return None if stored is None else ActionSpace(**{**stored, **_tuples(stored, "names", "units", "scale")})


def _tuples(stored: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The named JSON lists as (nested) tuples."""

    def tupled(value: Any) -> Any:
        return tuple(tupled(item) for item in value) if isinstance(value, list) else value

    return {name: tupled(stored[name]) for name in names}
