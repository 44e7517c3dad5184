"""What a reader is told: events in time, and cases made of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something that held from one analysed frame to another, found by one rule of `analyzer.failures.rules`."""

    rule: str
    first: int
    last: int
    """Positions among the analysed frames, both included."""
    value: float
    """The rule's signal at its strongest."""
    threshold: float
    unit: str
    instances: tuple[int, ...] = ()
    site: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError(f"an event cannot last from frame {self.first} to {self.last}")


@dataclass(frozen=True)
class Evidence:
    """One number that a case rests on."""

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    """Its interval, where there is one."""
    meaning: str = ""
    """How a reader would compute it again."""


@dataclass(frozen=True)
class Case:
    """One finding, in one plain sentence that stands on its evidence."""

    id: str
    """Unique in the episode and the same from one analysis of it to the next."""
    kind: str
    """The rule that found it."""
    score: float
    """0 … 1: how much it deserves to be looked at first."""
    sentence: str
    first: int
    last: int
    """Positions among the analysed frames, both included."""
    instances: tuple[int, ...]
    sites: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    not_assessed: tuple[str, ...]
    """One plain sentence for each thing that could not be judged."""
    reproduce: str
    """A command line that shows it again."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"case {self.id} has a score of {self.score}, not 0 … 1")
        if not 0 <= self.first <= self.last:
            raise ValueError(f"case {self.id} cannot last from frame {self.first} to {self.last}")
