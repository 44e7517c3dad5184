"""From action tokens and statistics to actions in units.

OpenVLA (Kim et al. 2024) writes each dimension of an action as one of 256 tokens at the end of the vocabulary, the
last token standing for the lowest value; the statistics of the training data stretch [-1, 1] back to units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from foundation.action_space import LIBERO, ActionSpace, unnamed
from foundation.errors import BadInput, PolicyUnavailable, did_you_mean, quoted

MOST_DIMENSIONS = 128
"""Of an action or a state: two hands of many fingers have fewer."""


@dataclass(frozen=True)
class ActionBins:
    """The uniform binning of [-1, 1] by tokens."""

    vocabulary: int
    """Text tokens: the last `edges` of them are the actions."""
    edges: int = 256
    """Edges of the bins, and action tokens. Centres are one fewer: the two tokens of the highest values share the last."""

    def __post_init__(self) -> None:
        if not 2 <= self.edges <= self.vocabulary:
            raise ValueError(f"{self.edges} bins cannot be told by {self.vocabulary} tokens.")

    @property
    def centres(self) -> np.ndarray:
        """[edges - 1] float64, rising."""
        edges = np.linspace(-1, 1, self.edges)
        return (edges[:-1] + edges[1:]) / 2

    def index(self, tokens: np.ndarray) -> np.ndarray:
        """Tokens -> index of their centre. A token that is no action lands on the nearest end, as it does officially."""
        return np.clip(self.vocabulary - tokens - 1, 0, self.edges - 2)

    def values(self, tokens: np.ndarray) -> np.ndarray:
        """Tokens -> values in [-1, 1]."""
        return self.centres[self.index(tokens)]

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """[…, vocabulary or more] -> […, edges] float32: how likely each action token is among the action tokens.

        From the lowest value to the highest; entry i is the token `vocabulary - 1 - i`. Float64 stays float64.
        """
        among = logits[..., self.vocabulary - self.edges : self.vocabulary]
        return among.to(torch.promote_types(among.dtype, torch.float32)).softmax(-1).flip(-1)

    def expected(self, logits: torch.Tensor) -> torch.Tensor:
        """[…, vocabulary or more] -> […]: the mean of the values in [-1, 1] under those probabilities."""
        probabilities = self.probabilities(logits)
        values = self.values(self.vocabulary - 1 - np.arange(self.edges))
        return (probabilities * torch.tensor(values).to(probabilities)).sum(-1)


@dataclass(frozen=True, eq=False)
class ActionStatistics:
    """How the training data of one dataset was normalised."""

    key: str
    low: np.ndarray
    """[D] float64, the value that became -1."""
    high: np.ndarray
    """[D] float64, the value that became 1."""
    mask: np.ndarray
    """[D] bool; False: the dimension was left as it was."""
    epsilon: float = 0.0
    """Added to the span of a dimension."""

    def __post_init__(self) -> None:
        if not self.low.ndim == 1 or not self.low.shape == self.high.shape == self.mask.shape:
            raise PolicyUnavailable(
                f"The statistics {quoted(self.key)} contradict themselves: "
                f"{self.low.shape} low, {self.high.shape} high, {self.mask.shape} mask."
            )
        if not 1 <= len(self.low) <= MOST_DIMENSIONS or not np.isfinite([self.low, self.high]).all():
            raise PolicyUnavailable(
                f"The statistics {quoted(self.key)} must be 1 to {MOST_DIMENSIONS} finite numbers; they are {len(self.low)}."
            )

    def __len__(self) -> int:
        return len(self.low)

    def unnormalise(self, values: np.ndarray) -> np.ndarray:
        """[…, D] in [-1, 1] -> […, D] in the units of the dataset."""
        return np.where(self.mask, 0.5 * (values + 1) * (self.high - self.low + self.epsilon) + self.low, values)

    def normalise(self, values: np.ndarray) -> np.ndarray:
        """[…, D] in the units of the dataset -> […, D] in [-1, 1], what lies beyond cut off."""
        span = self.high - self.low + self.epsilon
        return np.clip(np.where(self.mask, 2 * (values - self.low) / span - 1, values), -1, 1)

    @classmethod
    def read(
        cls, key: str, entry: Any, bounds: tuple[str, str] = ("q01", "q99"), epsilon: float = 0.0
    ) -> ActionStatistics:
        """Out of an entry of `dataset_statistics.json`: its "action" or "proprio"."""
        try:
            low, high = (np.asarray(entry[name], np.float64) for name in bounds)
            mask = np.asarray(entry.get("mask", np.ones_like(low)), bool)
        except (KeyError, TypeError, ValueError) as error:
            raise PolicyUnavailable(f"The statistics {quoted(key)} lack usable {bounds[0]} and {bounds[1]}.") from error
        return cls(key, low, high, mask, epsilon)


def choose_statistics(statistics: Mapping[str, Any], unnorm_key: str | None) -> str | None:
    """The key to use: the given one, or the only one there is; None where one of several must be chosen.

    Raises:
        BadInput: the given key does not exist.
    """
    if unnorm_key is None:
        return next(iter(statistics)) if len(statistics) == 1 else None
    if unnorm_key not in statistics:
        raise BadInput(f"There are no statistics {quoted(unnorm_key)}.{did_you_mean(unnorm_key, statistics)}")
    return unnorm_key


def unchosen(policy: str, statistics: Mapping[str, Any]) -> BadInput:
    """What to say where an action is wanted and none of several statistics was chosen."""
    return BadInput(
        f"{policy} has statistics of {len(statistics)} datasets and none was chosen: give unnorm_key (--unnorm-key)."
        f"{did_you_mean('', statistics)}"
    )


def check_length(statistics: ActionStatistics | None, size: int | None) -> None:
    """Raise PolicyUnavailable where statistics and the network's part that they are for have different sizes."""
    if statistics is not None and size is not None and len(statistics) != size:
        raise PolicyUnavailable(
            f"The statistics {quoted(statistics.key)} are of {len(statistics)} numbers; the network has {size}."
        )


END_EFFECTOR = ("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper")


def action_space(statistics: ActionStatistics) -> ActionSpace:
    """What the numbers mean after `to_recording`, as far as the name of the dataset tells.

    Seven dimensions are the end-effector convention of Open X-Embodiment as OpenVLA trains on it: a change of pose a
    step, gripper 1 open and 0 closed. Units are named where the dataset's own are known.
    """
    if _is_libero(statistics):
        return LIBERO
    if len(statistics) != len(END_EFFECTOR):
        return unnamed(len(statistics))
    known = statistics.key.startswith("bridge")
    units = ("m", "m", "m", "rad", "rad", "rad", "") if known else ("",) * 7
    return ActionSpace(END_EFFECTOR, units, kind="delta", gripper=6, gripper_open=1.0, gripper_closed=0.0)


def to_recording(actions: np.ndarray, statistics: ActionStatistics) -> np.ndarray:
    """[…, D] as the policy means them -> as the recording has them.

    OpenVLA says 1 for an open gripper and 0 for a closed one. LIBERO's environment wants -1 and 1, and its evaluation
    script rounds to them: both are done here for statistics of LIBERO, nothing for others.
    """
    if not _is_libero(statistics):
        return actions
    converted = actions.copy()
    converted[..., -1] = -np.sign(2 * actions[..., -1] - 1)
    return converted


def unrounded(statistics: ActionStatistics) -> tuple[np.ndarray, np.ndarray]:
    """(factor, offset), [D] each: `value * factor + offset` is what `to_recording(unnormalise(value))` is before a
    gripper is rounded. What can be differentiated of the way from [-1, 1] to the recording.
    """
    span = 0.5 * (statistics.high - statistics.low + statistics.epsilon)
    factor = np.where(statistics.mask, span, 1.0)
    offset = np.where(statistics.mask, statistics.low + span, 0.0)
    if _is_libero(statistics):
        factor[-1], offset[-1] = -2 * factor[-1], 1 - 2 * offset[-1]
    return factor, offset


def _is_libero(statistics: ActionStatistics) -> bool:
    return statistics.key.startswith("libero") and len(statistics) == len(LIBERO)
