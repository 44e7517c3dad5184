"""What `view` refuses before it starts anything, and what it starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from analyzer.cli import main
from analyzer.run_folder import RunFolder


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
