"""What the compare page reads of two episodes, beside what the player reads of each.

/lens/compare/<run>/<episode>/<run>/<episode>/pair.json               see analyzer.player.pair_manifest
/lens/compare/…/differences.json[?a=SITE&b=SITE]                      what `compare` says, as places to go to
/lens/compare/…/colors.npy?a=SITE&b=SITE                              colours of a site of B as A's would have them
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from analyzer.player.manifest import as_json
from analyzer.player.pair_manifest import differences_manifest, pair_manifest
from analyzer.run_folder import RunFolder
from app_pages.artifact_route import answer, episode_named, manifest_address, same_site
from foundation.errors import BadInput, LensError
from foundation.names import safe_name

MOST_PATCHES = 1_000_000
"""Whose colours are brought in line on request: a page cannot wait longer than that takes."""
_KEPT_BYTES = 96 << 20
_kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
_lock = threading.Lock()
_working = threading.Lock()
"""One at a time: who asks for the same meanwhile finds it done."""


def compare_routes() -> list[Route]:
    """For `st.App(…, routes=…)`."""
    pair = "/lens/compare/{run_a}/{episode_a}/{run_b}/{episode_b}"
    return [
        Route(f"{pair}/pair.json", _pair, methods=["GET"]),
        Route(f"{pair}/differences.json", _differences, methods=["GET"]),
        Route(f"{pair}/colors.npy", _colors, methods=["GET"]),
    ]


def pair_address(run_a: str, episode_a: str, run_b: str, episode_b: str) -> str:
    named = (run_a, safe_name(episode_a), run_b, safe_name(episode_b))
    return f"/lens/compare/{'/'.join(map(quote, named))}/pair.json"


def _pair(request: Request) -> Response:
    same_site(request)
    runs, episodes = _both(request)
    home = request.url.path.removesuffix("pair.json")
    names = [request.path_params[f"run_{letter}"] for letter in "ab"]
    addresses = {
        "a": manifest_address(names[0], episodes[0]),
        "b": manifest_address(names[1], episodes[1]),
        "colors": f"{home}colors.npy?a=SITE_A&b=SITE_B",
        "differences": f"{home}differences.json",
    }
    try:
        content = pair_manifest(runs, episodes, addresses)
    except LensError as error:
        raise HTTPException(422, str(error)) from error
    content["a"]["run"], content["b"]["run"] = names
    return answer(request, as_json(content).encode(), "application/json", for_ever=False)


def _differences(request: Request) -> Response:
    same_site(request)
    runs, episodes = _both(request)
    sites = (request.query_params.get("a"), request.query_params.get("b"))

    def make() -> bytes:
        from analyzer.comparison.differences import compare
        from analyzer.comparison.sides import beside

        return as_json(differences_manifest(compare(beside(runs, episodes, sites)))).encode()

    content = _once(("differences", *_stamp(runs, episodes), *map(str, sites)), make)
    return answer(request, content, "application/json", for_ever=False)


def _colors(request: Request) -> Response:
    same_site(request)
    runs, episodes = _both(request)
    site_a, site_b = request.query_params.get("a", ""), request.query_params.get("b", "")

    def make() -> bytes:
        from analyzer.comparison.agreement import agreed_array
        from analyzer.comparison.sides import beside

        both = beside(runs, episodes, (site_a, site_b))
        rows, columns = runs[1].site(episodes[1], site_b).grid
        patches = len(both.b.record.frames) * len(both.b.record.cameras) * rows * columns
        if patches > MOST_PATCHES:
            raise BadInput(f"{patches:,} patches are too many to be brought in line here (at most {MOST_PATCHES:,}).")
        found = agreed_array(both, site_a, site_b)
        if found is None:
            raise BadInput("The two sides do not show the same pictures.")
        stream = io.BytesIO()
        np.lib.format.write_array(stream, found)
        return stream.getvalue()

    content = _once(("colors", *_stamp(runs, episodes), site_a, site_b), make)
    return answer(request, content, "application/octet-stream", for_ever=False)


def _both(request: Request) -> tuple[tuple[RunFolder, RunFolder], tuple[str, str]]:
    (run_a, a), (run_b, b) = (
        episode_named(request.path_params[f"run_{letter}"], request.path_params[f"episode_{letter}"]) for letter in "ab"
    )
    return (run_a, run_b), (a, b)


def _stamp(runs: tuple[RunFolder, RunFolder], episodes: tuple[str, str]) -> tuple[str, ...]:
    """Changes whenever an episode or its findings are made again."""
    told = []
    for run, episode in zip(runs, episodes, strict=True):
        folder = run.episode_folder(episode)
        for path in (folder / "episode.json", folder / "findings" / "findings.json"):
            told.append(str(path.stat().st_mtime_ns) if path.exists() else "-")
        told.append(str(folder))
    return tuple(told)


def _once(key: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
    """What is made on demand, kept as long as there is room."""
    with _working:
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
                return _kept[key]
        try:
            content = make()
        except LensError as error:
            raise HTTPException(422, str(error)) from error
        with _lock:
            _kept[key] = content
            while sum(map(len, _kept.values())) > _KEPT_BYTES and len(_kept) > 1:
                _kept.popitem(last=False)
        return content
