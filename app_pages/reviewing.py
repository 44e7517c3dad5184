"""Reviews between the player and the run's file."""

from __future__ import annotations

import datetime
import getpass
from dataclasses import asdict
from typing import Any

import streamlit as st

from analyzer.reviews import EpisodeReviews, Review
from app_pages.chosen import PLAYER_KEY, Chosen
from foundation.errors import LensError

_ANSWER = "_review_answer"


def review_state(chosen: Chosen) -> dict[str, Any]:
    """What the player's review panel shows: all that is saved, and the answer to what was sent last."""
    answer = st.session_state.get(_ANSWER, {})
    if answer.get("episode") != chosen.episode:
        answer = {}
    try:
        reviews = [asdict(review) for review in EpisodeReviews(chosen.run.path, chosen.episode).current()]
        error = answer.get("error")
    except OSError as problem:
        reviews, error = [], answer.get("error") or f"Reviews cannot be read: {problem.strerror}."
    return {
        "reviewer": reviewer(),
        "reviews": reviews,
        "saved": answer.get("saved", []),
        "error": error,
        "turn": answer.get("turn", 0),
    }


def take_changes(chosen: Chosen) -> None:
    """Save what the player sent. An error is shown beside the note, which stays where it was typed."""
    sent = st.session_state[PLAYER_KEY].get("review") or {}
    turn = st.session_state.get(_ANSWER, {}).get("turn", 0) + 1
    answer: dict[str, Any] = {"episode": chosen.episode, "saved": [], "error": None, "turn": turn}
    try:
        entries = list(sent["entries"])[:200] if sent.get("episode") == chosen.episode else []
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        changes = [(Review.of(entry, at=now), int(entry.get("based_on") or 0)) for entry in entries]
        stored = EpisodeReviews(chosen.run.path, chosen.episode).save(changes)
        answer["saved"] = [
            {"id": change.id, "session": change.session, "serial": change.serial, "as": kept.id}
            for (change, _), kept in zip(changes, stored, strict=True)
        ]
    except LensError as error:
        answer["error"] = f"Not saved: {error}"
    except (TypeError, ValueError, KeyError, AttributeError):
        answer["error"] = "Not saved: the page sent something that is no review. Reload it."
    st.session_state[_ANSWER] = answer


def reviewer() -> str:
    """Who is at the keyboard, as the system knows them."""
    try:
        return getpass.getuser()[:80]
    except (OSError, KeyError):
        return "me"
