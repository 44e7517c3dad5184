"""The bundled failure, from recording to pictures: what a newcomer sees first.

Seen by two policies, a run each: `openvla-tiny-libero`, which acts, and `dinov2-small`, which only sees, beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from analyzer import recordings
from analyzer.pipeline import run
from analyzer.progress import Progress
from analyzer.render import RenderRequest, render
from analyzer.report.write import ReportRequest, write_report
from analyzer.run_folder import RunFolder
from analyzer.settings import Settings
from videos.samples import sample

ACTS = Settings(policy="openvla-tiny-libero", actions=True)
SEES = Settings(policy="dinov2-small")
VIDEO, SHEET = "overlay.mp4", "sheet.png"


def demo(out: Path, cache: Path, progress: Progress) -> dict[str, Any]:
    """Analyse the bundled episode into `out` and, for comparison, into the folder beside it; say how to look.

    The report, in `out`, is on both runs; each has a video and a sheet.
    """
    found = recordings.find([sample()])
    beside = out.with_name(f"{out.name}-{SEES.policy}")
    for folder, settings in ((out, ACTS), (beside, SEES)):
        _draw(run(found, settings, folder, cache=cache, resume=True, progress=progress), progress)
    report = out / "report.html"
    write_report(ReportRequest((out, beside), report, player=True), progress)
    print(
        f"\nDone. Two runs of one recording: {out} by {ACTS.policy}, which acts, and {beside} by {SEES.policy}, "
        f"which only sees. Open\n"
        f"  {report}   what was found, with the player; in a browser\n"
        f"  {out / VIDEO}   the recording beside what the policy makes of it\n"
        f"  {out / SHEET}     frames across, sites down\n"
        f"  {beside / SHEET}     the same by {SEES.policy}: follow the bowl and the plate\n"
        f"in any player or browser. Both runs in the review page: python -m analyzer view {out} {beside}\n",
        file=sys.stderr,
    )
    return {
        "path": str(out / VIDEO),
        "run": str(out),
        "beside": str(beside),
        "sheet": str(out / SHEET),
        "report": str(report),
    }


def _draw(folder: RunFolder, progress: Progress) -> None:
    """An overlay video of the deepest site and a sheet of all, into the run's folder."""
    episode, sites = folder.manifest.done[0], folder.site_names
    for name, style, shown in ((VIDEO, "side-by-side", sites[-1:]), (SHEET, "grid", sites)):
        done = 0

        def advance(frames: int, total: int, name: str = name) -> None:
            nonlocal done
            if done == 0:
                progress.stage(f"rendering {folder.path.name}/{name}", total, "frame")
            progress.advance(frames - done)
            done = frames

        render(folder, episode, RenderRequest(style=style, sites=tuple(shown)), folder.path / name, advance)
