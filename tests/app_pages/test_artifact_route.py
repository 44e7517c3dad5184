"""The route gives what is in the table, in ranges, to this site alone; nothing else of the disk."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from driving import recorded
from made_runs import make_run

from analyzer.run_folder import RunFolder
from app_pages import opened
from app_pages.artifact_route import routes
from app_pages.library_route import library_routes

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    home = tmp_path_factory.mktemp("served")
    (home / "secret.txt").write_text("secret")
    return make_run(home / "run", recorded(home / "take.mp4", 8))


@pytest.fixture(scope="module")
def port(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The routes alone, on a server of their own."""
    import uvicorn
    from starlette.applications import Starlette

    opened.name_folders([run.path])
    kept = pytest.MonkeyPatch()
    kept.setenv("TRAJECTORY_LENS_CACHE", str(tmp_path_factory.mktemp("cache")))
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[*routes(), *library_routes()]), port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(5)
    kept.undo()


def get(port: int, path: str, **headers: str) -> Answer:
    """The path goes out as it is, without any tidying."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


HOME = "/lens/run/run/take"


@pytest.mark.parametrize("name", ["preview.mp4", "sites/vision.7/colors.npy", "labels.npy"])
def test_whole_and_in_ranges(port: int, name: str) -> None:
    status, headers, whole = get(port, f"{HOME}/{name}", Accept_Encoding="gzip")
    assert status == 200
    assert headers["content-encoding"] == "identity"
    assert int(headers["content-length"]) == len(whole)
    for text, first, last in (
        ("bytes=0-9", 0, 10), (f"bytes=7-{10**9}", 7, len(whole)), ("bytes=-5", len(whole) - 5, len(whole)),
    ):  # fmt: skip
        status, headers, part = get(port, f"{HOME}/{name}", Range=text)
        assert (status, part) == (206, whole[first:last])
        assert headers["content-range"] == f"bytes {first}-{last - 1}/{len(whole)}"
    status, headers, _ = get(port, f"{HOME}/{name}", Range=f"bytes={len(whole)}-")
    assert status == 416
    assert headers["content-range"] == f"bytes */{len(whole)}" or headers["content-range"] == f"*/{len(whole)}"


def test_a_version_may_be_kept_for_ever_and_is_not_sent_twice(port: int, run: RunFolder) -> None:
    import json

    manifest = json.loads(get(port, f"{HOME}/manifest.json")[2])
    address = manifest["sites"][0]["sources"]["colors"]
    status, headers, _ = get(port, address)
    assert status == 200
    assert "immutable" in headers["cache-control"]
    assert get(port, address, If_None_Match=headers["etag"])[0] == 304
    path = run.site_folder("take", "vision.3") / "colors.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    status, after, _ = get(port, address, If_None_Match=headers["etag"])
    assert status == 200, "it has changed"
    assert after["cache-control"] == "no-cache", "what was asked for is not what is there"


@pytest.mark.parametrize(
    "path",
    [
        f"{HOME}/../../../secret.txt",
        f"{HOME}/../../run.json",
        f"{HOME}/..%2f..%2f..%2fsecret.txt",
        f"{HOME}/%2e%2e/%2e%2e/run.json",
        f"{HOME}/..%252f..%252frun.json",
        f"{HOME}//etc/passwd",
        f"{HOME}/%2fetc%2fpasswd",
        f"{HOME}/episode.json",
        f"{HOME}/sites/vision.7/site.json",
        f"{HOME}/sites/../preview.mp4",
        f"{HOME}/sites/vision.7/colors.npy/",
        f"{HOME}/sites/vision.7/colors.npy%00.png",
        f"{HOME}/findings/findings.json",
        "/lens/run/../take/preview.mp4",
        "/lens/run/run/..%2ftake/preview.mp4",
        "/lens/run/%2e%2e/take/preview.mp4",
        "/lens/run/none/take/preview.mp4",
        "/lens/run/run/none/preview.mp4",
        "/lens/player/x/..%2fmanifest.py",
        "/lens/player/x/manifest.py",
        "/lens/player/x/__init__.py",
    ],
)
def test_everything_else_does_not_exist(port: int, path: str) -> None:
    status, _, body = get(port, path)
    assert status in (307, 400, 404, 405)
    assert b"secret" not in body
    assert b"schema" not in body


def test_other_methods_are_refused(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for method in ("POST", "PUT", "DELETE"):
        connection.request(method, f"{HOME}/preview.mp4", body=b"x")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 405
    connection.close()


def test_a_link_out_of_the_run_is_not_followed(port: int, run: RunFolder) -> None:
    thumbnails = run.episode_folder("take") / "findings" / "instances"
    (thumbnails / "9.png").symlink_to(run.path.parent / "secret.txt")
    assert get(port, f"{HOME}/findings/instances/9.png")[0] == 404
    assert get(port, f"{HOME}/findings/instances/1.png")[0] == 200


def test_a_run_that_a_link_names_is_not_opened(run: RunFolder, tmp_path: Path) -> None:
    from analyzer.run_index import RunIndex

    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "away").symlink_to(run.path)
    assert RunIndex([folder]).paths() == {}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_get_nothing(port: int, site: str) -> None:
    for path in (f"{HOME}/preview.mp4", f"{HOME}/manifest.json", f"{HOME}/labels.npy"):
        assert get(port, path, Sec_Fetch_Site=site)[0] == 403
    assert get(port, f"{HOME}/preview.mp4", Sec_Fetch_Site="same-origin")[0] == 200


def test_labels_are_the_masks(port: int, run: RunFolder) -> None:
    import io

    labels = np.load(io.BytesIO(get(port, f"{HOME}/labels.npy")[2]))
    camera = run.episode("take").cameras[0]
    assert labels.shape == (8, 1, camera.height, camera.width)
    assert set(np.unique(labels)) == {0, 1, 2, 3}


def test_the_list_of_episodes_and_their_pictures(port: int, run: RunFolder) -> None:
    import json

    status, headers, body = get(port, "/lens/library.json")
    (line,) = json.loads(body)["lines"]
    assert (status, line["run"], line["episode"]) == (200, "run", "take")
    assert get(port, "/lens/library.json", If_None_Match=headers["etag"])[0] == 304
    status, headers, body = get(port, f"/lens/picture/run/take.jpg?v={line['stamp']}")
    assert (status, body[:3], headers["content-type"]) == (200, b"\xff\xd8\xff", "image/jpeg")
    assert "immutable" in headers["cache-control"]
    assert get(port, "/lens/picture/run/take.jpg?v=older")[1]["cache-control"] == "no-cache"
    for path in ("/lens/picture/run/..%2f..%2fsecret.jpg", "/lens/picture/none/take.jpg", "/lens/picture/run/none.jpg"):
        assert get(port, path)[0] == 404
    for path in ("/lens/library.json", "/lens/picture/run/take.jpg"):
        assert get(port, path, Sec_Fetch_Site="cross-site")[0] == 403
