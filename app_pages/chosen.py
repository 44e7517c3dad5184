"""Which run and episode is looked at: the address says it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from analyzer.run_folder import RunFolder
from app_pages.listed import shown_first
from app_pages.opened import opened
from app_pages.wording import plain
from foundation.errors import RunUnreadable

PLAYER_KEY = "player"
VIEW_KEYS = ("frame", "site", "mode", "pair", "patch", "segments", "solo", "dimension", "case", "opacity", "outlines")
"""What the player writes into the address; of no meaning in another episode."""


_OFFERED = 12


@dataclass(frozen=True)
class Chosen:
    """An episode of an opened run."""

    run_name: str
    run: RunFolder
    episode: str

    def neighbour(self, by: int) -> str | None:
        """Id of an episode before or after this one in the run."""
        done = self.run.manifest.done
        at = done.index(self.episode) + by
        return done[at] if 0 <= at < len(done) else None

    def choices(self) -> dict[str, list[str]]:
        """Names of the runs and ids of this run's episodes, each only where there is a choice."""
        found = {"runs": list(opened().paths()), "episodes": list(self.run.manifest.done)}
        return {kind: names for kind, names in found.items() if len(names) > 1}

    def go_to_triggered(self) -> None:
        """Another episode, or another run, was asked for in the player."""
        episode, run = (st.session_state[PLAYER_KEY].get(kind) for kind in ("episode", "run"))
        if episode in self.run.manifest.done:
            go_to(self.run_name, episode)
        elif run in opened().paths():
            go_to(run, None)


def go_to(run: str, episode: str | None) -> None:
    """Change what the address names; what it said of the view goes."""
    for key in VIEW_KEYS:
        if key in st.query_params:
            del st.query_params[key]
    st.query_params["run"] = run
    if episode is None:
        st.query_params.pop("episode", None)
    else:
        st.query_params["episode"] = episode


def offer_runs() -> None:
    """A button for each of the first runs there are: the way on from an address that leads nowhere."""
    for name in list(opened().paths())[:_OFFERED]:
        st.button(plain(f"Show {name}"), key=f"_offer {name}", on_click=go_to, args=(name, None))


def chosen_episode() -> Chosen | None:
    """What the address names, or what looks wrong most; None: there is no run at all.

    Raises:
        RunUnreadable: the address names what is not there, or it is damaged.
    """
    names = list(opened().paths())
    if not names:
        return None
    name, episode = st.query_params.get("run"), st.query_params.get("episode")
    if episode is None:
        name, episode = shown_first(name) or (name, None)
    name = names[0] if name is None else name
    run = opened().open(name)
    if not run.manifest.done:
        raise RunUnreadable(f"The run {name!r} has no finished episode yet: it appears here as soon as one is done.")
    episode = run.manifest.done[0] if episode is None else episode
    if episode not in run.manifest.done:
        raise RunUnreadable(
            f"The run {name!r} has no episode {episode!r}. It holds: {', '.join(run.manifest.done[:20])}."
        )
    return Chosen(name, run, episode)
