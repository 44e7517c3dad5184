"""The command lines that make a run and its report again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from analyzer.run_folder import RunFolder
from analyzer.settings import PARAMETERS, Settings
from foundation.errors import RunUnreadable
from foundation.names import printable

_PROGRAM = "python -m analyzer"


def run_command(run: RunFolder) -> str:
    """Makes the whole run again, since its episodes share a basis; settings at their default are left out."""
    records = []
    for episode in run.manifest.planned:
        with suppress(RunUnreadable):  # not analysed yet, or damaged: where it came from is not known
            records.append(run.episode(episode))
    sources = list(dict.fromkeys(record.source for record in records)) or ["RECORDINGS"]
    # A source may hold more episodes than the run looked at.
    ids = ["--episodes", ",".join(record.id for record in records)] if records else []
    return _shell(_PROGRAM, "run", *sources, *ids, *setting_flags(run.manifest.settings), "--out", str(run.path))


def assess_command(run: RunFolder) -> str:
    """Looks for findings in a run that has none."""
    return _shell(_PROGRAM, "assess", str(run.path))


def report_command(runs: Sequence[RunFolder], output: Path) -> str:
    return _shell(_PROGRAM, "report", *(str(run.path) for run in runs), "-o", str(output))


def compare_command(
    runs: tuple[RunFolder, RunFolder], episodes: tuple[str, str], sites: tuple[Sequence[str], Sequence[str]]
) -> str:
    """Compares again; what both sides have in common is named once."""
    paths = list(dict.fromkeys(str(run.path) for run in runs))
    one_each = [",".join(of) for of in sites] if all(len(of) == 1 for of in sites) else []
    named = ["--sites", ",".join(dict.fromkeys(one_each))] if one_each else []
    return _shell(_PROGRAM, "compare", *paths, "--episodes", ",".join(dict.fromkeys(episodes)), *named)


def setting_flags(settings: Settings) -> list[str]:
    """The flags that differ from the defaults."""
    flags = []
    for name, parameter in PARAMETERS.items():
        value = getattr(settings, name)
        if value == parameter.default:
            continue
        if parameter.type is bool:
            flags.append(parameter.flag)
        else:
            flags += [parameter.flag, ",".join(value) if isinstance(value, tuple) else str(value)]
    return flags


def _shell(program: str, *arguments: str) -> str:
    """Quoted for a POSIX shell; a control character in a name could not be pasted anyway and is written out."""
    return " ".join([program, *(shlex.quote(printable(argument)) for argument in arguments)])
