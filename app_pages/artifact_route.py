"""Arrays, videos and the player's own files over HTTP: by name from a table, in ranges, to be cached for ever.

    /lens/player/<version>/<page>.js                     the player, as a page imports it
    /lens/run/<run>/<episode>/manifest.json              what it must know of an episode
    /lens/run/<run>/<episode>/<artifact>?v=<version>     see analyzer.player.artifacts

Nothing of a request becomes a path: names are looked up, and what is not in the table does not exist.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from analyzer.player import assets
from analyzer.player.artifacts import Artifact, artifacts
from analyzer.player.manifest import as_json, manifest
from analyzer.run_folder import RunFolder
from app_pages.opened import opened
from foundation.errors import RunUnreadable
from foundation.names import safe_name

_FOR_EVER = "public, max-age=31536000, immutable"
_DERIVED_KEPT = 4
_made: dict[tuple[Path, str], bytes] = {}
_making: dict[tuple[Path, str], threading.Lock] = {}
_lock = threading.Lock()


def routes() -> list[Route]:
    """For `st.App(…, routes=…)`."""
    return [
        Route("/lens/player/{version}/{name}", _player_file, methods=["GET"]),
        Route("/lens/run/{run}/{episode}/manifest.json", _manifest, methods=["GET"]),
        Route("/lens/run/{run}/{episode}/{name:path}", _artifact, methods=["GET"]),
    ]


def module_address(name: str = "page.js") -> str:
    """Where a page imports one of `assets.PAGES` from."""
    return f"/lens/player/{assets.version()}/{name}"


def episode_prefix(run: str, episode: str) -> str:
    """Where all that belongs to an episode is."""
    return f"/lens/run/{quote(run)}/{quote(safe_name(episode))}"


def manifest_address(run: str, episode: str) -> str:
    return f"{episode_prefix(run, episode)}/manifest.json"


def preview_address(run: str, episode: str) -> str | None:
    """Where the video is, as the manifest has it; None: there is none, or nothing can be said of the episode."""
    try:
        preview = artifacts(opened().open(run), episode).get("preview.mp4")
        return None if preview is None else f"{episode_prefix(run, episode)}/{preview.name}?v={preview.version}"
    except (OSError, RunUnreadable):
        return None


def exports_address(run: str, episode: str) -> str:
    """See app_pages.export_route."""
    return f"/lens/export/{quote(run)}/{quote(safe_name(episode))}"


# Plain functions: Starlette runs them on threads of their own, so that a slow disk holds nobody else up.


def _player_file(request: Request) -> Response:
    same_site(request)
    name = request.path_params["name"]
    if name not in assets.PAGES:
        raise HTTPException(404, "There is no such file of the player.")
    current = request.path_params["version"] == assets.version()
    return answer(request, assets.module(name), "text/javascript; charset=utf-8", for_ever=current)


def _manifest(request: Request) -> Response:
    same_site(request)
    run, episode = episode_of(request)
    prefix = episode_prefix(request.path_params["run"], episode)
    try:
        content = manifest(run, episode, lambda artifact: f"{prefix}/{quote(artifact.name)}?v={artifact.version}")
    except RunUnreadable as error:
        raise HTTPException(422, str(error)) from error
    return answer(request, as_json(content).encode(), "application/json", for_ever=False)


def _artifact(request: Request) -> Response:
    same_site(request)
    run, episode = episode_of(request)
    artifact = artifacts(run, episode).get(request.path_params["name"])
    if artifact is None:
        raise HTTPException(404, "The run has no such artifact.")
    try:
        version = artifact.version
        for_ever = request.query_params.get("v") == version
        if artifact.derive is not None:
            return answer(request, _derived(artifact), artifact.media_type, for_ever=for_ever)
        tag = f'"{version}"'
        headers = _headers(for_ever, tag)
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return FileResponse(
            artifact.path, media_type=artifact.media_type, headers=headers, stat_result=artifact.path.stat()
        )
    except (OSError, RunUnreadable) as error:
        raise HTTPException(404, f"The artifact cannot be read: {error}") from error


def episode_of(request: Request) -> tuple[RunFolder, str]:
    """The run and the episode that an address names."""
    return episode_named(request.path_params["run"], request.path_params["episode"])


def episode_named(run_name: str, wanted: str) -> tuple[RunFolder, str]:
    """A run that was opened, and one of its finished episodes by its safe name; 404 where there is none."""
    try:
        run = opened().open(run_name)
    except RunUnreadable as error:
        raise HTTPException(404, str(error)) from error
    for episode in run.manifest.done:
        if safe_name(episode) == wanted:
            return run, episode
    raise HTTPException(404, "The run has no such episode.")


def same_site(request: Request) -> None:
    """A page of another site has no business with the recordings on this machine."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "Only pages of this server may read its runs.")


def _derived(artifact: Artifact) -> bytes:
    """What is made on demand, kept for a while: a player asks for it in several ranges."""
    key = (artifact.path, artifact.version)
    with _lock:
        making = _making.setdefault(key, threading.Lock())
    with making:  # who asks for something else does not wait
        content = _made.get(key)
        if content is None:
            content = artifact.read()
            with _lock:
                while len(_made) >= _DERIVED_KEPT:
                    del _made[next(iter(_made))]
                _made[key] = content
    with _lock:
        _making.pop(key, None)
    return content


def _headers(for_ever: bool, tag: str) -> dict[str, str]:
    return {
        "cache-control": _FOR_EVER if for_ever else "no-cache",
        "etag": tag,
        # Arrays are read in ranges: compressed on the way, a range would mean something else.
        "content-encoding": "identity",
        "accept-ranges": "bytes",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }


def answer(request: Request, content: bytes, media_type: str, *, for_ever: bool) -> Response:
    """Content that is not a file: whole, or the one range that was asked for."""
    tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    headers = _headers(for_ever, tag)
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", tag) != tag:
        return Response(content, media_type=media_type, headers=headers)
    span = _span(wanted, len(content))
    if span is None:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{len(content)}"})
    first, last = span
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], status_code=206, media_type=media_type, headers=headers)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range (RFC 9110, 14.1.2); None: not one that can be had."""
    unit, _, text = header.partition("=")
    first, dash, last = text.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not (first + last).isdecimal() or not (first + last).isascii():
        return None
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) and size else None
    start, stop = int(first), min(int(last), size - 1) if last else size - 1
    return (start, stop) if start < size and start <= stop else None
