"""A command of the program in the background: a process of its own, which a page can watch and stop.

    <folder>/
      job.json       what was asked, and the process that works on it
      progress.log   stderr of the command: `analyzer.progress_lines`, and what it says in words
      result.json    its stdout

It outlives the page and its server: the next one finds it in its folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analyzer.json_records import read_json, record_from, write_json
from foundation.errors import BadInput, RunUnreadable, quoted
from foundation.files import writing_to

FOLDER = ".jobs"
"""Beside what the commands work on; of one command in a folder of its own."""
_TAIL = 64 << 10
"""Bytes of a log that are read: the newest."""
_ROOT = Path(__file__).resolve().parent.parent
_START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from analyzer.cli import main; sys.exit(main())"
)
"""`python -m analyzer`, which heeds Ctrl-C even where the server was started in the background and does not."""
_children: dict[int, subprocess.Popen[bytes]] = {}
"""Of this server: asked now and then, so that none stays a zombie."""


@dataclass(frozen=True)
class Process:
    """Which process works on it: a number is given away again, with its time of start it is unique."""

    pid: int
    started: str


@dataclass(frozen=True)
class Stage:
    """How far a stretch of the work is."""

    name: str
    unit: str
    total: int
    done: int
    left_s: float | None

    @property
    def share(self) -> float:
        return min(1.0, max(0.0, self.done / self.total)) if self.total > 0 else 0.0


@dataclass(frozen=True)
class Told:
    """What is known of a job now."""

    state: str
    """"running", "done" or "stopped"."""
    stages: tuple[Stage, ...]
    """Those that were begun, in order."""
    words: str
    """The last thing the command said in words: an error, or how to go on."""
    result: dict[str, Any] | None
    """What it printed, once it is done."""


class Work:
    """One of them, running or not."""

    def __init__(self, folder: Path, process: Process) -> None:
        self.folder = folder
        self.process = process

    @property
    def name(self) -> str:
        return self.folder.name

    @classmethod
    def begin(
        cls, folder: Path, arguments: Sequence[str], about: dict[str, Any], environment: dict[str, str]
    ) -> Process:
        """Start it; what an earlier one left in its folder is replaced.

        Args:
            arguments: what a person would type after `python -m analyzer`.
            about: kept as "request".

        Raises:
            BadInput: one is running there.
            OutputUnwritable: no permission, no space.
        """
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "lock").open("ab")
        with lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX)  # of two who begin at once one is told so
            there = cls.found(folder)
            if there is not None and there.running:
                raise BadInput(f"{quoted(folder.name)} is being analysed already.")
            with writing_to(folder):
                (folder / "job.json").unlink(missing_ok=True)
                kind, *more = arguments
                command = [sys.executable, "-c", _START, kind, "--json", "--progress-lines", *more]
                with (folder / "progress.log").open("wb") as log, (folder / "result.json").open("wb") as result:
                    # A session of its own: Ctrl-C in the server's terminal is not meant for it. The lock is not its own.
                    child = subprocess.Popen(
                        command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=result, stderr=log, start_new_session=True,
                        env={**os.environ, **environment},
                    )  # fmt: skip
            _children[child.pid] = child
            process = Process(child.pid, _started(child.pid) or "")
            write_json(folder / "job.json", {"request": about, "process": asdict(process)})
        return process

    @classmethod
    def found(cls, folder: Path) -> Work | None:
        """The one in a folder, whatever was asked of it; None: there is none that can be understood."""
        try:
            return Work(folder, record_from(Process, read_json(folder / "job.json", "")["process"]))
        except (RunUnreadable, KeyError, ValueError, TypeError):
            return None

    @property
    def running(self) -> bool:
        child = _children.get(self.process.pid)
        if child is not None and child.poll() is not None:
            del _children[self.process.pid]
            return False
        return bool(self.process.started) and _started(self.process.pid) == self.process.started

    def told(self) -> Told:
        """What it said so far."""
        running = self.running  # asked first: what is written before the end is read after it
        stages: dict[str, Stage] = {}
        words = ""
        for line in _tail(self.folder / "progress.log").splitlines():
            stage = _stage(line)
            if stage is not None:
                stages.pop(stage.name, None)
                stages[stage.name] = stage
            elif line.strip() and not line.lstrip().startswith("{"):
                words = line.strip()
        result: dict[str, Any] | None = None
        if not running:
            try:
                result = read_json(self.folder / "result.json", "")
            except RunUnreadable:
                result = None
        state = "running" if running else "done" if result is not None else "stopped"
        return Told(state, tuple(stages.values()), words, result)

    def stop(self) -> None:
        """As Ctrl-C would: what is finished is kept."""
        if self.running:
            os.kill(self.process.pid, signal.SIGINT)


def _started(pid: int) -> str | None:
    """Time of start as the kernel counts it; None: no such process, or only its exit code is left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return None


def _stage(line: str) -> Stage | None:
    try:
        told = json.loads(line)
        left = told["left_s"]
        return Stage(
            str(told["stage"]),
            str(told["unit"]),
            int(told["total"]),
            int(told["done"]),
            None if left is None else float(left),
        )
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
