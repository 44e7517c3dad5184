"""Reviews are on the disk when they are said to be, and nobody's word is lost to another's."""

from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.reviews import EpisodeReviews, Review
from foundation.errors import BadInput, OutputUnwritable


def review(id_: str = "a", note: str = "", session: str = "s", serial: int = 1, **more: object) -> Review:
    return Review(id_, "case-1", "ann", note=note, session=session, serial=serial, **more)  # type: ignore[arg-type]


def test_what_was_saved_is_there(tmp_path: Path) -> None:
    file = EpisodeReviews(tmp_path, "ep/../1")
    assert file.current() == []
    file.save([(review(note="é\n<b>\u2028", verdict="real", tags=("x",)), 0)])
    (found,) = EpisodeReviews(tmp_path, "ep/../1").current()
    assert (found.note, found.verdict, found.tags, found.version) == ("é\n<b>\u2028", "real", ("x",), 1)
    assert file.path.parent == tmp_path / "reviews"


def test_a_later_change_of_the_same_page_replaces(tmp_path: Path) -> None:
    file = EpisodeReviews(tmp_path, "ep")
    for serial, note in enumerate(("o", "on", "one"), start=1):
        file.save([(review(note=note, serial=serial), 0)])
    assert [found.note for found in file.current()] == ["one"]
    assert [found.note for found in file.history()] == ["o", "on", "one"]


def test_sending_twice_stores_once(tmp_path: Path) -> None:
    file = EpisodeReviews(tmp_path, "ep")
    first = file.save([(review(note="x"), 0)])
    assert file.save([(review(note="x"), 0)]) == first
    assert len(file.history()) == 1


def test_a_change_made_without_knowing_of_another_is_kept_beside_it(tmp_path: Path) -> None:
    file = EpisodeReviews(tmp_path, "ep")
    file.save([(review(note="hers"), 0)])
    (stored,) = file.save([(review(note="his", session="t"), 0)])
    assert stored.id != "a"
    assert sorted(found.note for found in file.current()) == ["hers", "his"]
    (stored,) = file.save([(review(note="his, having read hers", session="t", serial=2), 1)])
    assert stored.id == "a"
    assert sorted(found.note for found in file.current()) == ["his", "his, having read hers"]


def test_an_emptied_review_is_gone_but_not_forgotten(tmp_path: Path) -> None:
    file = EpisodeReviews(tmp_path, "ep")
    file.save([(review(note="x"), 0)])
    file.save([(review(serial=2), 0)])
    assert file.current() == []
    assert len(file.history()) == 2


def _write(folder: Path, session: str) -> None:
    file = EpisodeReviews(folder, "ep")
    for number in range(100):
        file.save([(review(f"{session}{number}", note=str(number), session=session), 0)])


def test_two_processes_writing_a_hundred_notes_each(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(tmp_path, session)) for session in "xy"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = EpisodeReviews(tmp_path, "ep").current()
    assert sorted(one.id for one in found) == sorted(f"{s}{n}" for s in "xy" for n in range(100))
    assert sorted(one.version for one in found) == list(range(1, 201))


@given(cut=st.integers(1, 200))
def test_a_line_cut_short_takes_no_other_with_it(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    file = EpisodeReviews(folder, "ep")
    file.save([(review("a", note="kept"), 0)])
    file.save([(review("b", note="torn"), 0)])
    content = file.path.read_bytes()
    first = content.index(b"\n") + 1
    file.path.write_bytes(content[: max(first, len(content) - cut)])
    assert [found.note for found in file.current()][:1] == ["kept"]
    file.save([(review("c", note="new"), 0)])
    notes = {found.note for found in file.current()}
    assert {"kept", "new"} <= notes


def test_a_run_that_is_gone_is_not_begun_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(OutputUnwritable, match="the run is gone"):
        EpisodeReviews(run, "ep").save([(review(note="x"), 0)])
    assert not run.exists()


def test_a_full_disk_is_said_and_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = EpisodeReviews(tmp_path, "ep")
    file.save([(review("a", note="earlier"), 0)])
    before = file.path.read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 10:
            return write(descriptor, data[:10])  # a little still fits
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputUnwritable, match="disk is full"):
        file.save([(review("b", note="x" * 15), 0)])
    monkeypatch.undo()
    assert file.path.read_bytes() == before
    assert [found.note for found in file.current()] == ["earlier"]


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"id": 1, "case": "", "author": "a"},
        {"id": "a", "case": "", "author": "a", "verdict": "maybe"},
        {"id": "a", "case": "", "author": "a", "note": "x" * 20_001},
        {"id": "a", "case": "", "author": "a", "tags": ["x"] * 31},
        {"id": "a", "case": "", "author": "a", "tags": [1]},
        {"id": "a", "case": "", "author": "a", "serial": "1"},
        {"id": "a", "case": "", "author": "a", "tags": 3},
    ],
)
def test_what_is_no_review_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Review.of(bad)
