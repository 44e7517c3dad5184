"""What the predicted action depends on, as it is told: records without arrays.

Two kinds of answer stand side by side and are not the same thing. Attribution (gradient x input) is instant and a hint:
how the action would change if a patch's token grew a little. Erasing is evidence: the thing was taken out of the
picture, the policy was asked again, and so it was with equal pieces of background.
"""

from __future__ import annotations

from dataclasses import dataclass

VERDICTS = ("acts on it", "no more than background", "not assessed")
"""Erasing it changes the action more than erasing background does; it does not; too little of it or of background was
there to be erased."""


@dataclass(frozen=True)
class Effect:
    """What erasing an instance does to one quantity of the predicted action, beside what erasing background does."""

    quantity: str
    """"translation", "rotation", "gripper" or "action" (what has no unit), and the name of each dimension."""
    unit: str
    """E.g. "cm per step", "° per step", "of its travel"; "" where the recording names none."""
    value: float
    """Size of the change, the mean over the erased frames; a group's is the Euclidean norm over its dimensions."""
    signed: float | None
    """The mean change itself, for a dimension; None for a group."""
    control: float
    """As `value`, for pieces of background of the same shape: their mean."""
    control_spread: float
    """Standard deviation over all erased pieces of background."""
    p: float
    """Share of the relabellings, within each frame, of instance and background that give at least `value`."""


@dataclass(frozen=True)
class InstanceDependence:
    """What the action has to do with one instance."""

    instance: int
    verdict: str
    frames: tuple[int, ...] = ()
    """Positions among the analysed frames at which it was erased."""
    controls: int = 0
    """Pieces of background that were erased for it, over all those frames."""
    effects: tuple[Effect, ...] = ()
    """The groups, those first that are more than background does; then the dimensions. Either in their own order."""
    pixel_change: float | None = None
    """By how much erasing it changed a pixel of it, in grey levels of 255, mean."""
    control_pixel_change: float | None = None
    """The same of the background: where it is far lower, its control is a mild one."""
    attribution: float | None = None
    """Its share of all attribution (absolute, mean over dimensions and frames that show it), 0 … 1; a hint."""
    attribution_area: float | None = None
    """Its share of all patches at those frames: the share of attribution it would have by its size."""
    reason: str = ""
    """Why it was not assessed, one plain sentence; "" where it was."""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS or (self.verdict == "not assessed") != bool(self.reason):
            raise ValueError(f"instance {self.instance} is {self.verdict!r} because of {self.reason!r}")


@dataclass(frozen=True)
class Approach:
    """Which instance the hand comes closer to in the picture of one camera. A hint: a picture has no depth."""

    camera: str
    hand: tuple[tuple[float, float] | None, ...]
    """(x, y) in the recording's pixels at each analysed frame; None: behind the camera or not recorded."""
    target: tuple[int, ...]
    """Id of the instance it approaches or is at, at each analysed frame; 0: none."""
    distance: tuple[float | None, ...]
    """From the hand to the nearest pixel of that instance, in pixels."""

    def __post_init__(self) -> None:
        if not len(self.hand) == len(self.target) == len(self.distance):
            raise ValueError("an approach has one hand, target and distance a frame")


@dataclass(frozen=True)
class Dependence:
    """What an episode's predicted actions depend on."""

    instances: tuple[InstanceDependence, ...] = ()
    """In the order of the findings' instances; those of cameras that the policy acts through."""
    erased_frames: tuple[int, ...] = ()
    """Positions among the analysed frames at which things were erased."""
    attribution_frames: tuple[int, ...] = ()
    """Those whose rows of attribution.npy are numbers; the others are NaN."""
    attribution_site: str | None = None
    approaches: tuple[Approach, ...] = ()
    """One a camera in whose picture the hand is known."""
    sentences: tuple[str, ...] = ()
    """What it comes to, in plain words with figures (names of instances in them are hostile text)."""
    not_assessed: tuple[str, ...] = ()
