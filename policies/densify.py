"""A finer grid from the same network: look several times, shifted by parts of a patch, and interleave.

A network bound to 224 pixels sees a bowl in two patches. Shifted views sample it more densely (Amir et al. 2021 take
overlapping patches instead, which changes the network's positions; here every pass is one the network was trained
for). The shifts are such that a fine cell's centre is exactly the centre of the patch it was read from: each patch is
still as wide as before, so neighbours share what they see. It makes no sense behind the towers, where a token has
mixed with all others and its place is only a name: there is no such site.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from foundation.action_space import ActionSpace
from foundation.errors import BadInput, did_you_mean, quoted
from policies.checkpoint import digest
from policies.inputs import check_sites
from policies.policy import FeatureSite, Policy, PolicyOutput
from policies.transform import ImageTransform, StepTransform, scaling

FACTORS = (2, 4)


@dataclass(frozen=True)
class Shift:
    """The picture seen from `dx` to the right and `dy` further down, in pixels; edges are continued."""

    dx: float
    dy: float

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def apply(self, image: np.ndarray) -> np.ndarray:
        margin = math.ceil(max(abs(self.dx), abs(self.dy))) + 2  # bicubic looks two pixels further
        padded = Image.fromarray(np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
        origin = (1, 0, margin + self.dx, 0, 1, margin + self.dy)
        size = (image.shape[1], image.shape[0])
        return np.asarray(padded.transform(size, Image.Transform.AFFINE, origin, Image.Resampling.BICUBIC))

    def to_input(self, height: int, width: int) -> np.ndarray:
        return scaling(1.0, 1.0, self.dx, self.dy)


class Densified:
    """A policy with `factor` times as many rows and columns at the sites of its vision towers."""

    def __init__(self, policy: Any, factor: int) -> None:
        """`policy`: any of ours whose transform is a StepTransform.

        Raises:
            BadInput: a factor other than 2 and 4, or a policy without towers.
        """
        if factor not in FACTORS:
            raise BadInput(f"densify is {factor}; use {' or '.join(map(str, FACTORS))}.")
        self._policy, self._factor = policy, factor
        self._sites = {
            name: replace(site, grid=(site.grid[0] * factor, site.grid[1] * factor), flops=site.flops * factor**2)
            for name, site in policy.sites.items()
            if name.startswith("vision.")
        }
        if not self._sites:
            raise BadInput(f"{policy.name} has no sites in a vision tower, so there is nothing to densify.")
        self.default_sites = tuple(site for site in policy.default_sites if site in self._sites)
        self.fingerprint = digest(policy.fingerprint, factor)

    @property
    def name(self) -> str:
        return f"{self._policy.name} densified {self._factor}x"

    @property
    def cameras(self) -> tuple[str, ...]:
        return tuple(self._policy.cameras)

    @property
    def sites(self) -> Mapping[str, FeatureSite]:
        return self._sites

    @property
    def transform(self) -> ImageTransform:
        """That of the policy: the finer grid divides the same picture."""
        return self._policy.transform

    @property
    def action_space(self) -> ActionSpace | None:
        return self._policy.action_space

    @property
    def state_size(self) -> int | None:
        return self._policy.state_size

    @property
    def dtype(self) -> torch.dtype:
        return self._policy.dtype

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return int(self._policy.weight_bytes(sites, actions=actions))

    @property
    def action_flops(self) -> float:
        return float(self._policy.action_flops)

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
        """As `Policy.run`; actions are those of the policy itself, from the picture as it is."""
        for site in sites:
            if site in self._policy.sites and site not in self._sites:
                raise BadInput(
                    f"Behind the towers a finer grid means nothing, so {quoted(site)} is not densified."
                    f"{did_you_mean(site, self._sites)}"
                )
        check_sites(sites, self._sites)
        plain = self._policy.run(frames, instruction, actions=actions, state=state, seed=seed)
        features: dict[str, torch.Tensor] = {}
        if sites:
            for row in range(self._factor):
                for column in range(self._factor):
                    views = self._shifted(sites[0], row, column).run(frames, instruction, sites=sites, state=state)
                    for site in sites:
                        self._interleave(features, site, views.features[site], row, column)
        return PolicyOutput(features, plain.actions, plain.bin_probs)

    def _shifted(self, site: str, row: int, column: int) -> Policy:
        """The policy, sharing its weights, with patches moved to the centres of the fine cells (row, column)."""
        rows, cols = self._policy.sites[site].grid
        height, width = self._policy.transform.size
        dy, dx = (
            ((part + 0.5) / self._factor - 0.5) * side for part, side in ((row, height / rows), (column, width / cols))
        )
        shifted = copy.copy(self._policy)
        given: StepTransform = self._policy.transform
        shifted.transform = StepTransform((*given.steps, Shift(dx, dy)), given.normalisations)
        return shifted

    def _interleave(
        self, features: dict[str, torch.Tensor], site: str, view: torch.Tensor, row: int, column: int
    ) -> None:
        """Put a pass's [B, cameras, rows, cols, C] where its patches lie in the fine grid."""
        n = self._factor
        if site not in features:
            features[site] = view.new_empty(*view.shape[:2], view.shape[2] * n, view.shape[3] * n, view.shape[4])
        features[site][:, :, row::n, column::n] = view
