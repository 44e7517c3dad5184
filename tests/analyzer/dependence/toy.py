"""A policy whose dependence is known by construction, and scenes for it to act in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from analyzer.features import FeatureRequest
from analyzer.instances.instance import Instance
from analyzer.instances.instances import Instances
from analyzer.instances.label_maps import LabelMaps
from analyzer.run_folder import CameraRecord
from foundation.action_space import LIBERO, ActionSpace
from policies.attribution import ATTRIBUTED, Attribution, opened_gates
from policies.inputs import stack_pixels
from policies.policy import FeatureSite, PolicyOutput
from policies.transform import Normalisation, Resize, StepTransform
from videos.catalog import open_episode
from videos.encode import write_video
from videos.episode import Episode

GRID = (8, 8)
HEIGHT, WIDTH = 128, 160
PLATE, BOWL, ARM = 1, 2, 3
COLOURS = {PLATE: (220, 40, 60), BOWL: (40, 60, 220), ARM: (20, 20, 20)}
PLACES = {
    PLATE: (slice(32, 64), slice(20, 60)),
    BOWL: (slice(80, 112), slice(100, 140)),
    ARM: (slice(0, 20), slice(70, 90)),
}
"""Rows and columns of each thing: the plate covers the patches of rows 2 … 3 and columns 1 … 2."""


def channel_of(rows: slice, cols: slice, channel: int, dimension: int, size: float = 1.0) -> np.ndarray:
    """(rows, cols, 3, D) weights: dimension `dimension` is `size` times the mean of a colour channel over some patches."""
    weights = np.zeros((*GRID, 3, len(LIBERO)))
    weights[rows, cols, channel, dimension] = size
    return weights / max(1, np.count_nonzero(weights))


@dataclass
class LinearPolicy:
    """Its action is a linear function of the patches' mean colours: action[d] = sum weights[row, col, c, d] colour."""

    weights: np.ndarray
    """(rows, cols, 3, D); colours are 0 … 1."""
    action_space: ActionSpace | None = LIBERO
    cameras: tuple[str, ...] = ("image",)
    state_size: int | None = None
    name: str = "linear"
    fingerprint: str = "linear-1"
    default_sites: tuple[str, ...] = (ATTRIBUTED,)
    action_flops: float = 1e6
    asked: list[int] = field(default_factory=list)
    """Frames of every prediction."""

    def __post_init__(self) -> None:
        self.transform = StepTransform(
            (Resize(64, 64, Image.Resampling.BOX),), (Normalisation((0.0,) * 3, (1.0,) * 3),)
        )
        self.sites = {ATTRIBUTED: FeatureSite(ATTRIBUTED, 3, GRID, depends_on_instruction=False, flops=1e5)}

    def run(
        self,
        frames: Sequence[np.ndarray],
        instruction: str | np.ndarray | None = None,
        *,
        sites: Sequence[str] = (),
        actions: bool = False,
        state: np.ndarray | None = None,
        seed: int = 0,
    ) -> PolicyOutput:
        tokens = self._tokens(frames)
        features = {site: tokens.float() for site in sites}
        if not actions:
            return PolicyOutput(features, None, None)
        self.asked.append(len(frames))
        return PolicyOutput(features, self._act(tokens).numpy()[:, None], None)

    def attribute(
        self,
        frames: Sequence[np.ndarray],
        instruction: str | np.ndarray | None = None,
        *,
        state: np.ndarray | None = None,
        seed: int = 0,
        gates: np.ndarray | None = None,
    ) -> Attribution:
        tokens = self._tokens(frames)
        opened = opened_gates(gates, tuple(tokens.shape[:4]), torch.device("cpu"))  # type: ignore[arg-type]
        return Attribution.of(ATTRIBUTED, self._act(tokens * opened[..., None]), opened)

    def _tokens(self, frames: Sequence[np.ndarray]) -> torch.Tensor:
        """[B, cameras, rows, cols, 3] float64 mean colours."""
        pixels = stack_pixels(self.transform, frames, len(self.cameras)).double()
        means = torch.nn.functional.adaptive_avg_pool2d(pixels.flatten(0, 1), GRID)
        return means.permute(0, 2, 3, 1).unflatten(0, pixels.shape[:2])

    def _act(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bvrcx,rcxd->bd", tokens, torch.from_numpy(self.weights))


class NoGradients(LinearPolicy):
    """The same behind a door that gives no gradients."""

    attribute = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class Scene:
    """An episode with a plate, a bowl and an arm before a background, and where they are."""

    episode: Episode
    found: Instances
    cameras: tuple[CameraRecord, ...]
    request: FeatureRequest
    background: np.ndarray
    """(height, width, 3) uint8: the scene without the things."""


def scene(path: Path, policy: LinearPolicy, frames: int = 12, hidden: Sequence[int] = (), **request: object) -> Scene:
    """A lossless video in which nothing moves but the grain of the background; `hidden` things are in no mask."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    background = np.stack([90 + x // 4, 100 + y // 4, 110 + (x + y) // 8], axis=-1).astype(np.uint8)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pictures = [
        np.clip(background + rng.integers(-6, 7, background.shape), 0, 255).astype(np.uint8) for _ in range(frames)
    ]
    for number, place in PLACES.items():
        for picture in pictures:
            picture[place] = COLOURS[number]
        if number not in hidden:
            labels[place] = number
    write_video(path / "take.mp4", pictures, np.arange(frames) / 10, quality=0)
    episode = open_episode(path / "take.mp4")
    (camera,) = episode.cameras
    things = {PLATE: ("plate", "object"), BOWL: ("bowl", "object"), ARM: ("arm", "arm")}
    instances = tuple(
        Instance(number, name, camera, COLOURS[number], "mask", role, (int((labels == number).sum()),) * frames, 0)
        for number, (name, role) in things.items()
    )
    matrix = policy.transform.to_recording(HEIGHT, WIDTH)
    rows = tuple(tuple(float(value) for value in row) for row in matrix)
    record = CameraRecord(camera, WIDTH, HEIGHT, rows, policy.transform.size, (0, 0, WIDTH, HEIGHT))
    asked = {"batch": 4, "actions": True} | request
    return Scene(
        episode,
        Instances(instances, {camera: LabelMaps.compress([labels] * frames)}),
        (record,),
        FeatureRequest((camera,), tuple(range(frames)), (ATTRIBUTED,), **asked),  # type: ignore[arg-type]
        background,
    )
