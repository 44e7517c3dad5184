"""From changed actions to effects in physical units, each beside that of erasing background. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np

from analyzer.dependence.record import Effect
from foundation.action_space import ActionSpace

_SHOWN = {"m": ("cm", 100.0), "cm": ("cm", 1.0), "mm": ("cm", 0.1), "rad": ("°", 180 / np.pi), "deg": ("°", 1.0)}
"""Unit of an action -> (unit in which its change is told, how many of those it is)."""
_GROUPS = {"cm": "translation", "°": "rotation"}
ALPHA = 0.05
"""Chance of taking a thing for more than background that is not, over all groups of dimensions."""
EXACT = 20_000
"""Relabellings up to this number are all looked at; of more, a sample as large."""


@dataclass(frozen=True, eq=False)
class Quantity:
    """A part of the action whose change is told as one number."""

    name: str
    unit: str
    dimensions: tuple[int, ...]
    factor: np.ndarray
    """(dimensions,) from the recording's numbers to `unit`."""
    group: bool

    def size(self, changes: np.ndarray) -> np.ndarray:
        """[…, D] changes of the action -> […] size, in `unit`."""
        return np.asarray(np.linalg.norm(changes[..., list(self.dimensions)] * self.factor, axis=-1))


@dataclass(frozen=True, eq=False)
class Quantities:
    """What the change of an action is told by: groups of dimensions that share a meaning, then every dimension."""

    groups: tuple[Quantity, ...]
    single: tuple[Quantity, ...]

    @classmethod
    def of(cls, space: ActionSpace) -> Self:
        """Lengths together, angles together, the gripper by itself, and what has no unit (or another) together."""
        per_step = " per step" if space.kind == "delta" else ""
        single, members = [], dict[str, list[int]]()
        for d, (name, unit) in enumerate(zip(space.names, space.units, strict=True)):
            size = space.scale[d] if space.scale else 1.0
            if d == space.gripper:
                ends = (space.gripper_open, space.gripper_closed)
                travel = abs(ends[0] - ends[1]) if ends[0] is not None and ends[1] is not None else 0.0
                shown, factor = ("of its travel", 1 / travel) if travel > 0 else ("", size)
                members.setdefault("gripper", []).append(d)
            else:
                base, times = _SHOWN.get(unit, (unit, 1.0))
                shown, factor = (base + per_step if base else ""), size * times
                members.setdefault(_GROUPS.get(base, "action"), []).append(d)
            single.append(Quantity(name, shown, (d,), np.array([factor]), group=False))
        groups = []
        for name, dims in members.items():
            units = {single[d].unit for d in dims}
            unit = units.pop() if len(units) == 1 else ""
            groups.append(Quantity(name, unit, tuple(dims), np.array([single[d].factor[0] for d in dims]), group=True))
        return cls(tuple(groups), tuple(single))

    def effects(self, changes: Sequence[np.ndarray], controls: Sequence[np.ndarray], seed: int) -> tuple[Effect, ...]:
        """One effect a quantity.

        Args:
            changes: of every frame, (D,) action without the instance minus the action as it is.
            controls: of every frame, (pieces, D) the same for pieces of background; at least one a frame.
            seed: of the sample of relabellings, where they are too many.
        """
        told = []
        for quantity in (*self.groups, *self.single):
            sizes = [float(quantity.size(change)) for change in changes]
            others = [quantity.size(pieces) for pieces in controls]
            every = np.concatenate(others)
            signed = None
            if not quantity.group:
                signed = float(np.mean([change[quantity.dimensions[0]] * quantity.factor[0] for change in changes]))
            told.append(
                Effect(
                    quantity=quantity.name,
                    unit=quantity.unit,
                    value=float(np.mean(sizes)),
                    signed=signed,
                    control=float(np.mean([piece.mean() for piece in others])),
                    control_spread=float(every.std(ddof=1)) if len(every) > 1 else 0.0,
                    p=relabelled(sizes, others, seed),
                )
            )
        groups = sorted(told[: len(self.groups)], key=lambda effect: not stands_out(effect, len(self.groups)))
        return (*groups, *told[len(self.groups) :])


def stands_out(effect: Effect, groups: int) -> bool:
    """It is more than background does, for one of so many groups that were looked at (Bonferroni)."""
    return effect.p * groups <= ALPHA


def relabelled(sizes: Sequence[float], controls: Sequence[np.ndarray], seed: int) -> float:
    """How often a mean as large as that of `sizes` comes about by chance (a permutation test, stratified by frame).

    Were the thing no more to the policy than a piece of background, then within each frame any one of the pieces might
    as well have been called the thing. The share of all such choices whose mean over frames is at least the true one,
    that one included; where there are too many, of a sample of them.

    Args:
        sizes: of every frame, what erasing the thing changed.
        controls: of every frame, (pieces,) what erasing background changed.
    """
    rows = [np.array([size, *pieces]) for size, pieces in zip(sizes, controls, strict=True)]
    least = sum(sizes) - 1e-9 * max(1e-300, max(float(row.max()) for row in rows))
    if np.prod([float(len(row)) for row in rows]) <= EXACT:
        return float(np.mean([sum(choice) >= least for choice in product(*rows)]))
    rng = np.random.default_rng(seed)
    sums = np.sum([row[rng.integers(len(row), size=EXACT)] for row in rows], axis=0)
    return float((1 + (sums >= least).sum()) / (1 + EXACT))


def smallest_p(controls: Sequence[int], groups: int) -> float:
    """The smallest p that so many pieces of background a frame allow, times the number of groups it is looked for in."""
    return groups / max(1.0, float(np.prod([1.0 + pieces for pieces in controls])))
