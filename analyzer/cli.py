"""The command line: reads the arguments, calls the one who does the work, says where the result is.

Progress and messages go to stderr; stdout carries the result's path alone, or with --json one JSON object. Nothing
heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from analyzer.commands.assess import ASSESS
from analyzer.commands.compare import COMPARE
from analyzer.commands.demo import DEMO
from analyzer.commands.doctor import DOCTOR
from analyzer.commands.export import EXPORT
from analyzer.commands.inspect import INSPECT
from analyzer.commands.render import RENDER
from analyzer.commands.report import REPORT
from analyzer.commands.run import RUN
from analyzer.commands.sheet import SHEET
from analyzer.commands.view import VIEW
from analyzer.progress import Progress, Silent
from foundation.errors import LensError
from foundation.names import printable

COMMANDS = (DEMO, INSPECT, RUN, ASSESS, RENDER, REPORT, VIEW, COMPARE, EXPORT, SHEET, DOCTOR)
"""In the order of --help."""

EXIT_CODES = (
    "exit codes: 0 ok, 1 findings over --fail-on, 2 bad input or usage, 3 policy unavailable, 130 stopped by Ctrl-C"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = parser().parse_args(arguments)
    try:
        # Closed before anything is said about an error: the message starts on a line of its own.
        with closing(_progress(options)) as progress:
            result: dict[str, Any] = options.command.execute(options, progress)
    except LensError as error:
        # A message quotes paths and names out of recordings: no control character of theirs reaches the terminal.
        print(f"error: {printable(error)}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # of the machine, foreseen nowhere: a path too long, a folder that may not be read
        path = printable(error.filename) if error.filename else options.command.name
        print(
            f"error: {path}: {error.strerror or error}. Check the path, the disk and your rights to both.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. {options.after_stop}", file=sys.stderr)
        return 130
    code = int(result.pop("exit_code", 0))
    if options.json:
        _say(json.dumps(result, indent=1))
    elif "text" in result:
        _say(result["text"])
    elif "path" in result:
        _say(result["path"])
    return code


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="python -m analyzer",
        description="Trajectory Lens: see why a robot policy failed.",
        epilog=EXIT_CODES,
    )
    commands = whole.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.does, description=command.does, epilog=EXIT_CODES)
        sub.set_defaults(command=command, after_stop="Nothing was written.")
        sub.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
        sub.add_argument("--quiet", action="store_true", help="no progress on stderr")
        sub.add_argument("--progress-lines", action="store_true", help="progress on stderr as JSON, an object a line")
        command.declare(sub)
    return whole


def _say(text: str) -> None:
    """The result on stdout. A path goes out byte for byte; a reader that has seen enough (`| head`) is no error."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except UnicodeEncodeError:
        sys.stdout.buffer.write(os.fsencode(f"{text}\n"))
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more on its way out, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _progress(options: argparse.Namespace) -> Progress:
    if options.quiet:
        return Silent()
    if options.progress_lines:
        from analyzer.progress_lines import ProgressLines

        return ProgressLines()
    from analyzer.progress_bar import ProgressBar

    return ProgressBar()
