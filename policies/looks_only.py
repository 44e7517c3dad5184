"""The door of a model that sees and does not act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from foundation.action_space import ActionSpace
from foundation.errors import BadInput
from policies.inputs import check_frames, check_sites
from policies.policy import FeatureSite, PolicyOutput


class LooksOnly:
    """Base of a family without actions: it checks what is asked, the family looks."""

    kind = "vision backbone"
    cameras = ("image",)
    state_size: int | None = None
    action_space: ActionSpace | None = None
    action_flops = 0.0

    name: str
    sites: Mapping[str, FeatureSite]

    def look(self, frames: Sequence[np.ndarray], sites: Sequence[str]) -> dict[str, torch.Tensor]:
        """[B, 1, rows, cols, C] at every site; at least one is asked for, and all are right."""
        raise NotImplementedError

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
        """Patch features of B frames; see `Policy.run`. Instruction, state and seed change nothing here."""
        check_sites(sites, self.sites)
        if actions:
            raise BadInput(f"{self.name} is a {self.kind} and predicts no actions; choose a policy that acts.")
        check_frames(frames, len(self.cameras))
        if not sites:
            return PolicyOutput({}, None, None)
        with torch.inference_mode():
            return PolicyOutput(self.look(frames, sites), None, None)
