"""Predicted actions beside recorded ones: put into the same convention, compared only where both mean the same.

A policy and a recording each name what their numbers mean (`ActionSpace`). Where the two agree or differ by something
that can be computed (scale, unit, order, the gripper's values), predictions are converted; where they contradict each
other, both are kept, no difference is taken, and a note says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foundation.action_space import ActionSpace, unnamed
from foundation.errors import BadInput

_SI = {"m": ("m", 1.0), "cm": ("m", 0.01), "mm": ("m", 0.001), "rad": ("rad", 1.0), "deg": ("rad", np.pi / 180)}
"""Unit -> (the quantity's own unit, how many of those it is)."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a policy would do at every analysed frame of an episode."""

    chunks: np.ndarray
    """(frames, horizon, D) float64: the action of the frame, then those planned after it."""
    uncertainty: np.ndarray
    """(frames, D) float64, entropy of the bins of the first action, in bits; NaN for heads without bins."""


def pack(actions: np.ndarray, bin_probs: np.ndarray | None) -> np.ndarray:
    """[B, horizon, D] actions and [B, D, bins] -> (B, 1 + horizon, D) float64 rows for the cache: uncertainty first.

    Raises:
        BadInput: an action that is not finite.
    """
    if not np.isfinite(actions).all():
        raise BadInput(
            "The policy predicted NaN or infinity. In half precision that is an overflow: try --dtype float32. Else its "
            "weights are damaged, or it cannot take these pictures."
        )
    missing = np.full((len(actions), actions.shape[2]), np.nan)
    bits = missing if bin_probs is None else entropy_bits(bin_probs)
    return np.concatenate([bits[:, None], actions], axis=1).astype(np.float64)


def unpack(rows: np.ndarray) -> Prediction:
    """The inverse of `pack`."""
    return Prediction(chunks=rows[:, 1:], uncertainty=rows[:, 0])


def entropy_bits(probabilities: np.ndarray) -> np.ndarray:
    """[…, bins] that sum to 1 -> […] float64: 0 where the policy is certain, log2(bins) where it cannot tell."""
    p = probabilities.astype(np.float64)
    return -(p * np.log2(np.where(p > 0, p, 1.0))).sum(-1) + 0.0


@dataclass(frozen=True, eq=False)
class Conversion:
    """How a policy's numbers become the recording's: reordered, then `value * factor + offset`."""

    space: ActionSpace
    """What the converted numbers mean: the recording's space, or the policy's own where the two cannot be compared."""
    order: np.ndarray
    """(D,) which of the policy's dimensions each one is."""
    factor: np.ndarray
    offset: np.ndarray
    comparable: np.ndarray
    """(D,) bool: a difference from the recording means something."""
    notes: tuple[str, ...]
    """What was converted, assumed or left out, one plain sentence each."""

    def __call__(self, actions: np.ndarray) -> np.ndarray:
        """[…, D] of the policy -> […, D] in `space`."""
        converted: np.ndarray = actions[..., self.order] * self.factor + self.offset
        return converted


def convention(policy: ActionSpace, recording: ActionSpace | None) -> Conversion:
    """From the policy's space to the recording's, as far as both say what they mean. None: nothing was recorded."""
    if recording is None:
        return _kept(policy, ())
    contradiction = _contradiction(policy, recording)
    if contradiction:
        return _kept(policy, (f"Predicted and recorded actions are not compared: {contradiction}.",))
    named = _is_named(policy) and _is_named(recording)
    order = np.array([policy.names.index(n) for n in recording.names]) if named else np.arange(len(recording))
    factor, offset = np.ones(len(recording)), np.zeros(len(recording))
    comparable = np.ones(len(recording), bool)
    notes = []
    if named and (order != np.arange(len(order))).any():
        notes.append("Predicted actions were put into the recording's order of dimensions.")
    if not _is_named(policy) or (not _is_named(recording) and policy.gripper is None):
        notes.append("Not everything says what its dimensions are: predicted ones are taken to be the recorded ones.")
    if "unknown" in (policy.kind, recording.kind) and policy.kind != recording.kind:
        notes.append(
            f"Recorded actions are {recording.kind}, predicted ones {policy.kind}: they are taken to mean the same."
        )
    for d, p in enumerate(order):
        ratio = _ratio(policy, int(p), recording, d)
        if ratio is None:
            comparable[d] = False
            notes.append(f"{recording.names[d]}: {policy.units[p]} and {recording.units[d]} cannot be compared.")
        elif ratio != 1:
            factor[d] = ratio
            notes.append(f"{recording.names[d]}: predicted values were multiplied by {ratio:g}, to the recorded unit.")
    grips = [d for d, p in enumerate(order) if d == recording.gripper or p == policy.gripper]
    for d in grips:
        told = _gripper(policy, int(order[d]), recording, d)
        if told is None and (_is_named(policy) or policy.gripper is not None):
            comparable[d] = False
            notes.append(
                f"{recording.names[d]}: which value opens the gripper is not known on both sides: no difference."
            )
        elif told is not None:
            factor[d], offset[d] = told
            if told != (1.0, 0.0):
                notes.append(
                    f"{recording.names[d]}: the policy opens with {policy.gripper_open:g}, the recording with "
                    f"{recording.gripper_open:g}: predicted values were converted."
                )
    return Conversion(recording, order, factor, offset, comparable, tuple(notes))


def _kept(policy: ActionSpace, notes: tuple[str, ...]) -> Conversion:
    size = len(policy)
    return Conversion(policy, np.arange(size), np.ones(size), np.zeros(size), np.zeros(size, bool), notes)


def _contradiction(policy: ActionSpace, recording: ActionSpace) -> str:
    """Why no number of one means what one of the other does; "" where nothing speaks against it."""
    if len(policy) != len(recording):
        return f"the policy predicts {len(policy)} numbers, {len(recording)} were recorded"
    if {policy.kind, recording.kind} == {"delta", "absolute"}:
        return f"the policy's are {policy.kind}, the recorded ones {recording.kind}"
    if _is_named(policy) and _is_named(recording) and sorted(policy.names) != sorted(recording.names):
        return f"the policy's are {', '.join(policy.names)}, the recorded ones {', '.join(recording.names)}"
    return ""


def _is_named(space: ActionSpace) -> bool:
    return space.names != unnamed(len(space)).names and len(set(space.names)) == len(space)


def _ratio(policy: ActionSpace, p: int, recording: ActionSpace, d: int) -> float | None:
    """What a predicted value is multiplied by to be in the recorded unit; None: the units contradict each other."""
    ours, theirs = policy.units[p], recording.units[d]
    if not ours or not theirs:
        return 1.0
    (ours, a), (theirs, b) = _SI.get(ours, (ours, 1.0)), _SI.get(theirs, (theirs, 1.0))
    if ours != theirs:
        return None
    a *= policy.scale[p] if policy.scale else 1.0
    b *= recording.scale[d] if recording.scale else 1.0
    return a / b


def _gripper(policy: ActionSpace, p: int, recording: ActionSpace, d: int) -> tuple[float, float] | None:
    """(factor, offset) that take the policy's open and closed to the recording's; None: not known on both sides."""
    if p != policy.gripper or d != recording.gripper:
        return None
    ends = (policy.gripper_open, policy.gripper_closed, recording.gripper_open, recording.gripper_closed)
    if any(end is None for end in ends):
        return None
    p_open, p_closed, r_open, r_closed = (float(end) for end in ends if end is not None)
    factor = (r_open - r_closed) / (p_open - p_closed)
    return factor, r_open - p_open * factor


@dataclass(frozen=True, eq=False)
class PredictedSteps:
    """Predictions as a table, one row a control step; NaN where a step was not looked at or a side is missing."""

    space: ActionSpace
    values: np.ndarray
    """(steps, D) in `space`: the first action of every chunk."""
    difference: np.ndarray
    """(steps, D) predicted minus recorded, in the units of the recording."""
    uncertainty: np.ndarray
    """(steps, D) in bits."""
    chunks: np.ndarray
    """(analysed frames, horizon, D) in `space`."""


def by_step(
    prediction: Prediction, conversion: Conversion, steps: Sequence[int], count: int, recorded: np.ndarray | None
) -> PredictedSteps:
    """Put predictions at their steps.

    Args:
        steps: of every analysed frame. Where several show the same step, the first of them counts.
        count: of the table's rows.
        recorded: (count, D') actions, None: not recorded.
    """
    chunks = conversion(prediction.chunks)
    size = chunks.shape[2]
    values, uncertainty, difference = (np.full((count, size), np.nan) for _ in range(3))
    rows = list(steps)[::-1]  # of equal indices the last assignment stays
    values[rows] = chunks[::-1, 0]
    uncertainty[rows] = prediction.uncertainty[::-1][:, conversion.order]
    if recorded is not None and conversion.comparable.any():
        difference[:, conversion.comparable] = (values - recorded)[:, conversion.comparable]
    return PredictedSteps(conversion.space, values, difference, uncertainty, chunks)
