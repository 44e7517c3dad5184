"""What the compare page is told: of runs that are open alone, and colours that agree where they can."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from driving import recorded
from made_runs import make_run
from test_export_route import ask

from analyzer.run_folder import RunFolder
from app_pages import opened
from app_pages.compare_route import compare_routes

PAIR = "/lens/compare/run/take/copy/take"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """run, a copy of it, the same at other sites on a coarser grid, and another recording."""
    home = tmp_path_factory.mktemp("pairs")
    take = recorded(home / "take.mp4", 8)
    for name, sites, grid in (("run", None, None), ("copy", None, None), ("coarse", ("vision.5", "vision.9"), (3, 4))):
        make_run(home / "runs" / name, take, **({} if sites is None else {"sites": sites, "grid": grid}))
    make_run(home / "runs" / "other", recorded(home / "more.mp4", 11), with_findings=False)
    return home / "runs"


@pytest.fixture(scope="module")
def port(runs: Path) -> Iterator[int]:
    import uvicorn
    from starlette.applications import Starlette

    opened.name_folders([runs])
    config = uvicorn.Config(Starlette(routes=compare_routes()), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(5)


def told(port: int, path: str) -> dict:
    status, _, body = ask(port, "GET", path)
    assert status == 200, body
    return json.loads(body)


@pytest.mark.parametrize(
    ("b", "how", "same_recording", "same_episode", "clocks"),
    [
        ("run/take", "shared", True, True, ["time"]),
        ("coarse/take", "agreed", True, False, ["time"]),
        ("other/more", "own", False, False, ["time", "phase"]),
    ],
)
def test_what_a_pair_has_in_common(
    port: int, b: str, how: str, same_recording: bool, same_episode: bool, clocks: list[str]
) -> None:
    pair = told(port, f"/lens/compare/run/take/{b}/pair.json")
    assert pair["colors"]["how"] == how
    assert (pair["same_recording"], pair["same_episode"]) == (same_recording, same_episode)
    assert [clock["name"] for clock in pair["clocks"]] == clocks
    assert (pair["colors"]["source"] is not None) == (how == "agreed")
    for clock in pair["clocks"]:
        moments = clock["moments"]
        assert len(moments["at"]) == len(moments["a"]) == len(moments["b"])
    if same_recording:
        assert moments["a"] == moments["b"] == list(range(8))


def test_a_copy_of_a_run_is_painted_as_the_run_itself(port: int, runs: Path) -> None:
    run = RunFolder.open(runs / "run")
    with run.array("take", "vision.7", "colors") as array:
        own = array.read(0, len(array))
    status, _, body = ask(port, "GET", f"{PAIR}/colors.npy?a=vision.7&b=vision.7")
    assert status == 200
    agreed = np.load(io.BytesIO(body))
    assert agreed.shape == own.shape
    # Patches of one segment are at one point of this basis: each takes the mean colour of its neighbours there.
    with run.array("take", "vision.7", "segments") as array:
        ids = array.read(0, len(array))
    for number in np.unique(ids):
        here = own[ids == number].astype(float)
        assert (agreed[ids == number] >= here.min(0) - 1).all()
        assert (agreed[ids == number] <= here.max(0) + 1).all()
    status, _, _ = ask(port, "GET", f"{PAIR}/colors.npy?a=vision.7&b=vision.7", Range="bytes=0-9")
    assert status == 206


def test_what_differs_is_what_compare_says(port: int, runs: Path) -> None:
    from analyzer.comparison.differences import compare
    from analyzer.comparison.sides import beside

    found = told(port, "/lens/compare/run/take/coarse/take/differences.json")
    folders = RunFolder.open(runs / "run"), RunFolder.open(runs / "coarse")
    comparison = compare(beside(folders, ("take", "take")))
    sentences = [one["sentence"] for one in found["differences"]]
    assert {pair.sentence(one_trace=False) for pair in comparison.pairs} <= set(sentences)
    assert set(found["summary"]) <= set(comparison.sentences)
    frames = folders[0].episode("take").frame_count
    for one in found["differences"]:
        if one["frame"] is not None:
            assert one["frame"][0] in ("a", "b")
            assert 0 <= one["frame"][1] < frames
    assert found["command"].startswith("python -m analyzer compare ")
    two = told(port, "/lens/compare/run/take/run/take/differences.json?a=vision.3&b=vision.11")
    assert two["compared"] == [["vision.3", "vision.11"]]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lens/compare/none/take/run/take/pair.json", 404),
        ("/lens/compare/run/take/run/none/pair.json", 404),
        ("/lens/compare/run/..%2f..%2ftake/run/take/pair.json", 404),
        (f"{PAIR}/run.json", 404),
        (f"{PAIR}/colors.npy?a=vision.7&b=..%2fsecret", 422),
        (f"{PAIR}/colors.npy", 422),
        ("/lens/compare/run/take/other/more/colors.npy?a=vision.7&b=vision.7", 422),
        ("/lens/compare/run/take/run/take/differences.json?a=vision.3&b=vision.3", 422),
    ],
)
def test_everything_else_is_refused(port: int, path: str, status: int) -> None:
    assert ask(port, "GET", path)[0] == status


def test_pages_of_other_sites_get_nothing(port: int) -> None:
    for name in ("pair.json", "differences.json", "colors.npy?a=vision.7&b=vision.7"):
        assert ask(port, "GET", f"{PAIR}/{name}", Sec_Fetch_Site="cross-site")[0] == 403
