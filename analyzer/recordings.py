"""From what a person names on the command line or a page to episodes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from analyzer.settings import Settings
from foundation.errors import BadInput, did_you_mean, quoted
from videos.catalog import find_episodes, open_episode
from videos.episode import Episode, EpisodeSummary
from videos.readers.reader import ReadOptions


def find(paths: Sequence[Path], wanted: str = "") -> list[EpisodeSummary]:
    """Episodes of all `paths`, in order, each with an id of its own.

    Args:
        wanted: which of them, e.g. "0,3-5,ep_010": positions in the listing, ranges of them, and ids. Empty: all.

    Raises:
        EpisodeUnreadable: a path holds no recording.
        BadInput: `wanted` names none of the episodes.
    """
    found = _with_unique_ids([summary for path in paths for summary in find_episodes(path)])
    if not wanted.strip():
        return found
    positions = {summary.id: position for position, summary in enumerate(found)}
    picked: list[int] = []
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        if part in positions:
            picked.append(positions[part])
            continue
        span = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", part)
        if span is None:
            raise BadInput(f"--episodes: there is no {quoted(part)}.{did_you_mean(part, positions)}")
        first, last = int(span[1]), int(span[2] or span[1])
        if not first <= last < len(found):
            raise BadInput(
                f"--episodes: {quoted(part)} is outside 0 … {len(found) - 1}: there are {len(found)} episodes."
            )
        picked.extend(range(first, last + 1))
    if not picked:
        raise BadInput(f"--episodes: {quoted(wanted)} names no episode; write e.g. 0,3-5,{found[0].id}.")
    return [found[position] for position in dict.fromkeys(picked)]


def open_recording(summary: EpisodeSummary, settings: Settings) -> Episode:
    """The episode, under the summary's id, read as `settings` say."""
    raw = {"auto": None, "raw": True, "upright": False}[settings.orientation]
    options = ReadOptions(image_fps=settings.image_fps, raw_orientation=raw)
    episode = replace(open_episode(summary, options=options), id=summary.id)
    given = settings.instruction
    if given is None or given == episode.instruction:
        return episode
    recorded = "none was recorded" if episode.instruction is None else f"recorded: {quoted(episode.instruction)}"
    notes = (*episode.notes, f"The instruction was given with --instruction; {recorded}.")
    return replace(episode, instruction=given, notes=notes)


def _with_unique_ids(found: Sequence[EpisodeSummary]) -> list[EpisodeSummary]:
    """Episodes of several sources may share a name; the later ones are numbered."""
    seen: set[str] = set()
    unique = []
    for summary in found:
        names = chain([summary.id], (f"{summary.id}-{number}" for number in range(2, len(found) + 2)))
        name = next(name for name in names if name not in seen)
        seen.add(name)
        unique.append(replace(summary, id=name))
    return unique
