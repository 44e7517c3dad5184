"""Targets and losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from policies.action_bins import ActionBins, ActionStatistics
from training.demonstrations import PHASES, Demonstrations
from training.network import EDGES
from training.settings import Settings

GRIPPER = 6
POSITIONS = 10
"""Numbers of the side task before the coming actions: hand, hand to goal, hand to the other bowl, fingers."""


def action_statistics(actions: np.ndarray, episodes: int) -> dict[str, Any]:
    """An entry of `dataset_statistics.json`, for (n, 7) actions in OpenVLA's convention (gripper 1 = open)."""
    return {
        "action": {
            "q01": np.quantile(actions, 0.01, axis=0).tolist(),
            "q99": np.quantile(actions, 0.99, axis=0).tolist(),
            "min": actions.min(0).tolist(),
            "max": actions.max(0).tolist(),
            "mean": actions.mean(0).tolist(),
            "std": actions.std(0).tolist(),
            "mask": [True] * 6 + [False],
        },
        "num_transitions": len(actions),
        "num_trajectories": episodes,
    }


def openvla_actions(actions: np.ndarray) -> np.ndarray:
    """(n, 7) as LIBERO's environment has them (gripper -1 open, 1 closed) -> as OpenVLA trains on them (1 open, 0 closed)."""
    converted = actions.copy()
    converted[:, GRIPPER] = (1 - actions[:, GRIPPER]) / 2
    return converted


def places(actions: np.ndarray, statistics: ActionStatistics) -> np.ndarray:
    """(n, 7) in OpenVLA's convention -> (n, 7) int64, the bin's place from the lowest value: its token is V - 1 - place.

    As OpenVLA's ActionTokenizer: `np.digitize` against the edges, one less. The highest edge has a bin of its own.
    """
    return np.digitize(statistics.normalise(actions), np.linspace(-1, 1, EDGES)) - 1


def tokens_of(found: np.ndarray, bins: ActionBins) -> np.ndarray:
    """Places of bins -> tokens."""
    return bins.vocabulary - 1 - found


def soft_targets(found: torch.Tensor, settings: Settings) -> torch.Tensor:
    """[B, 7] places -> [B, 7, EDGES] probabilities: a bell around the right bin, one bin for the gripper."""
    distance = torch.arange(EDGES) - found[..., None]
    bell = torch.exp(-0.5 * (distance / settings.smoothing) ** 2)
    bell[:, GRIPPER] = (distance[:, GRIPPER] == 0).float()
    return bell / bell.sum(-1, keepdim=True)


def side_targets(data: Demonstrations, settings: Settings) -> np.ndarray:
    """(n, POSITIONS + 6 * ahead) float32, each column of mean 0 and deviation 1; the phase is apart."""
    coming = [
        np.where((data.episode == np.roll(data.episode, -k))[:, None], np.roll(data.actions, -k, axis=0), 0)[:, :6]
        for k in range(settings.ahead)
    ]
    other = data.bowls[:, 1] - data.hand
    columns = np.concatenate([data.hand, data.goal - data.hand, other, data.fingers[:, None], *coming], axis=1)
    return ((columns - columns.mean(0)) / columns.std(0)).astype(np.float32)


def side_outputs(settings: Settings) -> int:
    return POSITIONS + 6 * settings.ahead + len(PHASES)


def action_loss(logits: torch.Tensor, found: torch.Tensor, bins: ActionBins, settings: Settings) -> torch.Tensor:
    """Weighted cross-entropy over the whole vocabulary, [B, 7, V] against [B, 7] places."""
    logarithms = logits.float().log_softmax(-1)[..., bins.vocabulary - EDGES : bins.vocabulary].flip(-1)
    crossed = -(soft_targets(found, settings) * logarithms).sum(-1).mean(0)
    if settings.distance:
        distances = (torch.arange(EDGES) - found[..., None]).abs() / settings.far
        away = (distances * logarithms.exp()).sum(-1).mean(0)
        crossed = crossed + settings.distance * torch.cat([away[:GRIPPER], away.new_zeros(1)])
    weights = torch.tensor([settings.translation] * 3 + [settings.rotation] * 3 + [settings.gripper])
    return (weights * crossed).sum() / weights.sum()


def side_loss(outputs: torch.Tensor, targets: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
    numbers = torch.nn.functional.smooth_l1_loss(outputs[:, : targets.shape[1]].float(), targets, beta=0.5)
    return numbers + 0.3 * torch.nn.functional.cross_entropy(outputs[:, targets.shape[1] :].float(), phase)


def distillation_loss(guesses: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Mean square over helpers, in units of the targets' own."""
    return torch.stack([(guesses[name].float() - targets[name]).square().mean() for name in targets]).mean()
