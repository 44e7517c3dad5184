"""Analyses in the background (`analyzer.background`), in <home>/.jobs/<name>/, beside the runs they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from analyzer.background import FOLDER, Process, Work
from analyzer.json_records import read_json, record_from
from foundation.errors import BadInput, RunUnreadable, quoted
from foundation.names import safe_name


@dataclass(frozen=True)
class Request:
    """What `python -m analyzer run` is told."""

    paths: tuple[str, ...]
    out: str
    policy: str
    sites: tuple[str, ...] = ()
    """None: the policy's own choice."""
    episodes: str = ""
    stride: int = 1
    actions: bool = False
    estimate: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        if not self.paths:
            raise BadInput("Choose at least one recording.")
        for text in (*self.paths, *self.sites, self.policy, self.episodes, self.out):
            if "\0" in text:
                raise BadInput(f"{quoted(text)} cannot be the name of anything.")

    def arguments(self) -> list[str]:
        """What a person would type after `python -m analyzer`. No name is taken for a flag."""
        given = ["run", f"--out={self.out}", f"--policy={self.policy}", f"--stride={self.stride}"]
        given += [f"--sites={','.join(self.sites)}"] if self.sites else []
        given += [f"--episodes={self.episodes}"] if self.episodes.strip() else []
        given += ["--actions"] if self.actions else []
        given += ["--resume"] if self.resume else []
        given += ["--estimate"] if self.estimate else []
        return [*given, "--", *self.paths]


class Job(Work):
    """One analysis, running or not."""

    def __init__(self, folder: Path, request: Request, process: Process) -> None:
        super().__init__(folder, process)
        self.request = request

    @classmethod
    def start(cls, home: Path, name: str, request: Request, *, environment: dict[str, str] | None = None) -> Job:
        """Begin; what an earlier job of that name left is replaced.

        Raises:
            BadInput: a job of that name is running.
            OutputUnwritable: no permission, no space.
        """
        folder = home / FOLDER / safe_name(name)
        return cls(folder, request, cls.begin(folder, request.arguments(), asdict(request), environment or {}))

    @classmethod
    def open(cls, folder: Path) -> Job | None:
        """A job that was started, by this server or another; None: there is none that can be understood."""
        try:
            stored = read_json(folder / "job.json", "")
            return cls(folder, record_from(Request, stored["request"]), record_from(Process, stored["process"]))
        except (RunUnreadable, BadInput, KeyError, ValueError, TypeError):
            return None

    def resumed(self) -> Request:
        """The request that goes on where this one stopped."""
        return replace(self.request, resume=(Path(self.request.out) / "run.json").is_file())


def jobs(home: Path) -> list[Job]:
    """All that were started with runs in `home`, by name."""
    try:
        folders = sorted(path for path in (home / FOLDER).iterdir() if path.is_dir())
    except OSError:
        return []
    return [job for job in map(Job.open, folders) if job is not None]


def free_name(home: Path, wanted: str) -> str:
    """`wanted`, or the first of wanted-2, wanted-3, … that no run and no job has."""
    name, number = safe_name(wanted), 1
    while (home / name).exists() or (home / FOLDER / name).exists():
        number += 1
        name = f"{safe_name(wanted)}-{number}"
    return name


def command_line(arguments: Sequence[str]) -> str:
    """For a person to type."""
    import shlex

    return shlex.join(["python", "-m", "analyzer", *arguments])
