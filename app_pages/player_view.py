"""The player in a page: one component, mounted under one key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from analyzer.player import assets
from app_pages.artifact_route import exports_address, manifest_address, module_address, preview_address
from app_pages.loader import LOADER


def player(
    run: str,
    episode: str,
    *,
    key: str = "player",
    review: dict[str, Any] | None = None,
    objects: dict[str, Any] | None = None,
    neighbours: dict[str, str | None] | None = None,
    choices: dict[str, list[str]] | None = None,
    on_review_change: Callable[[], None] | None = None,
    on_objects_change: Callable[[], None] | None = None,
    on_go_to: Callable[[], None] | None = None,
    on_compare_change: Callable[[], None] | None = None,
) -> Any:
    """Show an episode of a run that was opened.

    Args:
        run: name in `app_pages.opened.opened()`.
        key: fixed, so that the player stays as it is from rerun to rerun.
        review: {"reviewer", "reviews", "saved", "error", "turn"}; None: no review panel.
        objects: {"address", "saved", "error", "turn"}; None: nothing can be pointed at.
        neighbours: {"previous", "next"}: ids of episodes; the up and down keys trigger `episode` with one.
        choices: {"runs", "episodes"}: names among which the header lets choose; each may be missing.
        on_go_to: the state then holds `episode`, an id, or `run`, a name.
        on_review_change: the component's state then holds `review`: {"episode", "entries"}.
        on_objects_change: it then holds `objects`: {"episode", "changes"}.

    Returns:
        The component's state: `.review`, `.objects`, `.episode`, `.run` and `.compare`, each None unless this rerun is due to it.
    """
    component = st.components.v2.component(
        "trajectory_lens_player", html='<div class="lens-root"></div>', css=assets.styles(), js=LOADER
    )
    return component(
        key=key,
        data={
            "module": module_address(),
            "manifest": manifest_address(run, episode),
            "video": preview_address(run, episode),
            "run": run,
            "exports": exports_address(run, episode),
            "review": review,
            "objects": objects,
            "neighbours": neighbours or {},
            "choices": choices or {},
        },
        on_review_change=on_review_change or _nothing,
        on_objects_change=on_objects_change or _nothing,
        on_episode_change=on_go_to or _nothing,
        on_run_change=on_go_to or _nothing,
        on_compare_change=on_compare_change or _nothing,
    )


def _nothing() -> None:
    pass
