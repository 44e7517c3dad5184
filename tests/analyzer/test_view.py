"""What `view` refuses before it starts anything, and what it starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.cli import main
from analyzer.run_folder import RunFolder
from analyzer.run_index import RunIndex
from analyzer.view import RECORDINGS_VARIABLE


def test_a_folder_without_runs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(tmp_path)]) == 2
    assert "no run" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "70000"])
def test_a_port_that_is_none_is_refused(port: str, tiny_run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(tiny_run.path), "--port", port]) == 2
    assert "--port" in capsys.readouterr().err


def test_this_machine_alone_unless_asked(tiny_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command, **_: started.append(command) or 0)
    assert main(["view", str(tiny_run.path)]) == 0
    assert main(["view", str(tiny_run.path), "--address", "0.0.0.0"]) == 0
    addresses = [command[command.index("--server.address") + 1] for command in started]
    assert addresses == ["127.0.0.1", "0.0.0.0"]
    assert started[0][-1] == str(tiny_run.path.resolve())


def test_folders_of_recordings_are_named_to_the_server(tiny_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str | None] = []
    monkeypatch.setattr(subprocess, "call", lambda _, **more: told.append(more["env"].get(RECORDINGS_VARIABLE)) or 0)
    assert main(["view", str(tiny_run.path), "--recordings", str(tiny_run.path.parent)]) == 0
    assert told == [str(tiny_run.path.parent.resolve())]
    assert main(["view", str(tiny_run.path), "--recordings", str(tiny_run.path / "run.json")]) == 2


def test_a_new_run_is_shown_and_its_neighbours_are_not(tiny_run: RunFolder, tmp_path: Path) -> None:
    index, elsewhere = RunIndex([tiny_run.path]), tmp_path / "elsewhere"
    assert index.home_for_new(elsewhere) == elsewhere
    assert RunIndex([tiny_run.path, tmp_path]).home_for_new(elsewhere) == tmp_path
    for name in ("new", "private"):
        shutil.copytree(tiny_run.path, elsewhere / name)
    assert list(index.paths()) == [tiny_run.path.name]
    index.add(elsewhere / "new")
    assert list(index.paths().values()) == [tiny_run.path, elsewhere / "new"]
