"""What the browser tests do again and again: make a recording, show a run, read the screen, start a server."""

from __future__ import annotations

import base64
import gzip
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from recordings import barcode, write_clip

from analyzer.player import assets
from analyzer.player.artifacts import Artifact
from analyzer.player.manifest import as_json, manifest
from analyzer.run_folder import RunFolder
from videos.catalog import open_episode
from videos.episode import Episode

ROOT = Path(__file__).resolve().parents[2]


def recorded(
    path: Path, frames: int, pts: list[int] | None = None, *, turned: bool = False, codec: str = "libx264"
) -> Episode:
    """A video of `frames` barcodes, large enough for its bars to survive two codecs; `turned`: held upside down."""
    pictures = [barcode(number % 256, 96, 128) for number in range(frames)]
    if turned:
        pictures = [np.ascontiguousarray(picture[::-1, ::-1]) for picture in pictures]
    write_clip(path, pictures, pts, codec, rotation=180 if turned else None)
    return open_episode(path)


def standalone(run: RunFolder, path: Path, *, options: str = "") -> str:
    """The player in one file that opens without a server; its address."""

    def inline(artifact: Artifact) -> dict[str, str]:
        data = artifact.read()
        if artifact.name.endswith(".npy"):
            return {"gzip": base64.b64encode(gzip.compress(data, mtime=0)).decode()}
        return {"base64": base64.b64encode(data).decode()}

    content = as_json(manifest(run, run.manifest.done[0], inline))
    path.write_text(
        f"<!doctype html><meta charset=utf-8><style>{assets.styles()}</style><div id=player></div>"
        f"<script type=application/json id=manifest>{content}</script><script>{assets.bundle()}</script>"
        "<script>window.lens = TrajectoryLens.mount(document.getElementById('player'),"
        f" JSON.parse(document.getElementById('manifest').textContent), {{theme: 'dark', {options}}});</script>",
        encoding="utf-8",
    )
    return path.as_uri()


def opened(page: Any, address: str) -> Any:
    """Go there and wait until the player has all it needs."""
    page.goto(address)
    page.wait_for_selector(".lens[data-ready]", timeout=20_000)
    page.wait_for_function(
        "document.querySelector('.picture')?.dataset.frame !== undefined || window.lens === undefined"
    )
    return page


def pixels(page: Any) -> np.ndarray:
    """The picture as it is on the screen, (height, width, 4) uint8."""
    width, height, data = page.evaluate(
        """() => { const c = document.querySelector('.picture');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let text = ''; for (let i = 0; i < d.length; i += 8192) text += String.fromCharCode(...d.subarray(i, i + 8192));
        return [c.width, c.height, btoa(text)]; }"""
    )
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


@dataclass
class Server:
    """The page's server on some runs, as a process of its own."""

    address: str
    port: int


@contextmanager
def serving(folders: list[Path], home: Path, port: int | None = None) -> Iterator[Server]:
    """`python -m analyzer view`, once it answers, until the block ends; its log and its cache lie in `home`."""
    port = port or _free_port()
    log, app = home / "server.log", str(ROOT / "streamlit_app.py")
    command = [sys.executable, "-m", "streamlit", "run", app, "--server.port", str(port), "--", *map(str, folders)]
    environment = {**os.environ, "TRAJECTORY_LENS_CACHE": str(home / "cache")}
    with log.open("ab") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
    try:
        server = Server(f"http://127.0.0.1:{port}", port)
        _wait_for_answer(server, process, log)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait_for_answer(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=1):
                return
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
