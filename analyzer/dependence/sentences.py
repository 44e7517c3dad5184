"""What dependence comes to, in plain words with figures. Names of instances in them are as hostile as they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analyzer.dependence.effects import stands_out
from analyzer.dependence.record import Effect, InstanceDependence

SHOWN = 3
"""Instances that a sentence tells figures of."""
STANDS_OUT = 2.0
"""Times the next one's effect that the largest must be, for the policy to act on it alone; and times its share of the
patches that an instance's share of attribution must be to be worth a hint."""

MILD = 4.0
"""Times the background's change of pixels that a thing's must be for the background to be called a mild control."""

PREFERRED = ("translation", "action", "rotation", "gripper")
"""Groups, the one that says most first."""


def evidence(assessed: Sequence[InstanceDependence], names: Mapping[int, str]) -> str | None:
    """Of everything that was erased, in one quantity; None: nothing could be assessed."""
    told = [one for one in assessed if one.verdict != "not assessed"]
    if not told:
        return None
    quantity = _common_quantity(told)
    ranked = sorted(told, key=lambda one: (one.verdict != "acts on it", -_effect(one, quantity).value, one.instance))
    parts = [f"erasing {names[one.instance]} {figures(_effect(one, quantity))}" for one in ranked[:SHOWN]]
    acted_on = [one for one in ranked if one.verdict == "acts on it"]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}: {_conclusion(acted_on, quantity, names)}.{_mild(ranked[0], names)}"


def figures(effect: Effect) -> str:
    """E.g. "changes translation by 3.1 cm per step (an equal piece of background: 0.2 ± 0.1)"."""
    unit = f" {effect.unit}" if effect.unit and not effect.unit.startswith("°") else effect.unit
    none = effect.control == effect.control_spread == 0
    control = "not at all" if none else f"{effect.control:.2g} ± {effect.control_spread:.2g}"
    return f"changes {_called(effect.quantity)} by {effect.value:.2g}{unit} (an equal piece of background: {control})"


def _mild(one: InstanceDependence, names: Mapping[int, str]) -> str:
    """That the control says little, where filling in the background changed few grey levels."""
    own, control = one.pixel_change, one.control_pixel_change
    if own is None or control is None or own < MILD * control:
        return ""
    return (
        f" The background is a mild control here: filling it in changes its pixels by {control:.2g} grey levels, "
        f"{names[one.instance]}'s by {own:.2g}."
    )


def hint(assessed: Sequence[InstanceDependence], names: Mapping[int, str]) -> str | None:
    """The instance with the most attribution for its size; None: none stands out."""
    sized = [
        (one.attribution / one.attribution_area, one)
        for one in assessed
        if one.attribution is not None and one.attribution_area
    ]
    if not sized:
        return None
    times, most = max(sized, key=lambda pair: (pair[0], -pair[1].instance))
    if times < STANDS_OUT:
        return None
    return (
        f"A hint, from gradients alone: {names[most.instance]} has {times:.1f} times the attribution of as many other "
        "patches."
    )


def _common_quantity(told: Sequence[InstanceDependence]) -> str:
    """The group to tell figures in: where the arm goes, if that is more than background does for anything."""
    groups = [[effect for effect in one.effects if effect.signed is None] for one in told]
    clear = {effect.quantity for each in groups for effect in each if stands_out(effect, len(each))}
    known = {effect.quantity for effect in groups[0]}
    return next(name for name in PREFERRED if name in (clear or known))


def _effect(one: InstanceDependence, quantity: str) -> Effect:
    return next(effect for effect in one.effects if effect.quantity == quantity)


def _called(quantity: str) -> str:
    return {"gripper": "the gripper's command", "action": "the action"}.get(quantity, quantity)


def _conclusion(acted_on: Sequence[InstanceDependence], quantity: str, names: Mapping[int, str]) -> str:
    if not acted_on:
        return "no more than background, as far as these frames tell"
    first, *others = acted_on
    largest = _effect(first, quantity).value
    alone = all(largest >= STANDS_OUT * _effect(one, quantity).value for one in others)
    listed = [names[one.instance] for one in (acted_on[:1] if alone else acted_on[:SHOWN])]
    more = len(acted_on) - len(listed)
    if alone:
        return f"the policy acts on {listed[0]}" + (" most" if more else "")
    joined = f"{', '.join(listed[:-1])} and {listed[-1]}" if len(listed) > 1 else listed[0]
    return f"the policy acts on {joined}" + (f", and on {more} more" if more else "")
