"""Many short clips or single pictures at one site, in one joint basis: `python -m analyzer sheet`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from analyzer import recordings
from analyzer.drawing.cells import panel_sizes, scaled
from analyzer.drawing.contact_sheet import Tile, contact_sheet
from analyzer.drawing.legend import Entry
from analyzer.drawing.site_painter import SitePainter
from analyzer.paint_request import PaintRequest, check_site, write_png
from analyzer.pixels import preview_pixels, recorded_pixels
from analyzer.progress import Progress, Silent
from analyzer.run_folder import EpisodeRecord, RunFolder
from analyzer.run_summary import is_run
from analyzer.settings import Settings
from foundation.errors import BadInput, did_you_mean, quoted
from videos.episode import EpisodeSummary
from videos.image_folder import pictures_in

MOST_TILES = 200
"""On one sheet: more than that nobody compares."""
_COMFORTABLE = 200
"""Height of a picture in pixels."""
_SMALLEST = 96
_ROOM = 6_000_000
"""Pixels that all pictures may take together before they shrink."""


@dataclass(frozen=True, kw_only=True)
class SheetRequest(PaintRequest):
    """What is laid out and how. `from_preview` is about a run."""

    output: Path
    """.png."""
    site: str | None = None
    """None: the run's deepest."""
    columns: int = 4
    """Frames shown of every clip, spread over it; a picture has one."""

    def __post_init__(self) -> None:
        if self.output.suffix.lower() != ".png":
            raise BadInput(f"{self.output}: a sheet is a still picture and ends in .png.")
        if not 1 <= self.columns <= 24:
            raise BadInput(f"--columns is {self.columns}; allowed: 1 to 24 frames of every clip.")
        super().__post_init__()


def sheet(
    paths: Sequence[Path],
    wanted: str,
    settings: Settings,
    request: SheetRequest,
    *,
    cache: Path,
    out: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Lay out a run's episodes, or analyse recordings together and lay those out.

    Pictures of a folder, and pictures named by themselves, are one tile each. Of a clip only about as many frames are
    analysed as are shown, unless `settings.stride` says otherwise: features come from the cache, so that what was seen
    before costs nothing.

    Args:
        paths: one run folder; or recordings, folders of them, pictures.
        wanted: which episodes, as `recordings.find` takes it.
        out: where the run is kept; None: nowhere, the sheet is all that stays.

    Raises:
        BadInput: nothing to show, too much of it, or a site that is not there.
        Whatever `pipeline.run` raises.
    """
    progress = progress or Silent()
    if len(paths) == 1 and is_run(paths[0]):
        run = RunFolder.open(paths[0])
        ids = _wanted(run, wanted)
        return _drawn(run, ids, request, progress)
    from analyzer.pipeline import run as analyse

    found = recordings.find([one for path in paths for one in _each_picture(path)], wanted)
    _check_count(len(found))
    settings = replace(settings, instances="none", sites=settings.sites if request.site is None else (request.site,))
    if settings.stride == 1:
        settings = replace(settings, stride=_stride(found, settings, request.columns))
    with ExitStack() as stack:
        home = out or Path(stack.enter_context(TemporaryDirectory(prefix="trajectory-lens-"))) / "run"
        run = analyse(found, settings, home, cache=cache, resume=out is not None, progress=progress)
        return {**_drawn(run, run.manifest.done, request, progress), **({"run": str(out)} if out else {})}


def _drawn(run: RunFolder, ids: Sequence[str], request: SheetRequest, progress: Progress) -> dict[str, Any]:
    _check_count(len(ids))
    site = request.site or run.site_names[-1]
    check_site(run, site)
    progress.stage("drawing", len(ids), "clip")
    tiles = []
    shown = [_spread(len(run.episode(id_).frames), request.columns) for id_ in ids]
    height = request.panel_height or _comfortable([run.episode(id_) for id_ in ids], [len(one) for one in shown])
    for id_, positions in zip(ids, shown, strict=True):
        tiles.append(_tile(run, run.episode(id_), site, positions, height, request))
        progress.advance(1)
    joint = run.manifest.settings.basis == "run" or len(ids) == 1
    entries = [Entry("same colour, in any tile: alike to the policy at this site")]
    if not joint:
        entries = [Entry("each tile has a basis of its own: colours of different tiles agree only roughly")]
    about = f"{run.manifest.policy.get('name')} · {site} · {'one joint basis' if joint else 'a basis for each'}"
    picture = contact_sheet(_title(run, ids), about, tiles, entries)
    write_png(request.output, picture)
    return {"path": str(request.output), "site": site, "tiles": len(tiles)}


def _tile(
    run: RunFolder, record: EpisodeRecord, site: str, positions: Sequence[int], height: int, request: SheetRequest
) -> Tile:
    sizes = panel_sizes(record, [0], height)
    frames = [record.frames[position] for position in positions]
    read = preview_pixels if request.from_preview else recorded_pixels
    recorded, painted = [], []
    with closing(SitePainter(run, record, site, sizes, request.painted)) as painter:
        for position, pixels in zip(positions, read(run, record, [0], frames), strict=True):
            raw = scaled(pixels, sizes)
            recorded.append(raw[0])
            painted.append(painter.panels(position, raw)[0])
    outcome = {True: "success", False: "failure", None: ""}[record.success]
    told = [one for one in (outcome, record.instruction or "") if one]
    return Tile(
        title=record.id,
        note=" · ".join(told),
        success=record.success,
        recorded=tuple(recorded),
        painted=tuple(painted),
        moments=tuple(f"{record.times_s[position]:.1f} s" for position in positions) if len(record.frames) > 1 else (),
    )


def _title(run: RunFolder, ids: Sequence[str]) -> str:
    single = all(len(run.episode(id_).frames) == 1 for id_ in ids)
    noun = "picture" if single else "clip"
    return f"{len(ids)} {noun}{'' if len(ids) == 1 else 's'} side by side"


def _each_picture(path: Path) -> list[Path]:
    """The pictures of a folder that holds nothing but pictures; else the path itself."""
    if not path.is_dir():
        return [path]
    pictures = pictures_in(path)
    others = [one for one in path.iterdir() if not one.name.startswith(".") and one.suffix.lower() != ".txt"]
    return pictures if pictures and len(pictures) == len(others) else [path]


def _stride(found: Sequence[EpisodeSummary], settings: Settings, columns: int) -> int:
    """So that the shortest clip has just the frames that are shown, evenly spread."""
    counts = [recordings.open_recording(one, settings).frame_count for one in found]
    clips = [count for count in counts if count > 1]
    return max(1, (min(clips, default=1) - 1) // max(1, columns - 1))


def _wanted(run: RunFolder, wanted: str) -> list[str]:
    picked = [part.strip() for part in wanted.split(",") if part.strip()]
    unknown = next((part for part in picked if part not in run.manifest.done), None)
    if unknown is not None:
        raise BadInput(f"--episodes: there is no {quoted(unknown)}.{did_you_mean(unknown, run.manifest.done)}")
    return picked or list(run.manifest.done)


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_TILES:
        raise BadInput(
            f"There are {count} clips; a sheet shows 1 to {MOST_TILES}. Choose some with --episodes, e.g. 0-{MOST_TILES - 1}."
        )


def _spread(frames: int, columns: int) -> list[int]:
    """Positions of the frames shown, from the first to the last."""
    if columns == 1:
        return [frames // 2]
    return [int(one) for one in np.unique(np.rint(np.linspace(0, frames - 1, min(columns, frames))))]


def _comfortable(records: Sequence[EpisodeRecord], shown: Sequence[int]) -> int:
    """Height at which all pictures together stay within `_ROOM`."""
    aspects = sum(
        2 * count * record.cameras[0].width / record.cameras[0].height
        for record, count in zip(records, shown, strict=True)
    )
    return int(max(_SMALLEST, min(_COMFORTABLE, (_ROOM / aspects) ** 0.5)))
