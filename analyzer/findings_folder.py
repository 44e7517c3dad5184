"""What was found in an episode, on disk: the part of a run folder that tells who is where, what is confused, and why.

    episodes/<id>/findings/
      findings.json             instances, pairs, events, cases, and what was not assessed
      instances/<id>.png        a thumbnail of each instance, RGB
      masks.parquet             one row an analysed frame and camera: frame · camera · png, an 8-bit grey PNG in the
                                recording's own size whose values are instance ids; 0: nobody
      confusion.npy             (pairs, sites, frames, 3) float32: value, low and high end of its interval, in the
                                eigenspace; NaN: not assessed
      confusion_features.npy    the same in the raw features
      attribution.npy           (frames, cameras, rows, cols, D) float16: how much each patch moves each dimension of
                                the predicted action (gradient x input), where the policy acts; `attribution_site` in
                                findings.json names the site whose grid this is

Findings can be made again for a finished run (with objects that a person clicked); the folder is replaced whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.confusion.pair import PairTrace
from analyzer.failures.case import Case, Event
from analyzer.instances.instance import Instance


@dataclass(frozen=True)
class Findings:
    """All that findings.json says of one episode."""

    instances: tuple[Instance, ...]
    pairs: tuple[PairTrace, ...]
    """In the order of the first axis of confusion.npy."""
    sites: tuple[str, ...]
    """In the order of its second axis."""
    events: tuple[Event, ...]
    cases: tuple[Case, ...]
    """The one to look at first, first."""
    not_assessed: tuple[str, ...]
    """Plain sentences about what could not be judged in the episode."""
    attribution_site: str | None = None
