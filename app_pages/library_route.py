"""What the library page reads: the list of episodes, and a small picture of each.

/lens/library.json                          see analyzer.library
/lens/picture/<run>/<episode>.jpg?v=…       the frame at which the first case begins
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from analyzer.thumbnail import preview_thumbnail
from app_pages.artifact_route import answer, same_site
from app_pages.listed import library
from app_pages.opened import opened
from foundation.errors import LensError

LIST_ADDRESS = "/lens/library.json"
FIRST_S, AT_MOST_S = 0.25, 0.8
"""That the page waits for its first rows, and for those after them; what is not read by then comes with the next answer."""
_KEPT = 1500
_pictures: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
_lock = threading.Lock()
_decoding = threading.Semaphore(2)
"""A page asks for a screenful at once; the machine has better things to do than to decode them all side by side."""


def library_routes() -> list[Route]:
    """For `st.App(…, routes=…)`."""
    return [
        Route(LIST_ADDRESS, _list, methods=["GET"]),
        Route("/lens/picture/{run}/{episode:path}.jpg", _picture, methods=["GET"]),
    ]


def _list(request: Request) -> Response:
    same_site(request)
    at_most_s = AT_MOST_S if "if-none-match" in request.headers else FIRST_S
    return answer(request, library().as_json(at_most_s), "application/json", for_ever=False)


def _picture(request: Request) -> Response:
    same_site(request)
    name, episode = request.path_params["run"], request.path_params["episode"]
    line = library().line(name, episode)
    if line is None:
        raise HTTPException(404, "There is no such episode in the library.")
    key = (name, episode, line.stamp)
    with _lock:
        content = _pictures.get(key)
    if content is None:
        try:
            with _decoding:
                content = preview_thumbnail(opened().open(name), episode, line.moment)
        except LensError as error:
            raise HTTPException(404, str(error)) from error
        with _lock:
            _pictures[key] = content
            while len(_pictures) > _KEPT:
                _pictures.popitem(last=False)
    return answer(request, content, "image/jpeg", for_ever=request.query_params.get("v") == line.stamp)
