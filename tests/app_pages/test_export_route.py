"""Exports over HTTP: those of the table, of the runs that are open, to this site alone, and only so many at once."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import recorded
from made_runs import make_run

from analyzer.exports.catalog import EXPORTERS
from analyzer.exports.exporter import Exporter
from analyzer.run_folder import RunFolder
from app_pages import export_route, opened

HOME = "/lens/export/run/take"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    home = tmp_path_factory.mktemp("served")
    return make_run(home / "run", recorded(home / "take.mp4", 8))


@pytest.fixture(scope="module")
def port(run: RunFolder) -> Iterator[int]:
    import uvicorn
    from starlette.applications import Starlette

    opened.name_folders([run.path])
    config = uvicorn.Config(Starlette(routes=export_route.export_routes()), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(5)


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def made(port: int, path: str) -> dict[str, Any]:
    """Ask until it is done or has failed."""
    for _ in range(600):
        status, _, body = ask(port, "POST", path)
        assert status == 200, body
        told: dict[str, Any] = json.loads(body)
        if told["state"] in ("done", "failed"):
            return told
        time.sleep(0.05)
    raise AssertionError("it takes for ever")


def test_what_there_is_and_why_not(port: int) -> None:
    status, _, body = ask(port, "GET", f"{HOME}?mode=colors")
    told = {one["name"]: one for one in json.loads(body)}
    assert status == 200
    assert list(told) == [kind.name for kind in EXPORTERS]
    assert told["confusion"]["problem"] is None
    assert "neither recorded nor predicted" in told["actions"]["problem"]
    assert "LeRobot" in told["lerobot"]["problem"]
    similar = json.loads(ask(port, "GET", f"{HOME}?mode=similarity")[2])
    assert "switch to one of them" in similar[0]["problem"]


@pytest.mark.parametrize("name", ["png", "confusion", "cases", "case"])
def test_begun_made_and_fetched(port: int, name: str) -> None:
    path = f"{HOME}/{name}?site=vision.7&mode=segments&frame=3&opacity=0.5&case=case-1"
    assert ask(port, "GET", path)[0] == 404, "nothing is made by looking"
    told = made(port, path)
    assert told["state"] == "done", told
    status, headers, body = ask(port, "GET", path)
    assert status == 200
    assert told["name"] in headers["content-disposition"]
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["x-content-type-options"] == "nosniff"
    assert len(body) > 100
    assert made(port, path) == told, "what was made is not made again"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"{HOME}/nothing", 404),
        ("POST", f"{HOME}/__init__", 404),
        ("POST", f"{HOME}/..%2f..%2fpng", 404),
        ("POST", "/lens/export/none/take/png", 404),
        ("POST", "/lens/export/run/none/png", 404),
        ("POST", "/lens/export/run/..%2ftake/png", 404),
        ("GET", "/lens/export/%2e%2e/take", 404),
        ("POST", f"{HOME}/png?site=..%2f..%2fsecret", 422),
        ("POST", f"{HOME}/png?mode=../x", 422),
        ("POST", f"{HOME}/png?segments=0", 422),
        ("POST", f"{HOME}/png?opacity=7", 422),
        ("POST", f"{HOME}/actions", 422),
        ("PUT", f"{HOME}/png", 405),
        ("DELETE", f"{HOME}/png", 405),
        ("POST", HOME, 405),
    ],
)
def test_everything_else_is_refused(port: int, method: str, path: str, status: int) -> None:
    assert ask(port, method, path)[0] == status


def test_numbers_that_are_none_are_as_if_they_were_not_there(port: int) -> None:
    for asked in ("frame=1e99", "frame=-1", "frame=nan", "frame=9999999999", "frame=%F0%9F%98%80", "frame=8;ls"):
        assert made(port, f"{HOME}/png?{asked}")["state"] == "done"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_get_nothing(port: int, site: str) -> None:
    for method, path in (("GET", HOME), ("POST", f"{HOME}/cases"), ("GET", f"{HOME}/cases")):
        assert ask(port, method, path, Sec_Fetch_Site=site)[0] == 403


def test_so_many_at_once_and_a_failure_is_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import analyzer.exports.catalog as catalog

    go = threading.Event()

    def slow(request: object, path: Path, progress: Any) -> None:
        progress.stage("waiting", 2, "part")
        progress.advance(1)
        go.wait(20)
        raise OSError("no such luck")

    stuck = tuple(Exporter(**{**one.__dict__, "write": slow}) for one in EXPORTERS)
    monkeypatch.setattr(catalog, "EXPORTERS", stuck)
    most = export_route.AT_ONCE + export_route.WAITING
    try:
        asked = [f"{HOME}/png?segments={number + 20}" for number in range(most)]
        assert [ask(port, "POST", path)[0] for path in asked] == [200] * most
        status, _, body = ask(port, "POST", f"{HOME}/png?segments=99")
        assert status == 429
        assert b"wait for one of them" in body
        for _ in range(100):
            told = json.loads(ask(port, "POST", asked[0])[2])
            if told["state"] == "running" and told["done"]:
                break
            time.sleep(0.02)
        assert (told["done"], told["total"], told["stage"]) == (1, 2, "waiting")
    finally:
        go.set()
    for _ in range(200):
        if not [one for one in export_route._makings.values() if one.state in ("waiting", "running")]:
            break
        time.sleep(0.05)
    told = made(port, asked[0])
    assert told["state"] == "failed"
    assert "no such luck" in told["error"]


def test_only_the_last_few_files_are_kept(port: int) -> None:
    for number in range(export_route.KEPT + 3):
        assert made(port, f"{HOME}/png?segments={number + 3}&mode=segments")["state"] == "done"
    assert len(list(export_route._folder().iterdir())) <= export_route.KEPT
    assert ask(port, "GET", f"{HOME}/png?segments=3&mode=segments")[0] == 404
