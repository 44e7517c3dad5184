"""Every episode of the opened runs in one line each, ranked by what looks wrong: what a list of thousands needs to know.

Only what has changed on the disk is read again, and never longer than the caller waits: a folder of thousands of episodes
fills the list as it is read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.failures.rules import RULES
from analyzer.findings_folder import FOLDER
from analyzer.json_records import read_json, understood
from analyzer.npy import NpyFile
from analyzer.reviews import EpisodeReviews
from analyzer.run_folder import RunFolder
from analyzer.run_index import RunIndex
from foundation.errors import OutputUnwritable, RunUnreadable
from foundation.files import atomic
from foundation.names import printable

CURVE_POINTS = 48
"""Of the small curve beside a case."""
LONGEST = 400
"""Characters of a text that a line shows."""
_VERSION = 2
"""Of what is kept for the next server. To be raised whenever a line changes."""

Stamp = tuple[int | None, ...]


@dataclass(frozen=True)
class Curve:
    """How confused the pair is that the first case is about, from the first analysed frame to the last."""

    what: str
    values: tuple[float | None, ...]
    """The largest of each of `CURVE_POINTS` stretches of the episode, 0 … 1; None: not assessed."""


@dataclass(frozen=True)
class Span:
    """When a case holds."""

    kind: str
    first: float
    last: float
    """Shares of the analysed frames, 0 … 1."""


@dataclass(frozen=True)
class Line:
    """One episode in the list."""

    run: str
    episode: str
    state: str
    """"found", "nothing" (looked for, nothing found), "unsearched", "waiting" (not analysed yet) or "damaged"."""
    problem: str = ""
    """What is damaged."""
    instruction: str | None = None
    success: bool | None = None
    duration_s: float | None = None
    frames: int = 0
    """Of the recording."""
    cases: int = 0
    kinds: tuple[str, ...] = ()
    score: float | None = None
    case: str = ""
    """Id of the first case."""
    sentence: str = ""
    curve: Curve | None = None
    spans: tuple[Span, ...] = ()
    """Of its cases, the first one's first."""
    moment: int = 0
    """Frame of the recording that stands for the episode: where its first case begins, else the middle."""
    stamp: str = ""
    """Changes whenever the episode is analysed or assessed again."""
    verdicts: tuple[str, ...] = ()
    """What people said of its cases, each verdict once; "noted": a note or a tag without one."""

    @property
    def worth(self) -> tuple[Any, ...]:
        """Sorts what deserves to be looked at first to the front; the order of the report."""
        late = {"waiting": 2, "damaged": 1}.get(self.state, 0)
        score = -1.0 if self.score is None else self.score
        unsearched = self.state == "unsearched"
        return (late, -score, self.success is not False, -self.cases, unsearched, self.run, self.episode)


@dataclass(frozen=True)
class Listing:
    """What is known now."""

    lines: tuple[Line, ...]
    """The one to look at first, first."""
    unread: int
    """Episodes that are there and were not read yet."""
    problems: tuple[str, ...]
    """Runs that cannot be read at all, a sentence each."""
    revision: int
    """Grows with every change."""


def opens_on(lines: Sequence[Line]) -> Line | None:
    """The episode to show where nobody has said which, of lines in their order; None: there is none to show.

    A confusion that comes first in its episode goes before anything else: it says why, a gripper that closed on nothing
    only that. Without one it is the episode to look at first.
    """
    shown = [line for line in lines if line.state not in ("waiting", "damaged")] or list(lines)
    confused = (line for line in shown if line.spans and line.spans[0].kind == "confused")
    return next(confused, shown[0] if shown else None)


@dataclass(frozen=True)
class _Known:
    stamp: Stamp
    line: Line
    text: str
    """The line as JSON."""

    @classmethod
    def of(cls, stamp: Stamp, line: Line) -> _Known:
        return cls(stamp, line, json.dumps(line, default=vars, allow_nan=False, separators=(",", ":")))


class Library:
    """Reads the runs of an index, and remembers. May be asked from several threads.

    Args:
        cache: folder for what was read, so that the next server need not read it again; None: keep it in memory alone.
    """

    def __init__(self, runs: RunIndex, cache: Path | None = None) -> None:
        self._runs = runs
        self._cache = cache
        self._known: dict[tuple[Path, str], _Known] = {}
        self._files: dict[tuple[Path, str], tuple[str, ...]] = {}
        self._by_name: dict[tuple[str, str], Line] = {}
        self._recalled: set[Path] = set()
        self._changed: set[Path] = set()
        self._looked_at: set[tuple[Path, str]] = set()
        """Since the list was whole the last time: going on with it looks at none of them again."""
        self._listing = Listing((), 0, (), 0)
        self._turn = threading.Lock()
        self._text: tuple[int, bytes] = (-1, b"")

    def listing(self, at_most_s: float = 1.0) -> Listing:
        """The list as the disk has it, as far as that can be read in `at_most_s` seconds; asking again goes on."""
        with self._turn:
            until = time.monotonic() + at_most_s
            problems: list[str] = []
            known: dict[tuple[Path, str], _Known] = {}
            unread = 0
            for name, run, episode, done in self._episodes(problems):
                key = (run.path, episode)
                there = self._known.get(key)
                if there is not None and (key in self._looked_at or time.monotonic() > until):
                    stamp = there.stamp
                    # What is known from before is shown; the next answer looks whether it still holds.
                    unread += key not in self._looked_at
                else:
                    stamp = self._stamp(run, episode) if done else ()
                    self._looked_at.add(key)
                if there is not None and there.line.run != name:
                    there = _Known.of(there.stamp, replace(there.line, run=name))
                if there is None or there.stamp != stamp:
                    if not done:
                        there = _Known.of(stamp, Line(name, episode, "waiting"))
                    elif time.monotonic() > until:
                        unread += 1
                        self._looked_at.discard(key)
                    else:
                        there = _Known.of(stamp, read_line(name, run, episode, stamp))
                        self._changed.add(run.path)
                if there is not None:
                    known[key] = there
            lines = [one.line for one in known.values()]
            ranked = tuple(sorted(lines, key=lambda line: line.worth))
            last = self._listing
            if (ranked, unread, tuple(problems)) != (last.lines, last.unread, last.problems):
                self._listing = Listing(ranked, unread, tuple(problems), last.revision + 1)
            self._known, self._by_name = known, {(line.run, line.episode): line for line in lines}
            if not unread:
                self._looked_at.clear()
                self._keep()
            return self._listing

    def line(self, run: str, episode: str) -> Line | None:
        """One episode of the last listing."""
        if (run, episode) not in self._by_name:
            self.listing()
        return self._by_name.get((run, episode))

    def as_json(self, at_most_s: float = 1.0) -> bytes:
        """`listing` for a page, with the titles of the kinds of cases."""
        listing = self.listing(at_most_s)
        with self._turn:
            if self._text[0] != listing.revision:
                texts = {(one.line.run, one.line.episode): one.text for one in self._known.values()}
                lines = ",".join(
                    texts[line.run, line.episode] for line in listing.lines if (line.run, line.episode) in texts
                )
                kinds = {name: {"title": rule.title, "meaning": rule.meaning} for name, rule in RULES.items()}
                rest = json.dumps({"unread": listing.unread, "problems": listing.problems, "kinds": kinds})
                self._text = (listing.revision, f'{{"lines":[{lines}],{rest[1:]}'.encode())
            return self._text[1]

    def _episodes(self, problems: list[str]) -> Iterator[tuple[str, RunFolder, str, bool]]:
        for name in self._runs.paths():
            try:
                run = self._runs.open(name)
            except RunUnreadable as error:
                problems.append(printable(error))
                continue
            if run.path not in self._recalled:
                self._recalled.add(run.path)
                self._recall(run)
            done = set(run.manifest.done)
            for episode in dict.fromkeys([*run.manifest.planned, *run.manifest.done]):
                yield name, run, episode, episode in done

    def _stamp(self, run: RunFolder, episode: str) -> Stamp:
        """Time of change and size of each file that a line is read from; None: there is none."""
        key = (run.path, episode)
        if key not in self._files:
            folder = os.fspath(run.episode_folder(episode))
            reviews = os.fspath(EpisodeReviews(run.path, episode).path)
            self._files[key] = (f"{folder}/episode.json", f"{folder}/{FOLDER}/findings.json", reviews)
        stamp: list[int | None] = []
        for path in self._files[key]:
            try:
                status = os.stat(path)
                stamp += [status.st_mtime_ns, status.st_size]
            except OSError:
                stamp.append(None)
        return tuple(stamp)

    # -- from one server to the next ---------------------------------------------------------------------------------

    def _kept_in(self, run: Path) -> Path | None:
        name = hashlib.blake2b(os.fsencode(run.resolve()), digest_size=12).hexdigest()
        return None if self._cache is None else self._cache / "library" / f"{name}.json"

    def _recall(self, run: RunFolder) -> None:
        """What an earlier server read; a damaged file is as good as none."""
        path = self._kept_in(run.path)
        if path is None or not path.exists():
            return
        try:
            stored = read_json(path, "")
            if stored["version"] != _VERSION:
                return
            for stamp, text in stored["lines"]:
                known = _Known(tuple(stamp), _recalled(json.loads(text)), text)
                self._known[run.path, known.line.episode] = known
        except (RunUnreadable, KeyError, TypeError, ValueError):
            return

    def _keep(self) -> None:
        """Write what was read since the last time. A cache that cannot be written is done without."""
        for run in self._changed:
            path = self._kept_in(run)
            if path is None:
                continue
            lines = [[one.stamp, one.text] for (home, _), one in self._known.items() if home == run]
            with suppress(OutputUnwritable), atomic(path, durable=False) as temporary:
                temporary.write_text(json.dumps({"version": _VERSION, "lines": lines}), encoding="ascii")
        self._changed.clear()


def _recalled(stored: Mapping[str, Any]) -> Line:
    curve, spans = stored["curve"], stored["spans"]
    return Line(
        **{
            **stored,
            "curve": None if curve is None else Curve(curve["what"], tuple(curve["values"])),
            "spans": tuple(Span(**span) for span in spans),
            "kinds": tuple(stored["kinds"]),
            "verdicts": tuple(stored["verdicts"]),
        }
    )


def read_line(name: str, run: RunFolder, episode: str, stamp: Stamp = ()) -> Line:
    """One finished episode, read from its files; what is damaged is told in the line."""
    reviews = _verdicts(run, episode)
    version = "-".join("" if part is None else f"{part:x}" for part in stamp)
    try:
        line = _analysed(name, run, episode)
    except RunUnreadable as error:
        line = Line(name, episode, "damaged", problem=printable(error)[:LONGEST])
    return replace(line, verdicts=reviews, stamp=version)


def _analysed(name: str, run: RunFolder, episode: str) -> Line:
    folder = run.episode_folder(episode)
    path = folder / "episode.json"
    stored = read_json(path, f"{path}: missing. Analyse the recording again.")
    with understood(path):
        frames = [int(frame) for frame in stored["frames"]]
        success, instruction = stored["success"], stored["instruction"]
        if success not in (True, False, None) or not frames:
            raise ValueError("no frames, or an outcome that is none")
        line = Line(
            run=name,
            episode=episode,
            state="unsearched",
            instruction=None if instruction is None else str(instruction)[:LONGEST],
            success=success,
            duration_s=_finite(stored["duration_s"]),
            frames=int(stored["frame_count"]),
            moment=frames[len(frames) // 2],
        )
    path = folder / FOLDER / "findings.json"
    if not path.exists():
        return line
    found = read_json(path, f"{path}: missing.")
    with understood(path):
        cases = found["cases"]
        if not cases:
            return replace(line, state="nothing", curve=_curve(folder, found, None, len(frames)))
        last = len(frames)
        spans = tuple(
            Span(str(case["kind"]), int(case["first"]) / last, (int(case["last"]) + 1) / last) for case in cases
        )
        if any(not 0 <= span.first < span.last <= 1 for span in spans):
            raise ValueError(f"cases beyond the {last} analysed frames")
        first = cases[0]
        return replace(
            line,
            state="found",
            cases=len(cases),
            kinds=tuple(dict.fromkeys(span.kind for span in spans)),
            score=_finite(first["score"]),
            case=str(first["id"]),
            sentence=str(first["sentence"])[:LONGEST],
            curve=_curve(folder, found, first, len(frames)),
            spans=spans,
            moment=frames[int(first["first"])],
        )


def _curve(folder: Path, found: Mapping[str, Any], case: Mapping[str, Any] | None, frames: int) -> Curve | None:
    """Of the case's pair, or of the most confused one, at the site where it begins (else the deepest)."""
    pairs, sites = found["pairs"], [str(site) for site in found["sites"]]
    if not pairs or not sites:
        return None
    about = set() if case is None else set(case["instances"])
    named = [at for at, pair in enumerate(pairs) if {pair["a"], pair["b"]} <= about]
    chosen = max(named or range(len(pairs)), key=lambda at: max(float(s["value"] or 0) for s in pairs[at]["sites"]))
    pair = pairs[chosen]
    site = sites.index(pair["onset"]) if pair["onset"] in sites else len(sites) - 1
    path = folder / FOLDER / "confusion.npy"
    with NpyFile.open(path) as file:
        if file.shape != (len(pairs), len(sites), frames, 3):
            raise RunUnreadable(f"{path}: findings of other frames. Make them again.")
        values = file.read(chosen, chosen + 1)[0, site, :, 0]
    names = {one["id"]: str(one["name"]) for one in found["instances"]}
    what = f"{names[pair['a']]} and {names[pair['b']]}, at {sites[site]}"
    return Curve(what[:LONGEST], tuple(_largest(values, CURVE_POINTS)))


def _finite(value: Any) -> float:
    """JSON files may hold NaN; what goes to a page may not."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} where a number belongs")
    return number


def _largest(values: np.ndarray, points: int) -> Iterator[float | None]:
    """The largest of each stretch; fewer stretches than `points` where there are fewer values."""
    count = min(points, len(values))
    starts = np.arange(count) * len(values) // count
    highest = np.maximum.reduceat(np.where(np.isfinite(values), np.clip(values, 0, 1), -1.0), starts)
    for value in highest.tolist():
        yield None if value < 0 else round(value, 2)


def _verdicts(run: RunFolder, episode: str) -> tuple[str, ...]:
    try:
        reviews = EpisodeReviews(run.path, episode).current()
    except OSError:
        return ()
    return tuple(dict.fromkeys(review.verdict or "noted" for review in reviews))
