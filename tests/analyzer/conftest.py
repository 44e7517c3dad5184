"""A small run on disk, as the pipeline would leave it, made without a policy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import Command

from analyzer.npy import NpyFile
from analyzer.run_folder import (
    CameraRecord,
    EpisodeRecord,
    RunFolder,
    RunManifest,
    SiteRecord,
    write_actions,
    write_site,
)
from analyzer.settings import Settings
from foundation.action_space import LIBERO
from foundation.names import safe_name
from videos.catalog import find_episodes, open_episode
from videos.encode import write_video
from videos.preview import write_preview

TIMES_S = np.array([0.0, 0.05, 0.11, 0.15, 0.24, 0.3, 0.35, 0.47, 0.5, 0.61])
"""Of the recording's frames: a variable rate."""
STRIDE = 3
SIZES = {"agentview": (48, 64), "wrist": (40, 40)}
"""(height, width) of each camera."""
GRID = (3, 4)
MODEL_SIZE = (42, 56)
SITES = ("vision.3", "vision.11")
SEGMENTS = 4
PALETTE = ((230, 60, 60), (60, 200, 90), (70, 110, 240), (240, 200, 70))


@pytest.fixture
def tiny_run(tmp_path: Path) -> RunFolder:
    """One failed episode "take" of 10 frames at varying times, every third of them analysed; two cameras, two sites.

    The recording is an episode folder beside the run; `wrist` was cropped for the policy, `agentview` was not. Colours,
    segments and eigenvectors are random numbers that are the same every time.
    """
    episode = open_episode(_recording(tmp_path / "take"))
    run = RunFolder(tmp_path / "run", _manifest())
    with run.new_episode("take") as (building, finish):
        mosaic = write_preview(episode, building / "preview.mp4")
        assert episode.actions is not None
        write_actions(building / "actions.parquet", episode.actions, LIBERO)
        frames = tuple(range(0, len(TIMES_S), STRIDE))
        for seed, site in enumerate(SITES):
            _write_site(building / "sites" / safe_name(site), site, len(frames), seed)
        finish(
            EpisodeRecord(
                id="take",
                source=str(episode.source),
                format=episode.format,
                locator="",
                fingerprints=tuple(episode.cameras[name].fingerprint() for name in SIZES),
                cameras=tuple(
                    _camera(name, (r.x, r.y, r.width, r.height))
                    for name, r in ((name, mosaic.cameras[name]) for name in SIZES)
                ),
                frames=frames,
                times_s=tuple(float(time) for time in TIMES_S[::STRIDE]),
                frame_count=len(TIMES_S),
                duration_s=0.72,
                instruction="put the bowl on the plate",
                success=False,
                control_hz=20.0,
                frame_steps=frames,
                action_space=LIBERO,
            )
        )
    return run


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, capsys)


@pytest.fixture
def tiny_recording(tmp_path: Path) -> Path:
    """The episode folder "take" of `tiny_run`: two cameras of different sizes, actions."""
    return _recording(tmp_path / "take")


def _manifest() -> RunManifest:
    sites = {site: {"dim": 8, "grid": list(GRID), "depends_on_instruction": False} for site in SITES}
    return RunManifest(
        settings=Settings(stride=STRIDE, n_segments=SEGMENTS, n_eigenvectors=SEGMENTS),
        policy={"name": "dinov2-small", "fingerprint": "none", "sites": sites},
        versions={},
        planned=["take"],
    )


def _recording(folder: Path) -> Path:
    """An episode folder: two videos of moving gradients, and actions."""
    folder.mkdir()
    for name, (height, width) in SIZES.items():
        y, x = np.mgrid[:height, :width]
        pictures = (
            np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 20 * number)], axis=-1).astype(np.uint8)
            for number in range(len(TIMES_S))
        )
        write_video(folder / f"{name}.mp4", pictures, TIMES_S, quality=0)
    (folder / "meta.json").write_text(
        json.dumps({"instruction": "put the bowl on the plate", "success": False, "length": len(TIMES_S)})
    )
    actions = np.sin(np.arange(len(TIMES_S) * 7).reshape(-1, 7))
    np.savez(folder / "data.npz", action=actions)
    assert len(find_episodes(folder)) == 1
    return folder


def _camera(name: str, in_preview: tuple[int, int, int, int]) -> CameraRecord:
    height, width = SIZES[name]
    # The wrist camera's outer quarter on every side was cut off before the picture was resized.
    left, top = (width / 4, height / 4) if name == "wrist" else (0.0, 0.0)
    x, y = (width - 2 * left) / MODEL_SIZE[1], (height - 2 * top) / MODEL_SIZE[0]
    matrix = ((x, 0.0, left), (0.0, y, top), (0.0, 0.0, 1.0))
    return CameraRecord(name, width, height, matrix, MODEL_SIZE, in_preview)


def _write_site(folder: Path, site: str, frames: int, seed: int) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    shape = (frames, len(SIZES), *GRID)
    arrays = {
        "eigenvectors": random.standard_normal((*shape, SEGMENTS)).astype(np.float16),
        "colors": random.integers(0, 256, (*shape, 3), dtype=np.uint8),
        "segments": random.integers(0, SEGMENTS, shape, dtype=np.uint8),
    }
    for name, array in arrays.items():
        with NpyFile.create(folder / f"{name}.npy", array.shape, array.dtype.str) as file:
            file.write(0, array)
    write_site(folder, SiteRecord(site, GRID, (1.0, 0.8, 0.5, 0.2), 1.0, 0.9, SEGMENTS, PALETTE))
