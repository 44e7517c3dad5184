"""The episodes of the runs that were named, in their order, and which of them is shown where the address names none."""

from __future__ import annotations

import threading

import streamlit as st

from analyzer.features import default_cache
from analyzer.library import Library, opens_on
from analyzer.run_index import RunIndex
from app_pages.opened import opened
from foundation.errors import RunUnreadable

_AT_MOST_S = 0.3
"""That a page waits for the list. Of a folder of thousands that was never read, what is known by then is chosen from."""
_PINNED = "_opens_on"
_libraries: dict[int, tuple[RunIndex, Library]] = {}
_lock = threading.Lock()


def library() -> Library:
    """Of the runs that were named; one for all sessions."""
    runs = opened()
    with _lock:
        if id(runs) not in _libraries:
            _libraries[id(runs)] = (runs, Library(runs, default_cache()))
        return _libraries[id(runs)][1]


def shown_first(run: str | None = None) -> tuple[str, str] | None:
    """Name of the run and id of the episode to show where the address names none, of `run` or of all; None: none is done.

    A session keeps to what it was shown: findings that are made anew, or another run that comes along, must not take the
    episode away from under somebody who types.
    """
    pinned: dict[str | None, tuple[str, str]] = st.session_state.setdefault(_PINNED, {})
    found = pinned.get(run)
    if found is None or not _done(*found):
        lines = library().listing(_AT_MOST_S).lines
        line = opens_on([line for line in lines if run in (None, line.run)])
        found = None if line is None or not _done(line.run, line.episode) else (line.run, line.episode)
        if found is not None:
            pinned[run] = found
    return found


def _done(run: str, episode: str) -> bool:
    try:
        return episode in opened().open(run).manifest.done
    except RunUnreadable:
        return False
