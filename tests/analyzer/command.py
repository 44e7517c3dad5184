"""The command line, called in this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.cli import main


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """`python -m analyzer …`, working in `home`."""

    home: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path) -> Said:
        self.capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:  # argparse
            code = int(stopped.code or 0)
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)

    def run(self, *arguments: str | Path) -> Said:
        """`run --out out …`, quickly; flags given here come last and win."""
        quick = ("--n-eigenvectors", "4", "--n-segments", "3", "--n-landmarks", "16")
        return self("run", "--out", self.home / "out", "--cache", self.home / "cache", *quick, *arguments)

    def refuses(self, said: Said, code: int, *told: str) -> None:
        """It ended with `code` and one message that tells all of this; no result, no traceback, no half a run."""
        assert said.code == code, said.err
        assert said.out == ""
        assert "Traceback" not in said.err
        message = said.err.splitlines()[-1]
        assert message.startswith("error: ")
        for words in told:
            assert words in message
        assert not (self.home / "out").exists()
