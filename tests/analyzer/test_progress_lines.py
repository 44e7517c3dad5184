"""Progress that a program reads along."""

from __future__ import annotations

import json

import pytest

from analyzer import progress_lines
from analyzer.progress_lines import ProgressLines


def test_every_stage_begins_and_ends_with_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress_lines.time, "monotonic", lambda: now[0])
    progress = ProgressLines()
    progress.stage("looking", 10, "frame")
    now[0] += 0.1
    progress.advance(1)  # too soon to tell
    now[0] += 1.9
    progress.advance(3)
    progress.advance(6)
    progress.stage("writing", 2, "part")
    progress.close()
    progress.advance(1)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["stage"], line["done"], line["left_s"]) for line in told] == [
        ("looking", 0, None), ("looking", 4, 3.0), ("looking", 10, 0.0), ("writing", 0, None), ("writing", 0, None),
    ]  # fmt: skip
