"""Findings made again in the background, because people pointed at objects: begun, watched, and compared with what is there."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from analyzer.background import FOLDER, Work
from analyzer.findings_folder import FOLDER as FINDINGS
from analyzer.json_records import read_json
from analyzer.pointing import EpisodeObjects
from analyzer.run_folder import RunFolder
from foundation.errors import BadInput, RunUnreadable
from foundation.names import printable, safe_name


def make_again(run: RunFolder, episode: str) -> None:
    """Begin to follow the objects of an episode, unless that is being done or was done.

    Raises:
        OutputUnwritable: the run cannot be written to.
    """
    if heeded(run, episode) >= EpisodeObjects(run.path, episode).version:
        return
    try:
        arguments = ["assess", f"--episode={episode}", "--", str(run.path)]
        Work.begin(_folder(run, episode), arguments, {"episode": episode}, {})
    except BadInput:
        return  # it is being done, and looks at the objects again before it ends


def state(run: RunFolder, episode: str) -> dict[str, Any]:
    """For a page: objects[] {id, name, frame, camera, author, at}, version, made (the version that the findings heed),
    work {state "none" | "running" | "done" | "stopped", stage, share 0 … 1, left_s, words}.

    Raises:
        RunUnreadable: the findings are damaged.
        OSError: the objects cannot be read.
    """
    objects = EpisodeObjects(run.path, episode)
    command = Work.found(_folder(run, episode))
    work: dict[str, Any] = {"state": "none", "stage": "", "share": 0.0, "left_s": None, "words": ""}
    if command is not None:
        told = command.told()
        work |= {"state": told.state, "words": printable(told.words)}
        if told.stages:
            stage = told.stages[-1]
            work |= {"stage": printable(stage.name), "share": stage.share, "left_s": stage.left_s}
    version = objects.version  # asked first: what comes in between is seen the next time
    shown = ("id", "name", "frame", "camera", "author", "at", "session", "serial")
    return {
        "objects": [{name: getattr(one, name) for name in shown} for one in objects.current()],
        "version": version,
        "made": heeded(run, episode),
        "work": work,
    }


def heeded(run: RunFolder, episode: str) -> int:
    """Version of the objects that the findings heed; 0: none, or there are no findings."""
    path = run.episode_folder(episode) / FINDINGS / "findings.json"
    try:
        status = path.stat()
    except OSError:
        return 0
    return _heeded(path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=64)
def _heeded(path: Path, *stamp: int) -> int:
    found = read_json(path, f"{path}: missing.").get("objects", 0)
    if not isinstance(found, int):
        raise RunUnreadable(f"{path}: damaged (objects is no number). Make the findings again.")
    return found


def _folder(run: RunFolder, episode: str) -> Path:
    return run.path / FOLDER / safe_name(episode)
