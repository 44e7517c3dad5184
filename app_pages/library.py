"""Every episode of the runs, ranked by what looks wrong. Searching and filtering happen in the browser."""

from __future__ import annotations

import streamlit as st

from analyzer.player import assets
from app_pages.artifact_route import module_address
from app_pages.first_run import offer_demo
from app_pages.library_route import LIST_ADDRESS
from app_pages.loader import LOADER
from app_pages.opened import opened
from app_pages.sides import NAMED


def show() -> None:
    """The list; a row leads to its episode."""
    component = st.components.v2.component(
        "trajectory_lens_library",
        html='<div class="lens-root"></div>',
        css=assets.styles() + assets.asset("library.css").decode(),
        js=LOADER,
    )
    data = {"module": module_address("library.js"), "list": LIST_ADDRESS}
    state = component(key="library", data=data, on_open_change=lambda: None, on_compare_change=lambda: None)
    chosen = state.open
    if isinstance(chosen, dict) and isinstance(chosen.get("run"), str) and isinstance(chosen.get("episode"), str):
        wanted = {name: str(chosen[name]) for name in ("run", "episode", "case") if chosen.get(name)}
        st.switch_page("review.py", query_params=wanted)
    if isinstance(state.compare, dict):
        st.switch_page("compare.py", query_params={name: str(state.compare[name]) for name in NAMED})


if opened().paths():
    show()
else:
    offer_demo()
