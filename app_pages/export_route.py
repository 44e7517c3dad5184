"""Exports from the page: what there is, making one in the background, and the finished file.

    GET  /lens/export/<run>/<episode>                 [{name, title, does, about, suffix, problem}] of this view
    POST /lens/export/<run>/<episode>/<name>?…view…   begins, or looks how far it is: {state, stage, done, total, error}
    GET  /lens/export/<run>/<episode>/<name>?…view…   the file, once it is done

Nothing of a request becomes a path or a command: names are looked up in the table of exports, the view is read as numbers
and as names of the run. At most `AT_ONCE` are made side by side and `WAITING` wait; files are kept in a folder of this
server's own, the last few of them, and go with it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from analyzer.exports.catalog import EXPORTERS, export, exporter, file_name
from analyzer.exports.exporter import Exporter, ExportRequest, View
from app_pages.artifact_route import episode_named, same_site
from foundation.errors import LensError

AT_ONCE = 2
WAITING = 8
KEPT = 8
KEPT_BYTES = 2 << 30
LONGEST = 200
"""Letters of a name in a request."""


@dataclass
class Making:
    """One export on its way. It is its own listener of progress."""

    key: tuple[object, ...]
    kind: Exporter
    request: ExportRequest
    path: Path
    state: str = "waiting"
    """ "waiting", "running", "done" or "failed"."""
    stage_name: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stage(self, name: str, total: int, unit: str) -> None:
        self.stage_name, self.total, self.done = name, total, 0

    def advance(self, amount: int) -> None:
        self.done += amount

    def close(self) -> None:
        pass

    def told(self) -> dict[str, Any]:
        return {
            "state": self.state, "stage": self.stage_name, "done": self.done, "total": self.total, "error": self.error,
            "name": file_name(self.kind, self.request),
        }  # fmt: skip


_makings: OrderedDict[tuple[object, ...], Making] = OrderedDict()
_lock = threading.Lock()
_workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="export")
_home: Path | None = None


def export_routes() -> list[Route]:
    """For `st.App(…, routes=…)`."""
    return [
        Route("/lens/export/{run}/{episode}", _listed, methods=["GET"]),
        Route("/lens/export/{run}/{episode}/{name}", _begin, methods=["POST"]),
        Route("/lens/export/{run}/{episode}/{name}", _file, methods=["GET"]),
    ]


def _listed(request: Request) -> Response:
    same_site(request)
    wanted = _wanted(request)
    told = [
        {
            "name": kind.name, "title": kind.title, "does": kind.does, "about": kind.about, "suffix": kind.suffix,
            "problem": kind.problem(wanted),
        }
        for kind in EXPORTERS
    ]  # fmt: skip
    return JSONResponse(told, headers={"cache-control": "no-store"})


def _begin(request: Request) -> Response:
    same_site(request)
    kind, wanted = _kind(request), _wanted(request)
    missing = kind.problem(wanted)
    if missing is not None:
        raise HTTPException(422, missing)
    key = _key(kind, wanted)
    with _lock:
        found = _makings.get(key)
        if found is None:
            if sum(one.state in ("waiting", "running") for one in _makings.values()) >= AT_ONCE + WAITING:
                raise HTTPException(429, f"{AT_ONCE + WAITING} exports are on their way already: wait for one of them.")
            found = _makings[key] = Making(
                key, kind, wanted, _folder() / f"{len(_makings)}-{id(wanted):x}{kind.suffix}"
            )
            _workers.submit(_make, found)
        _makings.move_to_end(key)
        told = found.told()
        if told["state"] == "failed":
            del _makings[key]  # told once; asked for again, it is begun again
    return JSONResponse(told, headers={"cache-control": "no-store"})


def _file(request: Request) -> Response:
    same_site(request)
    kind, wanted = _kind(request), _wanted(request)
    with _lock:
        found = _makings.get(_key(kind, wanted))
    if found is None or found.state != "done" or not found.path.is_file():
        raise HTTPException(404, "This export is not there (any more): begin it again.")
    name = file_name(kind, wanted)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "cache-control": "no-store",
        "content-encoding": "identity",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return FileResponse(found.path, media_type=kind.media_type, headers=headers)


def _make(making: Making) -> None:
    making.state = "running"
    try:
        export(making.kind.name, making.request, making.path, force=True, progress=making)
        making.state = "done"
    except LensError as error:
        making.error, making.state = str(error), "failed"
    except Exception as error:  # whatever it is, the page must hear of it and not wait for ever
        making.error, making.state = f"The export failed: {type(error).__name__}: {error}", "failed"
    _tidy()


def _tidy() -> None:
    """The last few finished files stay."""
    with _lock:
        done = [one for one in _makings.values() if one.state == "done"]
        size = 0
        for number, one in enumerate(reversed(done)):
            size += one.path.stat().st_size if one.path.is_file() else 0
            if number >= KEPT or (number and size > KEPT_BYTES):
                one.path.unlink(missing_ok=True)
                _makings.pop(one.key, None)


def _folder() -> Path:
    global _home
    if _home is None:
        _home = Path(tempfile.mkdtemp(prefix="trajectory-lens-exports-"))
        atexit.register(shutil.rmtree, _home, ignore_errors=True)
    return _home


def _kind(request: Request) -> Exporter:
    try:
        return exporter(request.path_params["name"][:LONGEST])
    except LensError as error:
        raise HTTPException(404, str(error)) from error


def _wanted(request: Request) -> ExportRequest:
    run, episode = episode_named(request.path_params["run"], request.path_params["episode"])
    asked = request.query_params

    def number(name: str, kind: type[int] | type[float], otherwise: Any) -> Any:
        text = asked.get(name)
        if text is None or not text.replace(".", "", 1).isdecimal() or not text.isascii() or len(text) > 9:
            return otherwise
        return kind(float(text))

    try:
        view = View(
            site=asked["site"][:LONGEST] if "site" in asked else None,
            mode=asked.get("mode", "colors")[:LONGEST],
            frame=number("frame", int, None),
            segments=number("segments", int, 12),
            opacity=number("opacity", float, 0.6),
            case=asked["case"][:LONGEST] if "case" in asked else None,
        )
        return ExportRequest(run, episode, view)
    except LensError as error:
        raise HTTPException(422, str(error)) from error


def _key(kind: Exporter, request: ExportRequest) -> tuple[object, ...]:
    """The same for the same export of the same state of the run."""
    run = request.run
    files = [run.path / "run.json"]
    for episode in run.manifest.done if kind.about == "run" else [request.episode]:
        folder = run.episode_folder(episode)
        files += [
            folder / "episode.json",
            folder / "findings" / "findings.json",
            run.path / "reviews" / f"{folder.name}.jsonl",
        ]
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
    about = () if kind.about == "run" else (request.episode, *asdict(request.view).items())
    return (kind.name, str(run.path), about, stamps)
