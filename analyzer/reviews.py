"""What people say of an episode's cases: kept in the run, whatever happens to the analysis or to the server.

    reviews/<episode>.jsonl     one line a change, appended under a lock and never altered; beside `episodes/`, so that
                                analysing the recording again leaves it alone

A review is what the last line of its id says. A change that was made without knowing of another person's is kept under an
id of its own: two people, or two tabs, lose nothing to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from analyzer.change_log import ChangeLog
from foundation.errors import BadInput, quoted
from foundation.names import safe_name

VERDICTS = ("real", "artefact", "unsure")
LONGEST_NOTE = 20_000
MOST_TAGS = 30


@dataclass(frozen=True)
class Review:
    """One person's word on one case."""

    id: str
    case: str
    """Id of the case; "": the episode as a whole."""
    author: str
    verdict: str | None = None
    """One of `VERDICTS`."""
    tags: tuple[str, ...] = ()
    note: str = ""
    at: str = ""
    """When it was saved, as the caller writes times."""
    session: str = ""
    """Which page it was written on."""
    serial: int = 0
    """Counts the changes made on that page."""
    version: int = field(default=0, compare=False)
    """Number of its line in the file, from 1."""

    def __post_init__(self) -> None:
        for name, limit in (
            ("id", 64),
            ("case", 200),
            ("author", 80),
            ("at", 40),
            ("session", 64),
            ("note", LONGEST_NOTE),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or len(value) > limit:
                raise BadInput(f"{name} of a review is text of at most {limit} characters; got {quoted(value, 80)}.")
        if not self.id:
            raise BadInput("A review needs an id.")
        if self.verdict is not None and self.verdict not in VERDICTS:
            raise BadInput(f"The verdict is one of {', '.join(VERDICTS)}; got {quoted(self.verdict)}.")
        if len(self.tags) > MOST_TAGS or any(not isinstance(tag, str) or len(tag) > 60 for tag in self.tags):
            raise BadInput(f"A review has at most {MOST_TAGS} tags of at most 60 characters.")
        if not isinstance(self.serial, int) or not isinstance(self.version, int):
            raise BadInput("serial and version of a review are whole numbers.")

    @property
    def empty(self) -> bool:
        return self.verdict is None and not self.tags and not self.note

    @classmethod
    def of(cls, given: Mapping[str, Any], **more: Any) -> Review:
        """From JSON, with nothing believed.

        Raises:
            BadInput: not what a review is made of.
        """
        names = ("id", "case", "author", "verdict", "note", "at", "session", "serial")
        try:
            tags = tuple(given.get("tags") or ())
            known = {name: given[name] for name in names if given.get(name) is not None}
            return cls(**{**known, "tags": tags, **more})
        except (TypeError, KeyError, AttributeError) as error:
            raise BadInput(f"This is no review: {error}.") from error


class EpisodeReviews:
    """The reviews of one episode of a run. Any number of processes may read and write at once."""

    def __init__(self, run: Path, episode: str) -> None:
        self._log = ChangeLog(run / "reviews" / f"{safe_name(episode)}.jsonl")

    @property
    def path(self) -> Path:
        return self._log.path

    def current(self) -> list[Review]:
        """What stands, in the order of the last change; emptied reviews are left out."""
        latest = _latest(self._log.lines())
        return sorted((r for r in latest.values() if not r.empty), key=lambda review: review.version)

    def history(self) -> list[Review]:
        """Every change ever saved, in order."""
        return list(_reviews(self._log.lines()))

    def save(self, changes: Sequence[tuple[Review, int]]) -> list[Review]:
        """Append each change with the version it was based on; what was stored, on the disk when this returns.

        Sending a change twice stores it once.

        Raises:
            OutputUnwritable: the disk is full, or may not be written; what was there before stands.
        """
        stored: list[Review] = []
        with self._log.changing() as tail:
            latest = _latest(tail.lines())
            for change, based_on in changes:
                change = _apart(change, based_on, latest)
                there = latest.get(change.id)
                if there is not None and there.session == change.session and there.serial >= change.serial:
                    stored.append(there)
                    continue
                line = {name: value for name, value in asdict(change).items() if name != "version"}
                change = latest[change.id] = replace(change, version=tail.add(line))
                stored.append(change)
        return stored


def _apart(change: Review, based_on: int, latest: Mapping[str, Review]) -> Review:
    """`change`, under another id if it would replace one that its author had not seen."""
    number = 1
    candidate = change
    while True:
        there = latest.get(candidate.id)
        if there is None or there.session == change.session or there.version <= based_on:
            return candidate
        number += 1
        candidate = replace(change, id=f"{change.id[:50]}-{change.session[:8]}{'' if number == 2 else number}")


def _latest(lines: Iterable[tuple[int, Any]]) -> dict[str, Review]:
    return {review.id: review for review in _reviews(lines)}


def _reviews(lines: Iterable[tuple[int, Any]]) -> Iterator[Review]:
    for number, line in lines:
        try:
            yield Review.of(line, version=number)
        except BadInput:
            continue
