"""The door to every policy: frames in, features at named sites and actions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from foundation.action_space import ActionSpace
from policies.transform import ImageTransform


@dataclass(frozen=True)
class FeatureSite:
    """One stage of a policy at which patch features can be read."""

    name: str
    """E.g. `vision.dino.22`, `projector`, `llm.5`."""
    dim: int
    """Channels of a patch, C."""
    grid: tuple[int, int]
    """(rows, cols) of the patches of one camera."""
    depends_on_instruction: bool
    """False: the features are the same whatever the instruction, and are cached once a frame."""
    flops: float
    """Floating-point operations to get here from the pixels, per frame and camera (a multiply-add counts as 2)."""
    causal: bool = False
    """True: a patch sees only the patches before it in raster order."""


class PolicyOutput(NamedTuple):
    """What one call of a policy gives."""

    features: dict[str, torch.Tensor]
    """Site -> [B, cameras, rows, cols, C], float32 or the policy's dtype, on the policy's device."""
    actions: np.ndarray | None
    """[B, horizon, D], in the units of the recording."""
    bin_probs: np.ndarray | None
    """[B, D, bins], the bin of the lowest value first; None for heads that are not binned."""


class Policy(Protocol):
    """A model whose stages can be looked at. Implementations live one a family, beside this file."""

    @property
    def name(self) -> str: ...

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the views it takes at once; one name for a policy with a single view."""
        ...

    @property
    def sites(self) -> Mapping[str, FeatureSite]:
        """In order of depth."""
        ...

    @property
    def default_sites(self) -> tuple[str, ...]:
        """The few sites worth looking at first."""
        ...

    @property
    def transform(self) -> ImageTransform: ...

    @property
    def action_space(self) -> ActionSpace | None: ...

    @property
    def action_flops(self) -> float:
        """Floating-point operations to predict the action of one frame, all cameras; 0 where the policy has none.

        For a prompt of usual length, where the instruction counts.
        """
        ...

    @property
    def state_size(self) -> int | None:
        """Numbers of proprioception it takes, S; None: it takes none."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """In which it computes."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hex digest of weights and configuration: names the cache."""
        ...

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        """Main memory that its weights take, beside their files, once it has gone as deep as that; at most."""
        ...

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
        """Run B frames through the policy, as deep as the deepest of `sites` and no further.

        Args:
            frames: B x [cameras, H, W, 3] uint8 RGB.
            instruction: text, or ready token ids (1-D integers) where a checkpoint has no tokenizer.
            sites: names out of `self.sites`; an unknown one raises BadInput before anything runs.
            actions: also predict the action of every frame; BadInput where the policy has none.
            state: [B, S] proprioception for policies that take it.
            seed: of the noise of policies that sample; equal seeds give equal actions frame by frame.
        """
        ...
