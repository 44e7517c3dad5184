"""What is known of two instances: how alike the policy takes them for, site by site."""

from __future__ import annotations

from dataclasses import dataclass

VERDICTS = ("apart", "merged", "look-alikes", "not assessed")
"""Told apart at every site; told apart early and taken for the same later; alike in the picture already; too little of
one of them was visible."""


@dataclass(frozen=True)
class SiteConfusion:
    """Confusion of a pair at one site over the frames in which both are visible. 0 apart, 1 indistinguishable."""

    site: str
    value: float | None
    """None: not assessed."""
    low: float | None
    high: float | None
    """The interval of the bootstrap."""
    features: float | None
    """The same measure in the site's raw features instead of the eigenspace."""


@dataclass(frozen=True)
class PairTrace:
    """Two instances of one camera along the sites of the policy, in order of depth."""

    a: int
    b: int
    """Instance ids, a < b."""
    sites: tuple[SiteConfusion, ...]
    pixels: float | None
    """Confusion of the two in the colours of the picture itself: what tells look-alikes from merged ones."""
    verdict: str
    onset: str | None
    """The site where confusion rises and stays up; None unless the verdict is "merged"."""

    def __post_init__(self) -> None:
        if not self.a < self.b:
            raise ValueError(f"a pair is written with the lower id first, not {self.a}, {self.b}")
        if self.verdict not in VERDICTS or (self.onset is not None) != (self.verdict == "merged"):
            raise ValueError(f"pair {self.a}, {self.b} is {self.verdict!r} with onset {self.onset!r}")
