"""What the numbers of an action mean. Recordings and policies both speak it, so it lives below both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionSpace:
    """Names, units and conventions of a D-dimensional action."""

    names: tuple[str, ...]
    """One name a dimension, in order, e.g. ("dx", …, "gripper")."""
    units: tuple[str, ...]
    """Physical unit a dimension, e.g. "m"; "" where there is none or it was not recorded."""
    scale: tuple[float, ...] = ()
    """Physical size of the value 1.0, in `units`; empty: every value is already in `units`."""
    kind: str = "unknown"
    """"delta" (a change per step), "absolute" (a goal) or "unknown"."""
    gripper: int | None = None
    """Index of the gripper dimension; None: there is none, or it was not recorded."""
    gripper_open: float | None = None
    """Value of that dimension that opens the gripper."""
    gripper_closed: float | None = None
    """Value of that dimension that closes the gripper."""

    def __post_init__(self) -> None:
        if len(self.units) != len(self.names):
            raise ValueError(
                f"An action space needs one unit a name; got {len(self.names)} names, {len(self.units)} units."
            )
        if self.scale and len(self.scale) != len(self.names):
            raise ValueError(
                f"An action space needs one scale a name, or none; got {len(self.scale)} for {len(self.names)}."
            )
        if self.kind not in ("delta", "absolute", "unknown"):
            raise ValueError(f"kind is 'delta', 'absolute' or 'unknown'; got {self.kind!r}.")
        if self.gripper is not None and not 0 <= self.gripper < len(self.names):
            raise ValueError(f"gripper is an index below {len(self.names)}; got {self.gripper}.")

    def __len__(self) -> int:
        return len(self.names)


LIBERO = ActionSpace(
    names=("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"),
    units=("m", "m", "m", "rad", "rad", "rad", ""),
    scale=(0.05, 0.05, 0.05, 0.5, 0.5, 0.5, 1.0),
    kind="delta",
    gripper=6,
    gripper_open=-1.0,
    gripper_closed=1.0,
)
"""Robosuite's OSC_POSE controller as LIBERO uses it: -1 … 1, where 1 is 5 cm or 0.5 rad a step."""


def unnamed(dimensions: int) -> ActionSpace:
    """A space of which the recording says nothing but its size."""
    return ActionSpace(names=tuple(f"action_{i}" for i in range(dimensions)), units=("",) * dimensions)
