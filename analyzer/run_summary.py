"""What a run folder holds and how steady it is: `python -m analyzer inspect RUN`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from analyzer.run_folder import RunFolder, SteadinessRecord

EXPLANATION = """\
Steadiness, where 0 is steadiest. Changes are in units of the distance between two random patches' colours.
  flicker   mean change of a patch's colour from one frame to the next where nothing moves
  switches  share of those patches that change their segment
  drift     mean change from the first quarter of the frames to the last where nothing ever moved
  warped    mean difference between a patch and the place that the pictures' motion carried it to
  still     share of the patches, frame by frame, that stand still: what flicker and switches are measured on
'–': nothing stood still, or the episode has one frame."""
FIGURES = ("flicker", "switches", "drift", "warped", "static")


def is_run(path: Path) -> bool:
    return (path / "run.json").is_file()


def summarise(path: Path) -> dict[str, Any]:
    """Policy, sites and steadiness of every finished episode of a run: plain values, and as text."""
    run = RunFolder.open(path)
    steadiness = run_steadiness(run)
    rows: list[tuple[str, ...]] = [("episode", "site", *FIGURES[:-1], "still")]
    for episode, sites in steadiness.items():
        rows += [(episode, site, *map(_shown, _figures(record))) for site, record in sites.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    done = f"{len(run.manifest.done)} of {len(run.manifest.planned)} episodes"
    head = f"{path}: {done}, seen by {run.manifest.policy['name']}"
    return {
        "path": str(path),
        "policy": run.manifest.policy["name"],
        "planned": run.manifest.planned,
        "steadiness": {
            episode: {site: None if record is None else asdict(record) for site, record in sites.items()}
            for episode, sites in steadiness.items()
        },
        "text": "\n".join([head, "", *lines, "", EXPLANATION]),
    }


def run_steadiness(run: RunFolder) -> dict[str, dict[str, SteadinessRecord | None]]:
    """Episode -> site -> how steady it is."""
    return {
        episode: {site: run.site(episode, site).steadiness for site in run.site_names} for episode in run.manifest.done
    }


def _figures(record: SteadinessRecord | None) -> list[float | None]:
    return [None if record is None else getattr(record, name) for name in FIGURES]


def _shown(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.4f}"
