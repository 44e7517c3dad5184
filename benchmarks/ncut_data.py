"""What the cuts are held against each other on: real features with ground truth, made-up scenes, blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from analyzer.features import FeatureRequest, default_cache, extract
from analyzer.motion import ModelPlane, motion
from analyzer.ncut.coupling import Link
from analyzer.run_folder import CameraRecord
from benchmarks.scenes import Scene
from policies.catalog import load_policy
from policies.policy import Policy
from videos.catalog import find_episodes, open_episode
from videos.episode import Episode

ROOT = Path(__file__).resolve().parent.parent
EPISODES = ROOT.parent / "shared" / "libero" / "episodes"
SAMPLES = ROOT / "samples"


class Split(NamedTuple):
    """Which data serve one purpose."""

    episodes: tuple[str, ...]
    seeds: tuple[int, ...]
    """Of made-up scenes."""


CHOOSE_ON = Split(("ep_000", "ep_010"), (0, 1))
"""Parameters were chosen on these, and on no other …"""
REPORT_ON = Split(("ep_003", "ep_007", "ep_012", "ep_015", "ep_018", "ep_020"), (10, 11, 12))
"""… and figures are reported on these."""
SITES = ("vision.3", "vision.7", "vision.11")
POLICY = "dinov2-small"
CAMERA = "agentview"
STRIDE = 3
"""Every third frame, about 7 a second."""


@dataclass(frozen=True, eq=False)
class Take:
    """Patches of a video and what they are patches of."""

    name: str
    features: torch.Tensor
    """(frames x places, d) float32."""
    truth: torch.Tensor
    """(frames, places) int64 what is seen where."""
    static: torch.Tensor
    """(frames - 1, places) bool: nothing moves there, judged by pictures alone (made-up scenes: by construction)."""
    links: tuple[tuple[Link, Link], ...] = ()
    """What `coupling.coupled` needs of the pictures; made-up scenes have none."""

    @property
    def frames(self) -> int:
        return len(self.truth)

    def every(self, step: int) -> torch.Tensor:
        """Features of every `step`-th frame."""
        return self.features.reshape(self.frames, -1, self.features.shape[1])[::step].flatten(0, 1)

    @property
    def staying(self) -> torch.Tensor:
        """(frames, places) the truth of places where the same thing is seen in the whole first and last quarter, which is
        what drift is measured between; -1 elsewhere."""
        quarter = max(1, self.frames // 4)
        ends = torch.cat([self.truth[:quarter], self.truth[-quarter:]])
        same = (ends == ends[:1]).all(0)
        return torch.where(same, self.truth, -1)


def takes(split: Split, say: Callable[[str], None]) -> Iterator[Take]:
    """Of one split, one at a time: memory holds one."""
    yield from real(split.episodes, say)
    for seed in split.seeds:
        yield made_up(seed)


def made_up(seed: int, frames: int = 60) -> Take:
    scene = Scene(seed, frames=frames)
    features, labels = (np.stack(part) for part in zip(*scene.stream(), strict=True))
    static = torch.from_numpy(scene.static(labels))
    return Take(f"scene {seed}", torch.from_numpy(features).flatten(0, 1), torch.from_numpy(labels), static)


def real(
    names: tuple[str, ...], say: Callable[[str], None], policy: Policy | None = None, sites: tuple[str, ...] = SITES
) -> Iterator[Take]:
    """Episodes at every one of `sites`, of `POLICY` unless another is given. Without ../shared the samples stand in,
    which have no more than one of each kind."""
    if EPISODES.is_dir():
        found = {summary.id: summary for summary in find_episodes(EPISODES)}
        chosen = [found[name] for name in names]
    else:
        say(
            f"{EPISODES} is not here: the bundled samples are used instead. They are the same on both sides of the split."
        )
        chosen = list(find_episodes(SAMPLES))
    policy = policy or load_policy(POLICY)
    for summary in chosen:
        episode = open_episode(summary)
        if episode.masks is None:
            say(f"{episode.id} has no masks and is left out.")
            continue
        yield from _sites(episode, policy, sites, say)


def _sites(episode: Episode, policy: Policy, sites: tuple[str, ...], say: Callable[[str], None]) -> Iterator[Take]:
    frames = tuple(range(0, episode.frame_count, STRIDE))
    request = FeatureRequest(cameras=(CAMERA,), frames=frames, sites=sites, batch=4)
    say(f"{episode.id}: features of {len(frames)} frames")
    features = extract(episode, policy, request, default_cache())
    camera, grid = _camera(episode, policy), policy.sites[sites[0]].grid
    plane = ModelPlane(camera, grid)
    pictures = [plane(frame.rgb) for frame in episode.cameras[CAMERA].frames(frames)]
    moved = [motion(a, b, grid) for a, b in pairwise(pictures)]
    static = torch.from_numpy(np.stack([step.static for step in moved])).flatten(1)
    links = tuple((_link(step.flow, step.visible), _link(step.back_flow, step.back_visible)) for step in moved)
    assert episode.masks is not None
    masks = episode.masks[CAMERA].load().labels[list(frames)]
    truth = torch.from_numpy(np.stack([_majority(mask, camera, grid) for mask in masks])).flatten(1)
    for site, stored in features.items():
        rows = torch.from_numpy(stored.frames(0, len(frames)).astype(np.float32)).flatten(0, -2)
        yield Take(f"{episode.id} {site}", rows, truth, static, links)


def _link(flow: np.ndarray, visible: np.ndarray) -> Link:
    return Link(torch.from_numpy(flow)[None], torch.from_numpy(visible)[None])


def _camera(episode: Episode, policy: Policy) -> CameraRecord:
    height, width = episode.cameras[CAMERA].size
    matrix = policy.transform.to_recording(height, width)
    return CameraRecord(
        CAMERA, width, height, tuple(tuple(map(float, row)) for row in matrix), policy.transform.size, (0, 0, 1, 1)
    )


def _majority(mask: np.ndarray, camera: CameraRecord, grid: tuple[int, int], points: int = 8) -> np.ndarray:
    """(height, width) object ids -> (rows, cols) int64 the one that fills most of each patch."""
    rows, cols = grid[0] * points, grid[1] * points
    y, x = np.mgrid[0:rows, 0:cols] + 0.5
    at = np.stack([x * camera.model_size[1] / cols, y * camera.model_size[0] / rows, np.ones_like(x)], axis=-1)
    column, row, depth = np.moveaxis(at @ np.array(camera.to_recording).T, -1, 0)
    seen = mask[
        np.clip(row / depth, 0, camera.height - 1).astype(int), np.clip(column / depth, 0, camera.width - 1).astype(int)
    ]
    blocks = seen.reshape(grid[0], points, grid[1], points).transpose(0, 2, 1, 3).reshape(*grid, -1)
    votes = np.stack([(blocks == label).sum(-1) for label in range(int(mask.max()) + 1)], axis=-1)
    return votes.argmax(-1)
