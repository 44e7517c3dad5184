"""Analyses in the background: started, watched, stopped, gone on with; found again by another server."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from takes import write_take

from analyzer.background import FOLDER, Process, Told
from analyzer.cli import parser
from analyzer.job import Job, Request, free_name, jobs
from analyzer.shelf import Shelf
from foundation.errors import BadInput

ASKED = Request(paths=("-x.mp4", "a b"), out="/runs/x", policy="dinov2-small", sites=("vision.3", "vision.7"), stride=4)


def ended(job: Job, within_s: float = 60) -> Told:
    until = time.monotonic() + within_s
    while job.told().state == "running":
        assert time.monotonic() < until, job.told()
        time.sleep(0.05)
    return job.told()


def test_the_command_line_understands_what_is_asked() -> None:
    options = parser().parse_args(replace(ASKED, episodes="0,3-5", resume=True).arguments())
    assert [str(path) for path in options.paths] == ["-x.mp4", "a b"], "a name that looks like a flag is none"
    assert (options.sites, options.stride, options.episodes, options.resume) == ("vision.3,vision.7", 4, "0,3-5", True)
    assert str(options.out) == "/runs/x"
    assert not options.actions
    assert parser().parse_args(replace(ASKED, actions=True).arguments()).actions
    assert not options.yes, "the budget holds"


def test_nothing_to_analyse_is_refused() -> None:
    with pytest.raises(BadInput, match="at least one"):
        replace(ASKED, paths=())


def test_an_error_of_the_command_is_told(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    job = Job.start(tmp_path, "x", replace(ASKED, paths=(str(nothing),), out=str(tmp_path / "x")))
    told = ended(job)
    assert told.state == "stopped"
    assert told.words.startswith("error: ")
    assert [one.name for one in jobs(tmp_path)] == ["x"]
    assert not (tmp_path / "x").exists()


def test_stopped_as_by_ctrl_c_and_found_again_by_another_server(tmp_path: Path) -> None:
    take = write_take(tmp_path / "take.mp4", 4)
    request = Request(paths=(str(take),), out=str(tmp_path / "run"), policy="dinov2-small")
    heeded = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a server that a shell started in the background
    try:
        job = Job.start(tmp_path, "run", request)
    finally:
        signal.signal(signal.SIGINT, heeded)
    with pytest.raises(BadInput, match="already"):
        Job.start(tmp_path, "run", request)
    again = Job.open(tmp_path / FOLDER / "run")
    assert again is not None
    assert (again.request, again.running) == (request, True)
    until = time.monotonic() + 60
    while not job.told().stages and job.running and time.monotonic() < until:
        time.sleep(0.02)
    job.stop()
    told = ended(job)
    assert told.state == "stopped"
    assert told.words.startswith("Stopped.")
    assert not again.running
    assert not again.resumed().resume, "there is no run yet to go on with"


def test_another_process_of_that_number_is_not_ours(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER / "old"
    folder.mkdir(parents=True)
    process = {"pid": os.getpid(), "started": "1"}
    request = {"paths": ["a"], "out": "b", "policy": "c"}
    (folder / "job.json").write_text(json.dumps({"request": request, "process": process}))
    (job,) = jobs(tmp_path)
    job.stop()  # would stop this very test
    assert job.told().state == "stopped"


@pytest.mark.parametrize("content", ["{", "{}", '{"request": {"paths": []}}', "[]"])
def test_a_damaged_record_is_no_job(tmp_path: Path, content: str) -> None:
    folder = tmp_path / FOLDER / "x"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(content)
    assert jobs(tmp_path) == []


def test_progress_is_the_last_line_of_each_stage(tmp_path: Path) -> None:
    lines = [
        '{"stage": "a", "unit": "frame", "total": 10, "done": 3, "left_s": 2.0}', "Ahead: 10 frames.",
        '{"stage": "a", "unit": "frame", "total": 10, "done": 10, "left_s": 0.0}', "{torn", '{"stage": 1}',
        '{"stage": "b", "unit": "part", "total": 0, "done": 0, "left_s": null}',
    ]  # fmt: skip
    (tmp_path / "progress.log").write_text("\n".join(lines))
    told = Job(tmp_path, ASKED, Process(0, "")).told()
    assert [(stage.name, stage.share) for stage in told.stages] == [("a", 1.0), ("b", 0.0)]
    assert told.words == "Ahead: 10 frames."


def test_names_are_not_taken_twice(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / FOLDER / "x-2").mkdir(parents=True)
    assert free_name(tmp_path, "x") == "x-3"
    assert "/" not in free_name(tmp_path, "../../x")


def test_the_shelf_holds_what_was_named_and_nothing_else(tmp_path: Path) -> None:
    named, other = tmp_path / "named", tmp_path / "other"
    (named / "deep" / "er").mkdir(parents=True)
    other.mkdir()
    (named / "clip.mp4").touch()
    (named / ".hidden").mkdir()
    (named / "out").symlink_to(other)
    (other / "secret.mp4").touch()
    shelf = Shelf([named])
    assert [place.label for place in shelf.places()] == ["named", "named/deep", "named/deep/er"]
    assert [path.name for path in shelf.entries(named)] == ["deep", "clip.mp4"]
    for outside in (
        other,
        named / ".." / "other",
        named / "out",
        named / "out" / "secret.mp4",
        Path("/etc"),
        named / "no",
    ):
        with pytest.raises(BadInput):
            shelf.checked(outside)
    assert shelf.checked(named / "deep" / ".." / "clip.mp4") == (named / "clip.mp4").resolve()
