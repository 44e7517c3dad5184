"""What the hand does to the objects of one camera's picture: goes for them, closes on them, takes them along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from analyzer.confusion.intervals import frame_lengths
from analyzer.failures.case import Event
from analyzer.failures.hand import carried, distances, targets
from analyzer.failures.rules import RULES
from analyzer.settings import Settings

SLOW = 0.5
"""Of the hand's usual speed in the picture: a hand that comes to a thing is slower there at some frame."""


@dataclass(frozen=True, eq=False)
class Reach:
    """The hand among K objects, over T analysed frames."""

    camera: str
    ids: tuple[int, ...]
    hand: np.ndarray
    """(T, 2) (x, y) pixel; NaN: not known."""
    apart: np.ndarray
    """(T, K) pixels from the hand to each object."""
    middles: np.ndarray
    """(T, K, 2)."""
    target: np.ndarray
    """(T,) position in `ids` of what it goes for; -1: nothing near."""
    near: float
    """Pixels from which on an object is within reach."""
    times_s: np.ndarray

    @classmethod
    def of(
        cls,
        camera: str,
        size: tuple[int, int],
        ids: Sequence[int],
        hand: np.ndarray,
        maps: Iterable[np.ndarray],
        times_s: np.ndarray,
        settings: Settings,
    ) -> Self:
        """`size`: (height, width) of the camera's pictures."""
        apart, middles = distances(maps, hand, ids)
        near = settings.reach * float(np.hypot(*size))
        target = targets(apart, times_s, near, settings.look_ahead_s)
        return cls(camera, tuple(ids), hand, apart, middles, target, near, times_s)

    def taken_along(self, first: int, last: int) -> np.ndarray | None:
        """(K,) share of the hand's way that each object went with it; None: the hand hardly moved, or is not known."""
        way = self.hand[first : last + 1] - self.hand[first]
        length = np.hypot(*way.T)
        if np.isnan(length).all() or np.nanmax(length) < self.near / 2:
            return None
        return carried(self.middles, self.hand, first, first + int(np.nanargmax(length)))

    def switches(self, settings: Settings) -> list[Event]:
        """The hand goes from one object to another, and the first one stays behind.

        An event begins when it has turned away and ends when it is nearest to the other.
        """
        rule = RULES["target-switch"]
        events = []
        for (a, a_first, a_last), (b, b_first, b_last) in pairwise(self._stays(settings.event_min_s)):
            at = self._closest(a, a_first, a_last)
            if not self._came_to(a, at):
                continue
            share = self.taken_along(at, max(at, self._closest(b, b_first, b_last)))
            if share is None or np.isnan(share[a]) or share[a] >= settings.left_behind:
                continue
            arrival = self._closest(b, b_first, b_last)
            value = float(share[a].clip(0, 1))
            events.append(
                Event(
                    rule.name,
                    b_first,
                    max(b_first, arrival),
                    value,
                    rule.threshold(settings),
                    rule.unit,
                    (self.ids[a], self.ids[b]),
                )
            )
        return events

    def grips(self, closed: Sequence[tuple[int, int]], settings: Settings) -> list[Event]:
        """What the gripper closes on, from stretches of frames in which it is told to be closed."""
        events = []
        length = frame_lengths(self.times_s)
        for first, last in closed:
            if length[first : last + 1].sum() < settings.event_min_s * (1 - 1e-9):
                continue
            # The fingers take their time; what moved the object before they hold it is a push.
            held = min(last, int(np.searchsorted(self.times_s, self.times_s[first] + settings.event_min_s)))
            at = self.apart[first]
            nearest = int(np.nanargmin(at)) if not np.isnan(at).all() else -1
            if nearest >= 0 and at[nearest] <= self.near:
                rule = RULES["closes"]
                events.append(
                    Event(rule.name, first, last, float(at[nearest]), self.near, rule.unit, (self.ids[nearest],))
                )
            share = self.taken_along(held, last)
            if share is None or np.isnan(share).all():
                continue
            most = float(np.nanmax(share))
            if most < settings.left_behind:
                rule = RULES["closed-on-nothing"]
                about = (self.ids[nearest],) if nearest >= 0 and at[nearest] <= self.near else ()
                value = float(np.clip(most, 0, 1))
                events.append(Event(rule.name, first, last, value, rule.threshold(settings), rule.unit, about))
        return events

    def _stays(self, min_s: float) -> list[tuple[int, int, int]]:
        """(object, first, last) of each stretch with one target for `min_s` or longer; shorter ones are passed over."""
        length = frame_lengths(self.times_s)
        edges = [0, *(np.flatnonzero(np.diff(self.target)) + 1).tolist(), len(self.target)]
        found: list[tuple[int, int, int]] = []
        for first, stop in pairwise(edges):
            target = int(self.target[first])
            if target < 0 or length[first:stop].sum() < min_s * (1 - 1e-9):
                continue
            if found and found[-1][0] == target:
                found[-1] = (target, found[-1][1], stop - 1)
            else:
                found.append((target, first, stop - 1))
        return found

    def _came_to(self, k: int, at: int) -> bool:
        """The hand came to an object from out of its reach and slowed down there: what it only starts beside, or passes
        over, it did not go for."""
        before, there = self.apart[: at + 1, k], self.apart[at, k]
        far = np.nanmax(before) if not np.isnan(before).all() else np.nan
        if not (there <= self.near / 2 and far - there >= self.near):
            return False
        speed = np.hypot(*np.diff(self.hand, axis=0).T) / np.maximum(np.diff(self.times_s), 1e-9)
        if np.isnan(speed).all():
            return False
        around = speed[max(0, at - 2) : at + 2]
        return bool(np.nanmin(around) <= SLOW * np.nanpercentile(speed, 90))

    def _closest(self, k: int, first: int, last: int) -> int:
        """The frame of a stretch, and of what it looked ahead to, at which the hand is nearest to an object."""
        soon = self.apart[first : last + 1, k]
        return first + int(np.nanargmin(soon)) if not np.isnan(soon).all() else first
