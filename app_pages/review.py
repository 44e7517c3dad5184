"""One episode: player, what looks wrong and why, and what a person makes of it."""

from __future__ import annotations

import streamlit as st

from app_pages.chosen import Chosen, chosen_episode, offer_runs
from app_pages.first_run import offer_demo
from app_pages.player_view import player
from app_pages.pointing import objects_state, take_objects
from app_pages.reviewing import review_state, take_changes
from app_pages.wording import plain
from foundation.errors import RunUnreadable


def show(chosen: Chosen) -> None:
    """The page of an episode that is there."""
    state = player(
        chosen.run_name,
        chosen.episode,
        review=review_state(chosen),
        objects=objects_state(chosen),
        neighbours={"previous": chosen.neighbour(-1), "next": chosen.neighbour(1)},
        choices=chosen.choices(),
        on_review_change=lambda: take_changes(chosen),
        on_objects_change=lambda: take_objects(chosen),
        on_go_to=chosen.go_to_triggered,
    )
    if isinstance(state.compare, dict):
        site = {"site": str(state.compare["site"])} if state.compare.get("site") else {}
        st.switch_page("compare.py", query_params={"run": chosen.run_name, "episode": chosen.episode, **site})


try:
    found = chosen_episode()
except RunUnreadable as error:
    st.error(plain(error))
    offer_runs()
else:
    if found is None:
        offer_demo()
    else:
        show(found)
