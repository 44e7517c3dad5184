"""Events of an episode: signals that hold for a while, each found by one rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.confusion.intervals import intervals
from analyzer.confusion.traces import late
from analyzer.failures import signals
from analyzer.failures.case import Event
from analyzer.failures.rules import RULES
from analyzer.settings import Settings
from foundation.action_space import ActionSpace

TURNS_WINDOW_S = 2.0
"""In which turns back are counted."""
STILL_WINDOW_S = 0.5
"""Over which it is told how far the arm comes."""


@dataclass(frozen=True, eq=False)
class Motion:
    """What was recorded and predicted of an episode's actions, step by step, and which step each analysed frame is."""

    steps: np.ndarray
    """(T,) control step of every analysed frame."""
    times_s: np.ndarray
    """(T,) of those frames."""
    recorded: np.ndarray | None = None
    """(steps, D), NaN where a step has none."""
    space: ActionSpace | None = None
    difference: np.ndarray | None = None
    """(steps, D) predicted - recorded."""
    uncertainty: np.ndarray | None = None
    """(steps, D) bits."""
    success: bool | None = None

    @property
    def acting(self) -> tuple[np.ndarray, ActionSpace] | None:
        """Recorded actions and what they mean; None where nothing was recorded."""
        if self.recorded is None or self.space is None:
            return None
        return np.nan_to_num(self.recorded), self.space

    @property
    def step_times_s(self) -> np.ndarray:
        """(steps,) seconds, by the analysed frames; steps between and beyond them are spaced evenly."""
        assert self.recorded is not None
        at = np.arange(len(self.recorded), dtype=np.float64)
        known, first = np.unique(self.steps, return_index=True)
        if len(known) < 2:
            return at
        times = self.times_s[first]
        rate = (times[-1] - times[0]) / (known[-1] - known[0])
        inside = np.interp(at, known, times)
        inside = np.where(at < known[0], times[0] + (at - known[0]) * rate, inside)
        return np.asarray(np.where(at > known[-1], times[-1] + (at - known[-1]) * rate, inside))

    def closed(self) -> list[tuple[int, int]]:
        """(first, last) analysed frames of each stretch in which the gripper is told to be closed, after it was open."""
        acting = self.acting
        openness = None if acting is None else signals.openness(*acting)
        if openness is None:
            return []
        found = []
        for first, last in signals.closings(openness):
            inside = np.flatnonzero((self.steps >= first) & (self.steps <= last))
            if len(inside):
                found.append((int(inside[0]), int(inside[-1])))
        return found


def confused(
    pair: tuple[int, int], curves: np.ndarray, sites: tuple[str, ...], times_s: np.ndarray, settings: Settings
) -> list[Event]:
    """Intervals in which a pair is taken for the same at some site and all deeper ones. `curves`: (sites, T) confusion."""
    rule = RULES["confused"]
    signal = late(curves, settings.confusion_on - settings.confusion_off)
    found = intervals(signal, times_s, settings.confusion_on, settings.confusion_off, settings.event_min_s)
    events = []
    for first, last in found:
        part = curves[:, first : last + 1]
        strongest = int(np.nanargmax(np.where(np.isnan(part), -1, part).max(axis=1)))
        value = float(np.nanmax(signal[first : last + 1]))
        events.append(Event(rule.name, first, last, value, settings.confusion_on, rule.unit, pair, sites[strongest]))
    return events


def of_motion(motion: Motion, settings: Settings) -> tuple[list[Event], list[str]]:
    """Events of the actions alone, and what could not be told."""
    events: list[Event] = []
    missing: list[str] = []
    acting = motion.acting
    if acting is None:
        missing.append("Stalls, oscillation and the gripper were not assessed: no actions were recorded.")
    else:
        velocity = signals.velocity(*acting)
        if velocity is None:
            missing.append(
                "Stalls and oscillation were not assessed: nothing says whether the recorded actions are changes or goals, "
                "or none of them moves anything."
            )
        else:
            still = signals.stillness(velocity, motion.step_times_s, STILL_WINDOW_S)
            openness = signals.openness(*acting)
            if openness is not None:
                still[1:][np.abs(np.diff(openness)) > 0.5] = 0.0
            found = _events("stall", still, motion, settings, settings.stall_min_s)
            # Who has done what was asked for may rest.
            events += [e for e in found if not (motion.success and e.last >= len(motion.times_s) - 2)]
            turns = signals.reversals(velocity, motion.step_times_s, TURNS_WINDOW_S)
            events += _events("oscillation", turns, motion, settings, settings.event_min_s)
        if signals.openness(*acting) is None:
            missing.append("What the gripper closes on was not assessed: nothing says which value closes it.")
    if motion.difference is None or acting is None:
        missing.append("Predicted actions were not compared with recorded ones: there are not both of them.")
    else:
        apart = signals.disagreement(motion.difference, acting[0])
        events += _events("far-from-recorded", apart, motion, settings, settings.event_min_s)
    if motion.uncertainty is None:
        missing.append("How certain the policy is was not assessed: it predicted no bins.")
    else:
        bits = signals.uncertainty(motion.uncertainty)
        events += _events("uncertain", bits, motion, settings, settings.event_min_s)
    return events, missing


def _events(name: str, signal: np.ndarray, motion: Motion, settings: Settings, min_s: float) -> list[Event]:
    rule = RULES[name]
    on = rule.threshold(settings)
    at = signals.at_frames(signal, motion.steps)
    return [
        Event(rule.name, first, last, float(np.nanmax(at[first : last + 1])), on, rule.unit)
        for first, last in intervals(at, motion.times_s, on, on * rule.off, min_s)
    ]
