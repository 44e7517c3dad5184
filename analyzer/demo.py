"""The bundled failure, from recording to pictures: what a newcomer sees first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from analyzer import recordings
from analyzer.pipeline import run
from analyzer.progress import Progress
from analyzer.render import RenderRequest, render
from analyzer.report.write import ReportRequest, write_report
from analyzer.settings import Settings
from videos.samples import sample


def demo(out: Path, cache: Path, progress: Progress) -> dict[str, Any]:
    """Analyse the bundled episode into `out`, write the report, an overlay video and a sheet, say how to look."""
    found = recordings.find([sample()])
    folder = run(found, Settings(), out, cache=cache, resume=True, progress=progress)
    episode, sites = folder.manifest.done[0], folder.site_names
    video, sheet = out / "overlay.mp4", out / "sheet.png"
    wanted = [(video, "side-by-side", sites[-1:]), (sheet, "grid", sites)]
    for output, style, shown in wanted:
        done = 0

        def advance(frames: int, total: int, name: str = output.name) -> None:
            nonlocal done
            if done == 0:
                progress.stage(f"rendering {name}", total, "frame")
            progress.advance(frames - done)
            done = frames

        render(folder, episode, RenderRequest(style=style, sites=tuple(shown)), output, advance)
    report = out / "report.html"
    write_report(ReportRequest((out,), report, player=True), progress)
    print(
        f"\nDone. The run is in {out}: open\n"
        f"  {report}   what was found, with the player; in a browser\n"
        f"  {video}   the recording beside what {folder.manifest.policy['name']} makes of it, at {sites[-1]}\n"
        f"  {sheet}     frames across, sites down: follow the bowl and the plate\n"
        f"in any player or browser. More views: python -m analyzer render {out} --help\n",
        file=sys.stderr,
    )
    return {"path": str(video), "run": str(out), "sheet": str(sheet), "report": str(report)}
