"""The HTML that every page begins as: Streamlit's own, with what the page will need said in its head.

Streamlit learns what a page holds when the page's script has run, long after the browser is there; what is named in the head
is fetched meanwhile, and found when it is asked for. The look of the room around the player stands here too, so that nothing
moves when the page comes.
"""

from __future__ import annotations

import functools
import re
from html import escape
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app_pages.artifact_route import manifest_address, module_address
from app_pages.compare_route import pair_address
from app_pages.library_route import LIST_ADDRESS
from app_pages.sides import NAMED

PAGES = {"/": "page.js", "/library": "library.js", "/compare": "compare_page.js", "/analyze": None}
"""Path -> the module of `analyzer.player.assets.PAGES` that the page imports."""
_STATIC = Path(streamlit.__file__).parent / "static"
_COMPONENT = "BidiComponent"
"""Streamlit's own script for components, which it fetches when the first one is to be shown."""
_IMPORT = re.compile(r'from"\./([\w.-]+\.js)"')
# One line of room above the player, none beside it: the picture is what matters. Streamlit's own styles come after these.
_LOOK = (
    "<style>.stMainBlockContainer{padding:4.1rem 1.6rem 2rem!important;max-width:1720px!important}"
    "header[data-testid='stHeader']{height:3rem!important}"
    "button[kind='primary'] *,span[data-baseweb='tag'] *{color:#1b1405!important}</style>"
)


def shell_routes() -> list[Route]:
    """For `st.App(…, routes=…)`; one a page."""
    return [Route(path, _shell, methods=["GET"]) for path in PAGES]


def _shell(request: Request) -> Response:
    page = PAGES[request.url.path]
    head = [_LOOK]
    if page is not None:
        modules = [module_address(page), *(f"/static/js/{name}" for name in _chunks())]
        head += [f'<link rel="modulepreload" href="{escape(module)}">' for module in modules]
    head += [f'<link rel="preload" as="fetch" crossorigin href="{escape(data)}">' for data in _data(request)]
    whole = _index().replace("</head>", "".join(head) + "</head>", 1)
    return HTMLResponse(whole, headers={"cache-control": "no-cache"})


def _data(request: Request) -> list[str]:
    """Addresses of what the page asks for first, as far as its own address tells."""
    run, episode = (request.query_params.get(name) for name in ("run", "episode"))
    if request.url.path == "/library":
        return [LIST_ADDRESS]
    if request.url.path == "/" and run and episode:
        return [manifest_address(run, episode)]
    both = [request.query_params.get(name) for name in NAMED]
    if request.url.path == "/compare" and all(both):
        return [pair_address(*(name or "" for name in both))]
    return []


@functools.cache
def _index() -> str:
    return (_STATIC / "index.html").read_text(encoding="utf-8")


@functools.cache
def _chunks() -> tuple[str, ...]:
    """Names of `_COMPONENT`'s file and of all that it imports and the page does not have from the start."""
    folder = _STATIC / "static" / "js"
    found: dict[str, None] = {}
    left = [path.name for path in folder.glob(f"{_COMPONENT}.*.js")]
    while left:
        name = left.pop()
        if name in found or name in _index() or not (folder / name).is_file():
            continue
        found[name] = None
        left += _IMPORT.findall((folder / name).read_text(encoding="utf-8"))
    return tuple(found)
