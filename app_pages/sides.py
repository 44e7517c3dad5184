"""Which two episodes the address names."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from analyzer.run_folder import RunFolder
from app_pages.listed import shown_first
from app_pages.opened import opened
from foundation.errors import RunUnreadable

NAMED = ("run", "episode", "run_b", "episode_b")
"""What the address says of both."""


@dataclass(frozen=True)
class Named:
    """An episode of an opened run."""

    run_name: str
    run: RunFolder
    episode: str


def named(letter: str) -> Named | None:
    """What the address says of a side; None: nothing.

    Raises RunUnreadable where it is not there.
    """
    suffix = "_b" if letter == "b" else ""
    name, episode = st.query_params.get(f"run{suffix}"), st.query_params.get(f"episode{suffix}")
    if name is None:
        return None
    run = opened().open(name)
    if not run.manifest.done:
        raise RunUnreadable(f"The run {name!r} has no finished episode yet.")
    if episode is None:
        _, episode = shown_first(name) or (name, run.manifest.done[0])
    if episode not in run.manifest.done:
        raise RunUnreadable(f"The run {name!r} has no episode {episode!r}.")
    return Named(name, run, episode)


def choose(letter: str, run: str | None, episode: str | None) -> None:
    """Put a side into the address; what it said of the view goes."""
    kept = {key: st.query_params[key] for key in NAMED if key in st.query_params}
    suffix = "_b" if letter == "b" else ""
    for key, value in ((f"run{suffix}", run), (f"episode{suffix}", episode)):
        kept.pop(key, None)
        if value is not None:
            kept[key] = value
    st.query_params.clear()
    st.query_params.update(kept)


def swap() -> None:
    kept = [st.query_params.get(key) for key in NAMED]
    st.query_params.clear()
    st.query_params.update({key: value for key, value in zip(NAMED, kept[2:] + kept[:2], strict=True) if value})


def first_named() -> Named | None:
    """What the review page shows where nothing is asked for."""
    found = shown_first()
    return None if found is None else Named(found[0], opened().open(found[0]), found[1])
