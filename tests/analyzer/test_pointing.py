"""What people point at is on the disk when it is said to be; two who add at once lose nothing; nothing is believed."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.pointing import MOST_EVER, MOST_OBJECTS, EpisodeObjects, PointedObject
from foundation.errors import BadInput, OutputUnwritable

EVIL = "<img src=x onerror=alert(1)>\x1b[2J"


def bowl(id_: str = "a", name: str = "bowl", **more: Any) -> PointedObject:
    return PointedObject(name, 3, points=((1.0, 2.0),), patches=((0, 1),), grid=(4, 4), id=id_, **more)


def test_what_was_saved_is_there(tmp_path: Path) -> None:
    objects = EpisodeObjects(tmp_path, "ep/../1")
    assert (objects.current(), objects.version) == ([], 0)
    given = bowl(name=EVIL, author="ann", at="2026-01-01", session="s", serial=1)
    (stored,) = objects.save([given])
    assert EpisodeObjects(tmp_path, "ep/../1").current() == [given]
    assert (stored.number, stored.version, objects.version) == (1, 1, 1)
    assert objects.path.parent == tmp_path / "objects"


def test_renamed_and_removed_with_its_number_kept_for_it(tmp_path: Path) -> None:
    objects = EpisodeObjects(tmp_path, "ep")
    objects.save([bowl("a"), bowl("b", "plate")])
    objects.save([objects.changed({"id": "a", "name": "cup", "session": "t", "serial": 1})])
    cup, plate = objects.current()
    assert (cup.name, cup.patches, cup.number, plate.number) == ("cup", ((0, 1),), 1, 2)
    objects.save([objects.changed({"id": "a", "removed": True, "session": "t", "serial": 2})])
    objects.save([bowl("c", "mug")])
    assert [(one.name, one.number) for one in objects.current()] == [("plate", 2), ("mug", 3)]
    assert objects.version == 5


def test_sending_twice_stores_once(tmp_path: Path) -> None:
    objects = EpisodeObjects(tmp_path, "ep")
    for _ in range(3):
        objects.save([bowl(session="s", serial=1)])
    assert objects.version == 1


def _write(folder: Path, session: str) -> None:
    objects = EpisodeObjects(folder, "ep")
    for number in range(MOST_OBJECTS // 2):
        objects.save([bowl(f"{session}{number}", session=session)])


def test_two_who_add_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(tmp_path, session)) for session in "xy"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = EpisodeObjects(tmp_path, "ep").current()
    assert sorted(one.id for one in found) == sorted(f"{s}{n}" for s in "xy" for n in range(MOST_OBJECTS // 2))
    assert [one.number for one in found] == list(range(1, MOST_OBJECTS + 1))


def test_there_is_an_end_to_it(tmp_path: Path) -> None:
    objects = EpisodeObjects(tmp_path, "ep")
    objects.save([bowl(str(number)) for number in range(MOST_OBJECTS)])
    with pytest.raises(BadInput, match="remove one first"):
        objects.save([bowl("more")])
    assert objects.version == MOST_OBJECTS
    objects.save([replace(objects.current()[0], name="renamed", session="t")])
    for number in range(MOST_OBJECTS, MOST_EVER):
        objects.save([replace(objects.current()[0], removed=True, session="t", serial=number)])
        objects.save([bowl(str(number))])
    objects.save([replace(objects.current()[0], removed=True, session="u", serial=1)])
    with pytest.raises(BadInput, match="already"):
        objects.save([bowl("more")])


def test_a_full_disk_is_said_and_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = EpisodeObjects(tmp_path, "ep")
    objects.save([bowl("a")])
    before = objects.path.read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 10:
            return write(descriptor, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputUnwritable, match="disk is full"):
        objects.save([bowl("b")])
    monkeypatch.undo()
    assert objects.path.read_bytes() == before


def test_a_line_that_is_no_object_takes_no_other_with_it(tmp_path: Path) -> None:
    objects = EpisodeObjects(tmp_path, "ep")
    objects.save([bowl("a")])
    with objects.path.open("ab") as file:
        file.write(b'{"name": "x"}\n[]\n{torn')
    objects.save([bowl("b")])
    assert [one.id for one in objects.current()] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 81}, "at most 80"),
        ({"name": 3}, "at most 80"),
        ({"frame": "soon"}, "not understood"),
        ({"frame": float("inf")}, "not understood"),
        ({"patches": [[4, 0]]}, "outside of the grid"),
        ({"patches": [[0, 0]], "grid": None}, "outside of the grid"),
        ({"patches": [[0, 0]] * 4097}, "at most 4096"),
        ({"points": [[1, 1]] * 65}, "more than 64 points"),
        ({"points": [], "patches": []}, "nowhere"),
        ({"points": [[1]]}, "not understood"),
        ({"box": [1, 2]}, "not understood"),
        ({"author": "x" * 81}, "at most 80"),
    ],
)
def test_what_is_no_object_is_refused(change: dict[str, Any], words: str) -> None:
    whole = {"id": "a", "name": "bowl", "frame": 1, "points": [[1, 2]], "patches": [[0, 1]], "grid": [4, 4]}
    assert PointedObject.of(json.loads(json.dumps(whole))).name == "bowl"
    with pytest.raises(BadInput, match=words):
        PointedObject.of({**whole, **change})
