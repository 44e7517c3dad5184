"""Runs with a known answer for the player: frames that carry their number, patches whose colour tells where they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from analyzer.confusion.pair import PairTrace, SiteConfusion
from analyzer.failures.case import Case, Evidence
from analyzer.findings_folder import FOLDER, Findings, FindingsArrays, write_findings
from analyzer.instances.instance import Instance
from analyzer.instances.label_maps import LabelMaps
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
from videos.episode import Episode
from videos.preview import write_preview

GRID = (6, 8)
MODEL = (48, 64)
SITES = ("vision.3", "vision.7", "vision.11")
VECTORS = 20
SEGMENTS = 6
PALETTE = ((220, 40, 40), (40, 200, 40), (40, 40, 220), (220, 200, 40), (200, 40, 200), (40, 200, 200))
BOWL, PLATE, CUP = 1, 2, 3


def patch_color(site: int, index: int, camera: int, row: int, column: int) -> tuple[int, int, int]:
    """The colour of a patch: which one it is, in which frame and at which site."""
    return 20 + 30 * row, 20 + 25 * column, (10 + 60 * site + 7 * index + 90 * camera) % 256


def make_run(
    folder: Path,
    *episodes: Episode,
    stride: int = 1,
    crop: float = 0.0,
    with_findings: bool = True,
    names: tuple[str, str, str] = ("bowl", "plate", "cup"),
    sites: tuple[str, ...] = SITES,
    grid: tuple[int, int] = GRID,
    instruction: str | None = None,
) -> RunFolder:
    """A finished run over `episodes`, every `stride`-th frame analysed.

    Args:
        crop: share of every side that the policy does not see.
    """
    run = RunFolder(folder, _manifest([episode.id for episode in episodes], sites, grid))
    for episode in episodes:
        with run.new_episode(episode.id) as (building, finish):
            mosaic = write_preview(episode, building / "preview.mp4")
            frames = tuple(range(0, episode.frame_count, stride))
            rects = {name: (r.x, r.y, r.width, r.height) for name, r in mosaic.cameras.items()}
            record = _record(episode, frames, rects, crop)
            if instruction is not None:
                record = replace(record, instruction=instruction)
            if episode.actions is not None and episode.action_space is not None:
                write_actions(building / "actions.parquet", episode.actions, episode.action_space)
            for number, site in enumerate(sites):
                _site(building / "sites" / safe_name(site), site, number, len(frames), len(record.cameras), grid)
            finish(record)
        if with_findings:
            write_findings(run.episode_folder(episode.id) / FOLDER, *findings(record, names, sites))
    return run


def findings(
    record: EpisodeRecord, names: tuple[str, str, str], sites: tuple[str, ...] = SITES
) -> tuple[Findings, FindingsArrays]:
    """Three blocks in the first camera; bowl and plate merge at the last site, from the middle of the episode on."""
    frames, camera = len(record.frames), record.cameras[0]
    labels = np.zeros((camera.height, camera.width), np.uint8)
    third = camera.width // 3
    for number, id_ in enumerate((BOWL, PLATE, CUP)):
        labels[camera.height // 4 : camera.height // 2, number * third + 2 : (number + 1) * third - 2] = id_
    colors = ((0, 158, 115), (213, 94, 0), (86, 180, 233))
    area = int((labels == BOWL).sum())
    instances = tuple(
        Instance(id_, name, camera.name, color, "found", "object", (area,) * frames, 0)
        for id_, name, color in zip((BOWL, PLATE, CUP), names, colors, strict=True)
    )
    depth = np.linspace(0, 1, len(sites))
    pairs, values = [], np.full((3, len(sites), frames, 3), np.nan, np.float32)
    for p, (a, b) in enumerate(((BOWL, PLATE), (BOWL, CUP), (PLATE, CUP))):
        level = depth * 0.9 if p == 0 else depth * 0.1
        values[p] = level[:, None, None] * np.array([1.0, 0.8, 1.1], np.float32)
        values[p, :, : frames // 2] *= 0.5
        traced = tuple(
            SiteConfusion(site, float(v), float(0.8 * v), float(min(1, 1.1 * v)), float(v))
            for site, v in zip(sites, level, strict=True)
        )
        merged = p == 0
        pairs.append(PairTrace(a, b, traced, 0.2, "merged" if merged else "apart", sites[-1] if merged else None))
    cases = tuple(
        Case(
            id=f"case-{number}",
            kind="confused",
            score=0.9 - 0.3 * number,
            sentence=f"The policy takes {names[0]} for {names[1]} (case {number}).",
            first=first,
            last=frames - 1,
            instances=(BOWL, PLATE) if number == 0 else (PLATE, CUP),
            sites=(sites[-1],),
            evidence=(Evidence("confusion", 0.9, "", 0.72, 0.99, "late confusion"),),
            not_assessed=("What the action depends on: the policy does not act.",),
            reproduce="python -m analyzer render RUN",
        )
        for number, first in enumerate((frames // 2, frames // 3))
    )
    told = Findings(instances, tuple(pairs), sites, (), cases, ("The wrist camera.",))
    arrays = FindingsArrays(
        thumbnails={one.id: np.full((8, 8, 3), one.color, np.uint8) for one in instances},
        maps={camera.name: LabelMaps.compress([labels] * frames)},
        confusion=values,
        confusion_features=values,
    )
    return told, arrays


def _manifest(episodes: list[str], sites: tuple[str, ...], grid: tuple[int, int]) -> RunManifest:
    about = {site: {"dim": 8, "grid": list(grid), "depends_on_instruction": False} for site in sites}
    return RunManifest(
        settings=Settings(n_segments=SEGMENTS, n_eigenvectors=VECTORS),
        policy={"name": "dinov2-small", "fingerprint": "none", "sites": about},
        versions={},
        planned=episodes,
    )


def _record(
    episode: Episode, frames: tuple[int, ...], rects: dict[str, tuple[int, int, int, int]], crop: float
) -> EpisodeRecord:
    cameras = []
    for name, camera in episode.cameras.items():
        height, width = camera.size
        left, top = crop * width, crop * height
        x, y = (width - 2 * left) / MODEL[1], (height - 2 * top) / MODEL[0]
        matrix = ((x, 0.0, left), (0.0, y, top), (0.0, 0.0, 1.0))
        cameras.append(CameraRecord(name, width, height, matrix, MODEL, rects[name]))
    times = episode.times_s
    return EpisodeRecord(
        id=episode.id,
        source=str(episode.source),
        format=episode.format,
        locator="",
        fingerprints=tuple(camera.fingerprint() for camera in episode.cameras.values()),
        cameras=tuple(cameras),
        frames=frames,
        times_s=tuple(float(times[frame]) for frame in frames),
        frame_count=episode.frame_count,
        duration_s=float(times[-1]) + 0.05,
        instruction=episode.instruction,
        success=episode.success,
        action_space=LIBERO if episode.actions is not None else None,
    )


def _site(folder: Path, name: str, number: int, frames: int, cameras: int, grid: tuple[int, int]) -> None:
    rows, columns = grid
    folder.mkdir(parents=True)
    t, c, r, k = np.ogrid[:frames, :cameras, :rows, :columns]
    shape = (frames, cameras, rows, columns)
    colors = np.zeros((*shape, 3), np.uint8)
    colors[..., 0] = 20 + 30 * r
    colors[..., 1] = 20 + 25 * k
    colors[..., 2] = (10 + 60 * number + 7 * t + 90 * c) % 256
    segments = np.broadcast_to(k * SEGMENTS // columns, shape).astype(np.uint8)
    # Patches of one segment are at one point, those of another elsewhere.
    vectors = np.zeros((*shape, VECTORS), np.float16)
    vectors[..., 0] = 1.0
    for vector in range(1, VECTORS):
        vectors[..., vector] = np.cos((segments + 1) * (vector + 0.3 * number))
    for array, values in (("colors", colors), ("segments", segments), ("eigenvectors", vectors)):
        with NpyFile.create(folder / f"{array}.npy", values.shape, str(values.dtype)) as file:
            file.write(0, values)
    merges = tuple((absorbed, absorbed - 1) for absorbed in range(SEGMENTS - 1, 0, -1))
    eigenvalues = tuple(1.0 / (1 + vector) for vector in range(VECTORS))
    write_site(folder, SiteRecord(name, grid, eigenvalues, 1.0, 0.9, SEGMENTS, PALETTE, merges))
