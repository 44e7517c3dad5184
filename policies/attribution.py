"""How much each image patch moves the predicted action: the second, optional door of a policy that acts.

Every patch's token, where the language model takes it in, is multiplied by a gate g = 1. The derivative of the action
by the gate of a patch is, by the chain rule, the sum over channels of gradient times input,

    d a_d / d g_p  =  sum_c  x_pc  d a_d / d x_pc,

the attribution of Shrikumar et al. 2017 ("gradient x input"), exact up to rounding. Given other gates than 1, the same
door tells the action with some patches' tokens weakened, so that finite differences can check the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
import torch

from foundation.errors import BadInput

ATTRIBUTED = "projector"
"""The site whose patches are gated: image tokens as a language model gets them."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """The first action of B frames and its derivatives."""

    site: str
    """The feature site whose patches are meant, e.g. `projector`."""
    actions: np.ndarray
    """[B, D] float64, the action that was differentiated, in the units of the recording. Where an action is chosen
    among bins it is their mean under the policy's probabilities; a gripper is not rounded."""
    values: np.ndarray
    """[B, cameras, rows, cols, D] float64: derivative of each dimension by the patch's gate, in the same units."""

    @classmethod
    def of(cls, site: str, actions: torch.Tensor, gates: torch.Tensor) -> Self:
        """From [B, D] actions that were computed from [B, cameras, rows, cols] gates; one backward pass a dimension."""
        last = actions.shape[1] - 1
        passes = [
            # Frames do not see each other, so that their sum has the derivatives of each.
            torch.autograd.grad(actions[:, d].sum(), gates, retain_graph=d < last, materialize_grads=True)[0]
            for d in range(last + 1)
        ]
        return cls(site, actions.detach().double().cpu().numpy(), torch.stack(passes, -1).double().cpu().numpy())


@runtime_checkable
class Attributable(Protocol):
    """A policy whose action can be differentiated."""

    def attribute(
        self,
        frames: Sequence[np.ndarray],
        instruction: str | np.ndarray | None = None,
        *,
        state: np.ndarray | None = None,
        seed: int = 0,
        gates: np.ndarray | None = None,
    ) -> Attribution:
        """Predict the action of B frames and what each patch contributes.

        Args:
            frames, instruction, state, seed: as for `Policy.run`; equal input gives equal numbers.
            gates: [B, cameras, rows, cols], what every patch's token is multiplied by; None: 1 everywhere.
        """
        ...


def opened_gates(gates: np.ndarray | None, shape: tuple[int, int, int, int], device: torch.device) -> torch.Tensor:
    """[B, cameras, rows, cols] float32 (or the gates' own float64), ready to be differentiated by.

    Raises:
        BadInput: gates of another shape, or that are not finite.
    """
    if gates is None:
        return torch.ones(shape, device=device).requires_grad_()
    if np.shape(gates) != shape or not np.isfinite(gates).all():
        raise BadInput(
            f"Gates are finite numbers of shape {shape} (frames, cameras, rows, cols); got {np.shape(gates)}."
        )
    return torch.tensor(gates, device=device).requires_grad_()
