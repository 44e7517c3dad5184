"""Objects that are pointed at in the player, on their way into the run, and how far following them is.

/lens/run/<run>/<episode>/objects.json      see analyzer.remaking.state
"""

from __future__ import annotations

import datetime
import json
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from analyzer.pointing import EpisodeObjects
from analyzer.remaking import make_again, state
from app_pages.artifact_route import answer, episode_of, episode_prefix, same_site
from app_pages.chosen import PLAYER_KEY, Chosen
from app_pages.reviewing import reviewer
from foundation.errors import LensError, RunUnreadable

_ANSWER = "_objects_answer"
_MOST_CHANGES = 50


def pointing_routes() -> list[Route]:
    """For `st.App(…, routes=…)`; to stand before those of the artifacts."""
    return [Route("/lens/run/{run}/{episode}/objects.json", _objects, methods=["GET"])]


def _objects(request: Request) -> Response:
    same_site(request)
    run, episode = episode_of(request)
    try:
        content = state(run, episode)
    except (RunUnreadable, OSError) as error:
        raise HTTPException(422, str(error)) from error
    return answer(request, json.dumps(content, allow_nan=False).encode(), "application/json", for_ever=False)


def objects_state(chosen: Chosen) -> dict[str, Any]:
    """What the player's panel needs: where to ask, and the answer to what it sent last."""
    told = st.session_state.get(_ANSWER, {})
    if (told.get("run"), told.get("episode")) != (chosen.run_name, chosen.episode):
        told = {}
    return {
        "address": f"{episode_prefix(chosen.run_name, chosen.episode)}/objects.json",
        "saved": told.get("saved", []),
        "error": told.get("error"),
        "turn": told.get("turn", 0),
    }


def take_objects(chosen: Chosen) -> None:
    """Save what the player sent, and begin to follow it. An error is shown in the player, which sends it again."""
    sent = st.session_state[PLAYER_KEY].get("objects") or {}
    turn = st.session_state.get(_ANSWER, {}).get("turn", 0) + 1
    told: dict[str, Any] = {"run": chosen.run_name, "episode": chosen.episode, "saved": [], "error": None, "turn": turn}
    try:
        changes = list(sent["changes"])[:_MOST_CHANGES] if sent.get("episode") == chosen.episode else []
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        kept = EpisodeObjects(chosen.run.path, chosen.episode)
        objects = [kept.changed(one, at=now, author=reviewer()) for one in changes]
        if objects:
            kept.save(objects)
            told["saved"] = [{"id": one.id, "session": one.session, "serial": one.serial} for one in objects]
        make_again(chosen.run, chosen.episode)
    except LensError as error:
        told["error"] = str(error)
    except OSError as problem:
        told["error"] = f"The objects cannot be read: {problem.strerror}."
    except (TypeError, ValueError, KeyError, AttributeError):
        told["error"] = "The page sent something that is no object. Reload it."
    st.session_state[_ANSWER] = told
