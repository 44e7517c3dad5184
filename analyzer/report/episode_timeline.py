"""What the timeline of an episode shows: cases, the events they stand on, who is visible, the gripper."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from analyzer.findings_folder import Findings
from analyzer.report.case_view import case_anchor, kind_title
from analyzer.report.contents import Assessed
from analyzer.report.plots.timeline import Bar, Lane, timeline
from analyzer.run_actions import RunActions

_MOST_LANES = 10
_OBJECT_LANES = ("object", "arm")


def episode_timeline(episode: Assessed, anchor: str, shown: int) -> Markup | None:
    """`shown`: how many cases are on the page in full, and can be led to."""

    def link(number: int) -> str | None:
        return f"#{case_anchor(anchor, number)}" if number <= shown else None

    record, findings = episode.record, episode.findings
    lanes = []
    if findings.cases:
        bars = tuple(
            Bar(case.first, case.last, case.sentence, str(number), link(number))
            for number, case in enumerate(findings.cases, start=1)
        )
        lanes.append(Lane("cases", bars, class_="bar-case"))
    for rule in dict.fromkeys(event.rule for event in findings.events):
        events = [event for event in findings.events if event.rule == rule]
        told = tuple(
            Bar(event.first, event.last, f"{kind_title(rule)}: {event.value:.3g} {event.unit}".rstrip())
            for event in events
        )
        lanes.append(Lane(kind_title(rule), told))
    lanes += _visibility(findings)
    gripper = _gripper(episode)
    if gripper is not None:
        lanes.append(Lane("gripper (high: closed)", curve=gripper))
    if not lanes:
        return None
    words = f"Timeline of {len(record.frames)} frames: " + "; ".join(
        f"case {number} {episode.span(case)}" for number, case in enumerate(findings.cases, start=1)
    )
    return timeline(lanes, record.frames, record.times_s, words)


def _visibility(findings: Findings) -> list[Lane]:
    """The instances that cases are about first."""
    about = [id_ for case in findings.cases for id_ in case.instances]
    wanted = [one for one in findings.instances if one.role in _OBJECT_LANES or one.id in about]
    order = {id_: place for place, id_ in enumerate(dict.fromkeys(about))}
    wanted.sort(key=lambda one: (order.get(one.id, len(order)), one.id))
    lanes = []
    for one in wanted[:_MOST_LANES]:
        area = np.array(one.area, float)
        lanes.append(Lane(f"{one.id} {one.name}", curve=area / max(1.0, float(area.max())), colour=one.color))
    return lanes


def _gripper(episode: Assessed) -> np.ndarray | None:
    """(frames,) 0 open … 1 closed, of the recorded actions; None: not recorded, or it is not known which is which."""
    record = episode.record
    space, recorded = record.action_space, RunActions.read(episode.run, record).recorded
    if space is None or recorded is None or space.gripper is None:
        return None
    if space.gripper_open is None or space.gripper_closed is None or space.gripper >= recorded.shape[1]:
        return None
    values = recorded[np.array(episode.steps), space.gripper]
    return np.clip((values - space.gripper_open) / (space.gripper_closed - space.gripper_open), 0.0, 1.0)
