"""A policy with a known answer: what it sees of a patch is the patch's mean colour."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from foundation.action_space import ActionSpace
from foundation.errors import BadInput
from policies.inputs import check_sites, stack_pixels
from policies.policy import FeatureSite, PolicyOutput
from policies.transform import Normalisation, Resize, StepTransform

SIDE = 32
"""Of the model's input, in pixels."""
GRID = (8, 8)
DIM = 6


@dataclass
class FakePolicy:
    """Sites of mean colours, of which the one called `llm.…` also hears the instruction. Counts what it is asked."""

    cameras: tuple[str, ...] = ("image",)
    site_names: tuple[str, ...] = ("vision.0", "vision.1", "llm.0")
    grid: tuple[int, int] = GRID
    fingerprint: str = "fake-1"
    on_call: Callable[[FakePolicy], None] = lambda policy: None
    """Called before every forward pass: tests stop the analysis here."""
    spoil: Callable[[torch.Tensor], torch.Tensor] = lambda features: features
    name: str = "fake"
    default_sites: tuple[str, ...] = ("vision.0",)
    action_space: ActionSpace | None = None
    """Where there is one, it acts: dimension d of the h-th action ahead is h + the mean of colour channel d % 3."""
    action_flops: float = 0.0
    dtype: torch.dtype = torch.float32
    state_size: int | None = None
    """Where it takes a state, that state's first number is added to the action."""
    horizon: int = 1
    bins: int | None = None
    """It is equally unsure about so many bins. None: no bins."""
    asked_to_act: list[int] = field(default_factory=list)
    """Frames of every forward pass that predicted actions."""
    calls: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    """(frames, sites) of every forward pass."""
    instructions: list[str | np.ndarray | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transform = StepTransform(
            (Resize(SIDE, SIDE, Image.Resampling.BOX),), (Normalisation((0.0,) * 3, (1.0,) * 3),)
        )
        self.sites = {
            name: FeatureSite(name, DIM, self.grid, depends_on_instruction=name.startswith("llm"), flops=1.0)
            for name in self.site_names
        }

    @property
    def frames_seen(self) -> int:
        return sum(frames for frames, _ in self.calls)

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return 0

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
        self.on_call(self)
        check_sites(sites, self.sites)
        self.calls.append((len(frames), tuple(sites)))
        self.instructions.append(instruction)
        pixels = stack_pixels(self.transform, frames, len(self.cameras))
        batch, cameras = pixels.shape[:2]
        means = torch.nn.functional.adaptive_avg_pool2d(pixels.flatten(0, 1), self.grid)
        means = means.permute(0, 2, 3, 1).unflatten(0, (batch, cameras))
        features = {site: self.spoil(self._look(means, site, instruction)) for site in sites}
        if not actions:
            return PolicyOutput(features, None, None)
        self.asked_to_act.append(len(frames))
        return PolicyOutput(features, *self._act(means, state, seed))

    def _act(self, means: torch.Tensor, state: np.ndarray | None, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """[B, horizon, D] and [B, D, bins]."""
        assert self.action_space is not None
        seen = means.mean(dim=(1, 2, 3)).double().numpy()
        first = seen[:, np.arange(len(self.action_space)) % 3] + seed
        if self.state_size is not None:
            if state is None or state.shape != (len(seen), self.state_size):
                raise BadInput("The fake policy takes proprioception.")
            first = first + state[:, :1]
        ahead = first[:, None] + np.arange(self.horizon)[:, None]
        probs = None if self.bins is None else np.full((*first.shape, self.bins), 1 / self.bins, np.float32)
        return ahead, probs

    def _look(self, means: torch.Tensor, site: str, instruction: object) -> torch.Tensor:
        """[..., 3] mean colours -> [..., DIM]: the colours, mixed differently at every site."""
        heard = str(instruction) if self.sites[site].depends_on_instruction else ""
        seed = int.from_bytes(hashlib.sha256(f"{site}{heard}".encode()).digest()[:4], "little")
        mix = torch.from_numpy(np.random.default_rng(seed).normal(size=(3, DIM)).astype(np.float32))
        # Sums in a fixed order, not a matrix product: the same bits in batches of any size.
        return sum(means[..., channel, None] * mix[channel] for channel in range(3))  # type: ignore[return-value]


def install(monkeypatch: pytest.MonkeyPatch, policy: Any) -> Any:
    """Let every name in the catalogue mean `policy`."""
    monkeypatch.setattr("policies.catalog.load_policy", lambda name, **options: policy)
    return policy
