"""A run as a video or a still picture: `python -m analyzer render`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analyzer.drawing import scene, sheet
from analyzer.drawing.cells import Cell, Panels, panel_sizes
from analyzer.drawing.legend import Entry
from analyzer.drawing.scene import Scene
from analyzer.drawing.sheet import Sheet
from analyzer.drawing.site_painter import SitePainter
from analyzer.paint_request import PaintRequest, check_site, write_png
from analyzer.pixels import preview_pixels, recorded_pixels
from analyzer.run_actions import RunActions
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import BadInput, did_you_mean, quoted
from videos.encode import write_video

STYLES = ("overlay", "segments", "side-by-side", "grid")
SUFFIXES = (".mp4", ".png")

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in total)."""


@dataclass(frozen=True, kw_only=True)
class RenderRequest(PaintRequest):
    """What is drawn and how."""

    style: str = "overlay"
    """One of `STYLES`. `side-by-side` and `grid` take the paint that is asked for."""
    sites: tuple[str, ...] = ()
    """Sites of the run; `grid` takes several (none: all of them), the other styles take one."""
    cameras: tuple[str, ...] = ()
    """None: all of the run, side by side."""
    frames: tuple[int, ...] = ()
    """Frames of the recording, rising. None: all that were analysed; for a .png, some of them."""
    columns: int = 6
    """How many frames a `grid` .png spreads over the episode, where `frames` names none."""

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise BadInput(f"--style: there is no {quoted(self.style)}.{did_you_mean(self.style, STYLES)}")
        super().__post_init__()
        if not 1 <= self.columns <= 60:
            raise BadInput(f"--columns is {self.columns}; allowed: 1 to 60 frames.")
        if any(later <= earlier for earlier, later in zip(self.frames, self.frames[1:], strict=False)):
            raise BadInput("--frames: name frames in rising order, each once, e.g. 0,40,80.")

    @property
    def shows_segments(self) -> bool:
        return self.style == "segments" or (self.style in ("side-by-side", "grid") and self.paint == "segments")


def render(
    run: RunFolder, episode: str, request: RenderRequest, output: Path, progress: Progress | None = None
) -> Path:
    """Draw an analysed episode to `output`: .mp4 shows every frame at its recorded time, .png is a still.

    A .png of one frame looks like that frame of the video; of several frames (and of a `grid`) it is a sheet with a
    column a frame. The file appears whole or not at all.

    Raises:
        BadInput: a wrong ending, or a site, camera or frame that cannot be drawn.
        RunUnreadable: no such episode or site, or the run is damaged.
        EpisodeUnreadable: the recording is gone or has changed.
        OutputUnwritable: `output` cannot be written.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{output}: the output ends in .mp4 (a video) or .png (a still picture).")
    record = run.episode(episode)
    sites = _sites(run, request)
    cameras = _cameras(record, request.cameras)
    still = output.suffix.lower() == ".png"
    chosen = _frames(record, request, still=still)
    is_sheet = still and (request.style == "grid" or len(chosen) > 1)
    cell_count = len(sites) + (request.style in ("side-by-side", "grid"))
    if request.panel_height is not None:
        sizes = panel_sizes(record, cameras, request.panel_height)
    elif is_sheet:
        sizes = sheet.comfortable_sizes(record, cameras, len(chosen))
    else:
        sizes = scene.comfortable_sizes(record, cameras, cell_count)

    recording_frames = [record.frames[index] for index in chosen]
    pixels = (
        preview_pixels(run, record, cameras, recording_frames)
        if request.from_preview
        else recorded_pixels(run, record, cameras, recording_frames)
    )
    with ExitStack() as stack:
        painters = [SitePainter(run, record, site, sizes, request.painted) for site in sites]
        for painter in painters:
            stack.callback(painter.close)
        cells = [Cell("recording")] if request.style in ("side-by-side", "grid") else []
        cells += [Cell(site, painter) for site, painter in zip(sites, painters, strict=True)]
        about = [str(run.manifest.policy.get("name", "")), *([sites[0]] if request.style != "grid" else []), record.id]
        legend = _legend(painters, request)
        if is_sheet:
            drawn = Sheet(record, about, cells, sizes, legend, len(chosen))
            for column, (index, panels) in enumerate(zip(chosen, pixels, strict=True)):
                drawn.draw(column, index, panels)
                if progress:
                    progress(column + 1, len(chosen))
            write_png(output, drawn.picture())
            return output
        if len(cells) == 1:
            cells = [Cell("", cells[0].painter)]  # the header names its site
        actions = RunActions.read(run, record)
        drawn_scene = Scene(record, about, cells, sizes, legend, actions.recorded, actions.predicted)
        pictures = _pictures(drawn_scene, chosen, pixels, progress)
        if still:
            write_png(output, next(pictures))
        else:
            write_video(output, pictures, np.array([record.times_s[index] for index in chosen]))
    return output


def _pictures(
    scene: Scene, chosen: Sequence[int], pixels: Iterator[Panels], progress: Progress | None
) -> Iterator[np.ndarray]:
    for done, (index, panels) in enumerate(zip(chosen, pixels, strict=True), start=1):
        yield scene.picture(index, panels)
        if progress:
            progress(done, len(chosen))


def _legend(painters: Sequence[SitePainter], request: RenderRequest) -> list[Entry]:
    palettes = {painter.site.palette for painter in painters}
    entries = [Entry("same colour: alike to the policy at this site")]
    if request.shows_segments:
        entries = [Entry("segments are numbered at each site by itself")]
        if len(palettes) == 1:
            palette = painters[0].site.palette
            drawn = sorted(set().union(*(painter.segments for painter in painters)))
            entries = [Entry(f"segment {number}", palette[number]) for number in drawn]
    if request.opacity and not all(painter.sees_everything for painter in painters):
        entries.append(Entry("dark: outside what the policy sees"))
    return entries


def _sites(run: RunFolder, request: RenderRequest) -> list[str]:
    known = run.site_names
    for site in request.sites:
        check_site(run, site)
    if request.style == "grid":
        return list(dict.fromkeys(request.sites)) or known
    if len(request.sites) > 1:
        raise BadInput(f"--style {request.style} shows one site; --style grid shows several side by side.")
    if not request.sites and len(known) > 1:
        raise BadInput(f"Name the site to draw with --site: {', '.join(known)}. Or use --style grid for all of them.")
    return list(request.sites or known)


def _cameras(record: EpisodeRecord, names: Sequence[str]) -> list[int]:
    known = [camera.name for camera in record.cameras]
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise BadInput(f"The run has no camera {quoted(unknown)}.{did_you_mean(unknown, known)}")
    return [known.index(name) for name in dict.fromkeys(names)] or list(range(len(known)))


def _frames(record: EpisodeRecord, request: RenderRequest, *, still: bool) -> list[int]:
    """Which of the analysed frames are drawn, as positions among them."""
    total = len(record.frames)
    if request.frames:
        position = {frame: index for index, frame in enumerate(record.frames)}
        missing = next((frame for frame in request.frames if frame not in position), None)
        if missing is not None:
            nearest = min(record.frames, key=lambda frame: abs(frame - missing))
            raise BadInput(f"--frames: frame {missing} was not analysed; the nearest one that was is {nearest}.")
        return [position[frame] for frame in request.frames]
    if not still:
        return list(range(total))
    if request.style != "grid":
        return [total // 2]
    spread = np.linspace(0, total - 1, min(request.columns, total))
    return [int(index) for index in np.rint(spread)]
