"""The view as a still picture or as a video, drawn as `render` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from analyzer.exports.exporter import ExportRequest
from analyzer.progress import Progress, counted
from analyzer.render import RenderRequest, render
from foundation.errors import EpisodeUnreadable

DRAWN = ("colors", "segments", "off")


def problem(request: ExportRequest) -> str | None:
    mode = request.view.mode
    if mode in DRAWN:
        return None
    return (
        f"Pictures and videos are drawn of colours, segments or the recording alone, and {mode} is in view: switch to one "
        "of them. The camera button saves the picture as it is on the screen."
    )


def write(request: ExportRequest, path: Path, progress: Progress) -> None:
    """.png of the frame in view, or .mp4 of all analysed frames at their recorded times."""
    view = request.view
    frames: tuple[int, ...] = ()
    if path.suffix == ".png":
        analysed = request.run.episode(request.episode).frames
        wanted = analysed[len(analysed) // 2] if view.frame is None else view.frame
        frames = (min(analysed, key=lambda frame: abs(frame - wanted)),)
    drawn = RenderRequest(
        style="segments" if view.mode == "segments" else "overlay",
        sites=(request.site,),
        frames=frames,
        segments=view.segments,
        opacity=0.0 if view.mode == "off" else view.opacity,
    )
    try:
        render(request.run, request.episode, drawn, path, counted(progress, "rendering", "frame"))
    except EpisodeUnreadable:
        # The recording is gone or has changed: the run's own preview is what there is, as in reports.
        again = replace(drawn, from_preview=True)
        render(request.run, request.episode, again, path, counted(progress, "rendering", "frame"))
