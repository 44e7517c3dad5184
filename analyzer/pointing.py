"""The objects that people point at in the page: kept in the run, and followed again whenever findings are made.

    objects/<episode>.jsonl     one line a change; see `analyzer.change_log`. Beside `episodes/`, so that analysing the
                                recording again leaves it alone

An object is what the last line of its id says. Findings tell in `Findings.objects` how many lines they have heeded: where
there are more, they are to be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from analyzer.change_log import ChangeLog
from foundation.errors import BadInput, quoted
from foundation.names import safe_name

MOST_OBJECTS = 20
"""That people may point at in one episode."""
MOST_EVER = 100
"""Counting those that were taken away again: their numbers are not given to others."""
LONGEST_NAME = 80
MOST_PATCHES = 4096
MOST_POINTS = 64

Point = tuple[float, float]


@dataclass(frozen=True)
class PointedObject:
    """One thing in one frame, and what it is called. Hostile: it comes out of a browser, or a file."""

    name: str
    frame: int
    """Of the recording."""
    camera: str | None = None
    """None: the only one there is."""
    points: tuple[Point, ...] = ()
    """(x, y) on the thing, in pixels of the recording."""
    background: tuple[Point, ...] = ()
    """(x, y) beside it."""
    box: tuple[float, float, float, float] | None = None
    """(left, top, width, height) around it."""
    patches: tuple[tuple[int, int], ...] = ()
    """(row, column) that a person saw to be it, in a division of what the policy sees into `grid`."""
    grid: tuple[int, int] | None = None
    """(rows, columns)."""
    id: str = ""
    removed: bool = False
    author: str = ""
    at: str = ""
    """When it was saved, as the caller writes times."""
    session: str = ""
    serial: int = 0
    """Counts the changes made on one page."""
    version: int = field(default=0, compare=False)
    """Number of its line, from 1."""
    number: int = field(default=0, compare=False)
    """Its place among all objects ever pointed at in the episode, from 1; stays when others go."""

    def __post_init__(self) -> None:
        texts = {"name": LONGEST_NAME, "id": 64, "author": 80, "at": 40, "session": 64}
        for name, limit in texts.items():
            value = getattr(self, name)
            if not isinstance(value, str) or len(value) > limit:
                raise BadInput(f"{name} of an object is text of at most {limit} characters; got {quoted(value, 80)}.")
        if not self.name.strip():
            raise BadInput("An object needs a name.")
        if len(self.points) > MOST_POINTS or len(self.background) > MOST_POINTS:
            raise BadInput(f"{quoted(self.name)} has more than {MOST_POINTS} points.")
        if len(self.patches) > MOST_PATCHES:
            raise BadInput(f"{quoted(self.name)} has {len(self.patches)} patches; at most {MOST_PATCHES} are taken.")
        if self.patches and (
            self.grid is None
            or any(not (0 <= row < self.grid[0] and 0 <= column < self.grid[1]) for row, column in self.patches)
        ):
            raise BadInput(f"{quoted(self.name)} has patches outside of the grid {self.grid}.")
        if not (self.points or self.patches or self.box):
            raise BadInput(f"{quoted(self.name)} has neither points, patches nor a box: it is nowhere.")

    @classmethod
    def of(cls, given: Mapping[str, Any], **more: Any) -> PointedObject:
        """From JSON, with nothing believed.

        Raises:
            BadInput: not what an object is made of.
        """
        try:
            box, grid = given.get("box"), given.get("grid")
            values: dict[str, Any] = {
                "name": given["name"],
                "frame": _whole(given["frame"]),
                "camera": None if given.get("camera") is None else str(given["camera"]),
                "points": _points(given.get("points") or ()),
                "background": _points(given.get("background") or ()),
                "box": None if not box else _four(box),
                "patches": tuple((_whole(row), _whole(column)) for row, column in given.get("patches") or ()),
                "grid": None if not grid else (_whole(grid[0]), _whole(grid[1])),
                "removed": given.get("removed") is True,
                "serial": _whole(given.get("serial") or 0),
            }
            values |= {name: given[name] for name in ("id", "author", "at", "session") if given.get(name)}
            return cls(**{**values, **more})
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise BadInput(
                f"The object {quoted(given.get('name') if isinstance(given, Mapping) else given, 80)} is not understood "
                f"({type(error).__name__}: {error}). It needs a name, a frame, and points [[x, y], …], a box [left, top, "
                "width, height] or patches [[row, column], …] of a grid [rows, columns]."
            ) from error


class EpisodeObjects:
    """What people point at in one episode of a run. Any number of processes may read and write at once."""

    def __init__(self, run: Path, episode: str) -> None:
        self._log = ChangeLog(run / "objects" / f"{safe_name(episode)}.jsonl")

    @property
    def path(self) -> Path:
        return self._log.path

    @property
    def version(self) -> int:
        """Grows with every change; 0: nobody ever pointed at anything."""
        return self._log.count()

    def current(self) -> list[PointedObject]:
        """Those that stand, in the order in which they came."""
        return [one for one in _latest(self._log.lines()).values() if not one.removed]

    def changed(self, given: Mapping[str, Any], **more: Any) -> PointedObject:
        """An object out of JSON; what a change of one that is kept does not say stays as it was.

        Raises:
            BadInput: not what an object is made of.
        """
        if not isinstance(given, Mapping):
            raise BadInput(f"An object is a JSON object; got {quoted(given, 80)}.")
        there = _latest(self._log.lines()).get(str(given.get("id")))
        return PointedObject.of({**({} if there is None else asdict(there)), **given}, **more)

    def save(self, changes: Sequence[PointedObject]) -> list[PointedObject]:
        """Append each change, as a whole object; what was stored, on the disk when this returns.

        Sending a change twice stores it once. Of two people who rename one object the later one is heeded.

        Raises:
            BadInput: without an id, or more than fit.
            OutputUnwritable: the disk is full, or may not be written; what was there before stands.
        """
        stored: list[PointedObject] = []
        with self._log.changing() as tail:
            latest = _latest(tail.lines())
            for change in changes:
                if not change.id:
                    raise BadInput(f"The object {quoted(change.name)} needs an id.")
                there = latest.get(change.id)
                if there is not None and there.session == change.session and there.serial >= change.serial:
                    stored.append(there)
                    continue
                if there is None and sum(not one.removed for one in latest.values()) >= MOST_OBJECTS:
                    raise BadInput(f"At most {MOST_OBJECTS} objects can be pointed at in an episode: remove one first.")
                if there is None and len(latest) >= MOST_EVER:
                    raise BadInput(
                        f"{MOST_EVER} objects were pointed at in this episode already: no more can be added."
                    )
                line = {name: value for name, value in asdict(change).items() if name not in ("version", "number")}
                number = len(latest) + 1 if there is None else there.number
                change = latest[change.id] = replace(change, version=tail.add(line), number=number)
                stored.append(change)
        return stored


def _latest(lines: Iterable[tuple[int, Any]]) -> dict[str, PointedObject]:
    latest: dict[str, PointedObject] = {}
    for version, line in lines:
        try:
            one = PointedObject.of(line, version=version)
        except BadInput:
            continue
        if one.id:
            number = latest[one.id].number if one.id in latest else len(latest) + 1
            latest[one.id] = replace(one, number=number)
    return latest


def _points(given: Any) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in given)


def _four(given: Any) -> tuple[float, float, float, float]:
    left, top, width, height = map(float, given)
    return left, top, width, height


def _whole(value: Any) -> int:
    if int(value) != value:
        raise ValueError(f"{value!r} is no whole number")
    return int(value)
