"""What counts as an event: a literal table."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.settings import Settings


@dataclass(frozen=True)
class Rule:
    """One kind of event, and of case."""

    name: str
    title: str
    meaning: str
    unit: str
    on: str
    """Name of the setting from which the signal begins to hold."""
    off: float
    """It ends below this share of that."""
    weight: float
    """0 … 1: how much a case of this kind alone deserves to be looked at."""

    def threshold(self, settings: Settings) -> float:
        return float(getattr(settings, self.on))


RULES = {
    rule.name: rule
    for rule in (
        Rule(
            "confused",
            "Confused objects",
            "At some site and at all deeper ones, patches of two objects cannot be told apart.",
            "confusion",
            "confusion_on",
            0.7,
            0.6,
        ),
        Rule(
            "target-switch",
            "Change of target",
            "The hand leaves one object for another without taking it along.",
            "share of the way",
            "left_behind",
            1.0,
            0.5,
        ),
        Rule(
            "closes",
            "Closing on an object",
            "The gripper closes within reach of an object. No case by itself: it tells what others are about.",
            "pixels",
            "reach",
            1.0,
            0.0,
        ),
        Rule(
            "closed-on-nothing",
            "Closing on nothing",
            "The gripper closes, the hand moves on, and no object comes along.",
            "share of the way",
            "left_behind",
            1.0,
            0.55,
        ),
        Rule(
            "stall",
            "Stall",
            "The arm is told to stay where it is, and the gripper to stay as it is.",
            "stillness",
            "stall_on",
            0.95,
            0.4,
        ),
        Rule(
            "oscillation",
            "Oscillation",
            "The arm turns back again and again.",
            "turns a second",
            "oscillation_on",
            0.6,
            0.45,
        ),
        Rule(
            "far-from-recorded",
            "Predicted far from recorded",
            "The policy would have done something else than what was done.",
            "standard deviations",
            "disagreement_on",
            0.7,
            0.4,
        ),
        Rule(
            "uncertain",
            "Uncertain action",
            "The policy's probabilities are spread over more bins of a dimension than they usually are in this episode.",
            "bits",
            "uncertainty_on",
            0.8,
            0.35,
        ),
    )
}
