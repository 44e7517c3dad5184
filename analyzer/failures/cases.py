"""Events, traces and dependence made into ranked cases: what a reader is told, in one sentence each."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.confusion.along_sites import Stretch
from analyzer.confusion.pair import PairTrace
from analyzer.confusion.traces import onset
from analyzer.dependence.record import Dependence
from analyzer.failures.case import Case, Event, Evidence
from analyzer.failures.rules import RULES
from analyzer.instances.instance import Instance
from analyzer.settings import Settings
from foundation.names import printable

LONGEST_NAME = 60
"""Letters of an instance's name that a sentence quotes."""
AROUND_S = 1.0
"""What happens so long before or after a pair was confused is told with it."""

IDLE, ALIKE = 0.35, 0.8
"""What remains of the score of a confused pair with which nothing is done (more where it lasts: up to the weight of its rule
if all the episode long), and of look-alikes."""
SWITCHED, GRIPPED = 0.7, 0.3
"""How much a pair is involved by a change of target from one to the other, and by each closing on one of them."""

ALIKE_BY = (
    "2 (1 - AUC) of both instances' patches over these frames, or twice the share of the patches of one that are nearer to the "
    "other than to what they usually are, whichever is more"
)
"""What the figure of a confused pair is."""

Trace = Callable[[Sequence[Stretch]], np.ndarray]
"""-> (n, sites, 3) confusion of each pair over its frames: value, low and high end."""


@dataclass(frozen=True, eq=False)
class Telling:
    """What sentences are made from."""

    episode: str
    sites: tuple[str, ...]
    """In order of depth."""
    instances: Mapping[int, Instance]
    times_s: np.ndarray
    numbers: tuple[int, ...]
    """Of every analysed frame: its control step, or where there are none its number in the recording."""
    counted: str
    """"step" or "frame"."""
    settings: Settings

    def name(self, number: int) -> str:
        """Plain text on one line, never longer than `LONGEST_NAME`."""
        name = printable(self.instances[number].name)
        name = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        twins = sum(other.name == self.instances[number].name for other in self.instances.values())
        return f"{name} (#{number})" if twins > 1 or not name.strip() else name

    def at(self, frame: int) -> str:
        return f"{self.counted} {self.numbers[frame]}"

    def span(self, first: int, last: int) -> str:
        if first == last:
            return f"At {self.at(first)}"
        if first == 0 and last == len(self.numbers) - 1:
            return "Throughout the episode"
        if last == len(self.numbers) - 1:
            return f"From {self.at(first)} to the end"
        return f"From {self.at(first)} to {self.numbers[last]}"

    def reproduce(self) -> str:
        """RUN stands for the run's folder, which may be moved."""
        return " ".join(["python -m analyzer assess RUN --episode", shlex.quote(printable(self.episode))])


def make_cases(
    events: Sequence[Event],
    pairs: Sequence[PairTrace],
    trace: Trace,
    telling: Telling,
    dependence: Dependence | None = None,
) -> tuple[Case, ...]:
    """Ranked, the one to look at first, first.

    A pair that is confused more than once makes one case, about the stretch that matters most. What happens to a
    confused pair (the hand leaves one for the other, the gripper closes on one) is told with it and not again.
    """
    cases: list[Case] = []
    told: set[Event] = set()
    confused = [event for event in events if event.rule == "confused"]
    stretches = [((event.instances[0], event.instances[1]), event.first, event.last) for event in confused]
    measured = list(zip(confused, trace(stretches), strict=True))
    for pair in pairs:
        candidates = [
            _confused(event, values, pair, events, telling, dependence)
            for event, values in measured
            if event.instances == (pair.a, pair.b)
        ]
        known = [one for one in candidates if one is not None]
        if not known:
            continue
        best, used = max(known, key=lambda one: (one[0].score, -one[0].first))
        cases.append(best)
        told |= used
    for event in events:
        if event.rule not in ("confused", "closes") and event not in told:
            cases.append(_plain(event, telling))
    return tuple(sorted(cases, key=lambda case: (-case.score, case.first, case.id)))


def _confused(
    event: Event,
    values: np.ndarray,
    pair: PairTrace,
    events: Sequence[Event],
    telling: Telling,
    dependence: Dependence | None,
) -> tuple[Case, set[Event]] | None:
    """The case of one stretch, and the events told with it; None where it does not hold over the stretch as a whole.
    `values`: (sites, 3) over the stretch."""
    settings = telling.settings
    at = onset(values[:, 0], settings.confusion_on, settings.confusion_off)
    if at is None:
        return None
    value, low, high = (float(number) for number in values[at])
    a, b = telling.name(pair.a), telling.name(pair.b)
    site = telling.sites[at]
    before = [s for s in range(at) if values[s, 0] < settings.confusion_off]
    alike = pair.verdict == "look-alikes"
    sentence = (
        f"{telling.span(event.first, event.last)} the policy {'cannot' if value >= 0.8 else 'can hardly'} tell {a} from "
        f"{b}: at {site} a patch of the one is as close to the other as to its own kind or to its usual self "
        f"(confusion {value:.2f}, {low:.2f}–{high:.2f}; 1 is indistinguishable)"
    )
    evidence = [Evidence(f"confusion at {site}", value, "", low, high, ALIKE_BY)]
    if before:
        last = before[-1]
        sentence += f"; they are still apart at {telling.sites[last]} ({values[last, 0]:.2f})"
        evidence.append(_evidence(f"confusion at {telling.sites[last]}", values[last]))
    elif at == 0:
        sentence += ", the first site that was looked at"
    for s in range(at + 1, len(values)):
        if not np.isnan(values[s, 0]):
            evidence.append(_evidence(f"confusion at {telling.sites[s]}", values[s]))
    if pair.pixels is not None:
        if alike:
            sentence += f"; they are look-alikes, their colours are the same already (confusion {pair.pixels:.2f})"
        evidence.append(
            Evidence(
                "confusion in the picture", pair.pixels, "", meaning="the same measure of the patches' mean colours"
            )
        )
    used = _nearby(event, {pair.a, pair.b}, events, telling.times_s)
    deeds, involvement = _deeds(used, {pair.a, pair.b}, telling)
    sentence += "".join(f"; {deed}" for deed in deeds)
    facts, depends = _dependence(dependence, (pair.a, pair.b), telling)
    sentence += "".join(f"; {fact.name}" for fact in facts) + "."
    strength = (value + low) / 2
    lasting = (event.last - event.first + 1) / len(telling.numbers)
    idle = IDLE + (RULES["confused"].weight - IDLE) * lasting
    score = strength * (idle + (1 - idle) * max(involvement, depends)) * (ALIKE if alike else 1.0)
    missing = []
    if pair.pixels is None:
        missing.append("Whether the two look alike in the picture was not assessed.")
    if dependence is None or not dependence.instances:
        missing.append("Whether the action depends on either of them was not assessed.")
    case = Case(
        id=f"confused-{pair.a}-{pair.b}",
        kind="confused",
        score=round(float(np.clip(score, 0, 1)), 4),
        sentence=sentence,
        first=event.first,
        last=event.last,
        instances=(pair.a, pair.b),
        sites=tuple(telling.sites[s] for s in range(at, len(values)) if not np.isnan(values[s, 0])),
        evidence=(*evidence, *facts),
        not_assessed=tuple(missing),
        reproduce=telling.reproduce(),
    )
    return case, set(used)


def _evidence(name: str, values: np.ndarray) -> Evidence:
    value, low, high = (float(number) for number in values)
    return Evidence(name, value, "", low, high, ALIKE_BY)


def _nearby(event: Event, pair: set[int], events: Sequence[Event], times_s: np.ndarray) -> list[Event]:
    """What the hand does to one of the pair while it is confused, or about then; in order of time."""
    start, end = times_s[event.first] - AROUND_S, times_s[event.last] + AROUND_S
    return sorted(
        (
            other
            for other in events
            if other.rule in ("target-switch", "closes", "closed-on-nothing")
            and other.instances
            and set(other.instances) <= pair
            and times_s[other.last] >= start
            and times_s[other.first] <= end
        ),
        key=lambda other: (other.first, other.rule),
    )


def _deeds(used: Sequence[Event], pair: set[int], telling: Telling) -> tuple[list[str], float]:
    """What was done to a pair, in words, and how much it is involved, 0 … 1."""
    deeds: list[str] = []
    involvement = 0.0
    for event in used:
        when = telling.at(event.first)
        if event.rule == "target-switch":
            left, found = event.instances
            deeds.append(f"at {when} the hand leaves {telling.name(left)} behind and goes for {telling.name(found)}")
            involvement += SWITCHED
        elif event.rule == "closes":
            deeds.append(f"the gripper closes on {telling.name(event.instances[0])} at {when}")
            involvement += GRIPPED
    return list(dict.fromkeys(deeds))[:3], min(1.0, involvement)


def _dependence(dependence: Dependence | None, pair: tuple[int, int], telling: Telling) -> tuple[list[Evidence], float]:
    """What erasing the two does to the action, and how much that weighs, 0 … 1."""
    if dependence is None:
        return [], 0.0
    facts, weight = [], 0.0
    for one in dependence.instances:
        if one.instance not in pair or one.verdict == "not assessed" or not one.effects:
            continue
        effect = one.effects[0]
        facts.append(
            Evidence(
                name=f"erasing {telling.name(one.instance)} changes {effect.quantity} by {effect.value:.2g} {effect.unit}, "
                f"erasing background by {effect.control:.2g}",
                value=effect.value,
                unit=effect.unit,
                meaning=f"mean over {len(one.frames)} frames; background: {effect.control:.3g} ± {effect.control_spread:.2g} "
                f"over {one.controls} pieces, p = {effect.p:.2g}",
            )
        )
        weight = max(weight, 1.0 if one.verdict == "acts on it" else 0.0)
    return facts, weight


def _plain(event: Event, telling: Telling) -> Case:
    """A case of one event by itself."""
    rule = RULES[event.rule]
    names = [telling.name(number) for number in event.instances]
    span = telling.span(event.first, event.last)
    sentence = {
        "target-switch": lambda: (
            f"{span} the hand leaves {names[0]} and goes for {names[1]}, and {names[0]} stays behind "
            f"(it came along {event.value:.0%} of the way)."
        ),
        "closed-on-nothing": lambda: (
            f"{span} the gripper is closed{f' at {names[0]}' if names else ''} and the hand moves on, but no object comes "
            f"along (at most {event.value:.0%} of the way)."
        ),
        "stall": lambda: f"{span} the arm is told to stay where it is.",
        "oscillation": lambda: f"{span} the arm turns back up to {event.value:.1f} times a second.",
        "far-from-recorded": lambda: (
            f"{span} the policy would have acted otherwise: up to {event.value:.1f} standard deviations from what was done."
        ),
        "uncertain": lambda: (
            f"{span} the policy is less certain of its action than usual: the bins of a dimension have up to "
            f"{event.value:.1f} bits above their median over the episode ({2**event.value:.1f} times as many bins)."
        ),
    }[event.rule]()
    over = _excess(event)
    return Case(
        id="-".join([event.rule, str(event.first), *map(str, event.instances)]),
        kind=event.rule,
        score=round(rule.weight * (0.5 + 0.5 * over), 4),
        sentence=sentence,
        first=event.first,
        last=event.last,
        instances=event.instances,
        sites=(event.site,) if event.site else (),
        evidence=(Evidence(rule.title, event.value, rule.unit, meaning=rule.meaning),),
        not_assessed=(),
        reproduce=telling.reproduce(),
    )


def _excess(event: Event) -> float:
    """0 … 1: how far a signal is beyond its threshold; 1 from twice as far, or for a share that is nothing at all."""
    if event.rule in ("target-switch", "closed-on-nothing"):
        return float(np.clip(1 - event.value / max(event.threshold, 1e-9), 0, 1))
    if event.rule == "stall":
        return float(np.clip((event.value - event.threshold) / max(1 - event.threshold, 1e-9), 0, 1))
    return float(np.clip(event.value / event.threshold - 1, 0, 1))
