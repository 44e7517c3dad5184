"""What can go wrong for a person, each with the exit code of the command line.

A message says what was given, what is allowed and what to do next. Text taken from a recording (file names,
instructions, field names) is hostile: quote it with `quoted`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from foundation.names import printable

_LISTED = 50
"""Known names that an error lists: a dataset may have thousands."""


class LensError(Exception):
    """Base of every error that is shown to the user as one message, without a traceback."""

    exit_code = 2


class BadInput(LensError):
    """A path, a flag or a value that cannot be used."""


class EpisodeUnreadable(LensError):
    """A recording that is missing, damaged or contradicts itself."""


class RunUnreadable(LensError):
    """A run folder that is missing, damaged or of another version."""


class OutputUnwritable(LensError):
    """A result that could not be written: no permission, no space, not a folder."""


class PolicyUnavailable(LensError):
    """A policy whose weights or package cannot be had here."""

    exit_code = 3


def quoted(text: object, limit: int = 200) -> str:
    """`text` on one line in single quotes, control characters escaped, cut at `limit` characters."""
    line = repr(str(text))
    return line if len(line) <= limit else line[:limit] + "…'"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: " Did you mean 'x'? Known: …"."""
    names = [printable(name) for name in known]
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f" Did you mean {quoted(close[0])}?" if close else ""
    more = f", … ({len(names)} in all)" if len(names) > _LISTED else ""
    return f"{hint} Known: {', '.join(names[:_LISTED]) if names else 'none'}{more}."
