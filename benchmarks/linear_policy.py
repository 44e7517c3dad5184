"""A policy whose dependence is known by construction: what the action depends on is tested and measured with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image

from foundation.action_space import LIBERO, ActionSpace
from policies.attribution import ATTRIBUTED, Attribution, opened_gates
from policies.inputs import stack_pixels
from policies.policy import FeatureSite, PolicyOutput
from policies.transform import Normalisation, Resize, StepTransform


@dataclass
class LinearPolicy:
    """Its action is a linear function of the patches' mean colours: action[d] = sum weights[row, col, c, d] colour."""

    weights: np.ndarray
    """(rows, cols, 3, D); colours are 0 … 1."""
    action_space: ActionSpace | None = LIBERO
    patch: int = 8
    """Pixels that a patch measures in its picture."""
    cameras: tuple[str, ...] = ("image",)
    state_size: int | None = None
    name: str = "linear"
    fingerprint: str = "linear-1"
    default_sites: tuple[str, ...] = (ATTRIBUTED,)
    action_flops: float = 1e6
    dtype: torch.dtype = torch.float32
    asked: list[int] = field(default_factory=list)
    """Frames of every prediction."""

    def __post_init__(self) -> None:
        self.grid = (self.weights.shape[0], self.weights.shape[1])
        resize = Resize(self.patch * self.grid[0], self.patch * self.grid[1], Image.Resampling.BOX)
        self.transform = StepTransform((resize,), (Normalisation((0.0,) * 3, (1.0,) * 3),))
        self.sites = {ATTRIBUTED: FeatureSite(ATTRIBUTED, 3, self.grid, depends_on_instruction=False, flops=1e5)}

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
        means = torch.nn.functional.adaptive_avg_pool2d(pixels.flatten(0, 1), self.grid)
        return means.permute(0, 2, 3, 1).unflatten(0, pixels.shape[:2])

    def _act(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bvrcx,rcxd->bd", tokens, torch.from_numpy(self.weights))


class NoGradients(LinearPolicy):
    """The same behind a door that gives no gradients."""

    attribute = None  # type: ignore[assignment]
