"""Which run and episode is looked at: the address says it, and so do the two pickers."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from analyzer.run_folder import RunFolder
from app_pages.listed import shown_first
from app_pages.opened import opened
from app_pages.wording import plain
from foundation.errors import RunUnreadable
from foundation.names import printable

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

    def selectors(self) -> None:
        """Pickers for run and episode, where there is a choice."""
        runs, episodes = list(opened().paths()), self.run.manifest.done
        if len(runs) < 2 and len(episodes) < 2:
            return
        left, right, _ = st.columns([2, 3, 4])
        if len(runs) > 1:
            left.selectbox(
                "Run", runs, index=runs.index(self.run_name), key="_run", label_visibility="collapsed",
                on_change=lambda: go_to(st.session_state["_run"], None),
            )  # fmt: skip
        if len(episodes) > 1:
            right.selectbox(
                "Episode", episodes, index=episodes.index(self.episode), key="_episode", label_visibility="collapsed",
                format_func=printable, on_change=lambda: go_to(self.run_name, st.session_state["_episode"]),
            )  # fmt: skip

    def go_to_triggered(self) -> None:
        """The up or down key was pressed in the player."""
        episode = st.session_state[PLAYER_KEY].get("episode")
        if episode in self.run.manifest.done:
            go_to(self.run_name, episode)


def go_to(run: str, episode: str | None) -> None:
    """Change what the address names; what it said of the view goes."""
    for key in (*VIEW_KEYS, "_run", "_episode"):
        if key in st.query_params:
            del st.query_params[key]
        if key.startswith("_"):
            st.session_state.pop(key, None)
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
