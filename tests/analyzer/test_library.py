"""The list of episodes: what the disk says, in the order of the report, read again only where it changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from driving import recorded
from made_runs import make_run

from analyzer import library
from analyzer.library import CURVE_POINTS, Library, Line, Span, opens_on
from analyzer.reviews import EpisodeReviews, Review
from analyzer.run_folder import RunFolder
from analyzer.run_index import RunIndex
from analyzer.thumbnail import HEIGHT, preview_thumbnail
from foundation.errors import RunUnreadable


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("library")
    episodes = [recorded(home / f"{name}.mp4", 20) for name in ("a", "b", "c")]
    make_run(home / "runs" / "one", *episodes, instruction="put <b>it</b> down")
    return home / "runs"


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(made, tmp_path / "runs"))


def lines(runs: Path) -> dict[str, Line]:
    return {line.episode: line for line in Library(RunIndex([runs])).listing(60).lines}


def findings(runs: Path, episode: str) -> Path:
    return runs / "one" / "episodes" / episode / "findings" / "findings.json"


def changed(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_line_says_what_the_files_say(runs: Path) -> None:
    line = lines(runs)["a"]
    run = RunFolder.open(runs / "one")
    assert (line.state, line.cases, line.kinds, line.score) == ("found", 2, ("confused",), 0.9)
    assert line.instruction == "put <b>it</b> down"
    assert line.frames == 20
    assert line.moment == 10, "where the first case begins"
    assert (line.spans[0].first, line.spans[0].last) == (0.5, 1.0)
    assert line.curve is not None
    assert line.curve.what == "bowl and plate, at vision.11"
    stored = np.load(run.episode_folder("a") / "findings" / "confusion.npy")[0, 2, :, 0]
    assert line.curve.values == tuple(round(float(value), 2) for value in stored)


def test_a_long_curve_keeps_its_peaks() -> None:
    values = np.zeros(1000, np.float32)
    values[777] = 0.8
    values[:100] = np.nan
    curve = list(library._largest(values, CURVE_POINTS))
    assert len(curve) == CURVE_POINTS
    assert curve[0] is None
    assert curve[777 * CURVE_POINTS // 1000] == 0.8
    assert sum(value or 0 for value in curve) == 0.8


def test_a_confusion_opens_before_what_only_looks_worse() -> None:
    def line(episode: str, kind: str | None, state: str = "found") -> Line:
        return Line("run", episode, state, spans=() if kind is None else (Span(kind, 0.5, 1.0), Span("confused", 0, 1)))

    ranked = [line("grip", "closed-on-nothing"), line("mix", "confused"), line("mix again", "confused")]
    assert opens_on(ranked) is ranked[1]
    assert opens_on(ranked[:1]) is ranked[0], "without one, what is ranked first"
    missing = [line("torn", None, "damaged"), line("later", None, "waiting")]
    assert opens_on([*missing, line("calm", None, "nothing")]).episode == "calm"  # type: ignore[union-attr]
    assert opens_on(missing) is missing[0]
    assert opens_on([]) is None


def test_what_looks_worst_comes_first_and_what_is_missing_last(runs: Path) -> None:
    for episode, score in (("a", 0.2), ("b", 0.7)):
        cases = json.loads(findings(runs, episode).read_text())["cases"]
        changed(findings(runs, episode), cases=[{**cases[0], "score": score}])
    changed(findings(runs, "c"), cases=[])
    changed(runs / "one" / "run.json", planned=["a", "b", "c", "later"])
    listed = Library(RunIndex([runs])).listing(60).lines
    assert [(line.episode, line.state) for line in listed] == [
        ("b", "found"), ("a", "found"), ("c", "nothing"), ("later", "waiting"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"cases": 3},
        {"cases": [{"kind": "confused"}]},
        {"pairs": [{"a": [], "b": {}}]},
        {"sites": ["other"]},
        {"cases": [{"id": "x", "kind": "x", "first": 0, "last": 10**6, "score": 1, "sentence": "", "instances": []}]},
        {"cases": [{"id": "x", "kind": "x", "first": 0, "last": 1, "score": float("nan"), "sentence": "", "instances": []}]},
    ],
)  # fmt: skip
def test_damage_stays_with_its_episode(runs: Path, changes: dict[str, object]) -> None:
    changed(findings(runs, "a"), **changes)
    (runs / "one" / "episodes" / "b" / "episode.json").write_text("[" * 100_000)
    found = lines(runs)
    assert [found[name].state for name in "abc"] == ["damaged", "damaged", "found"]
    assert "findings" in found["a"].problem
    content = json.loads(Library(RunIndex([runs])).as_json(60))
    assert [line["episode"] for line in content["lines"]] == ["c", "a", "b"]


def test_a_damaged_run_is_named_and_the_others_stand(runs: Path) -> None:
    (runs / "two").mkdir()
    (runs / "two" / "run.json").write_text("{")
    listing = Library(RunIndex([runs])).listing(60)
    assert len(listing.lines) == 3
    assert "two" in listing.problems[0]


def test_only_what_changed_is_read_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    true = library.read_line
    monkeypatch.setattr(library, "read_line", lambda *given: read.append(given[2]) or true(*given))
    kept = Library(RunIndex([runs]))
    before = kept.listing(60)
    assert kept.listing(60) is before
    assert sorted(read) == ["a", "b", "c"]
    EpisodeReviews(runs / "one", "b").save([(Review("r", "case-0", "me", verdict="real"), 0)])
    assert kept.line("one", "b") is not None
    after = kept.listing(60)
    assert read[3:] == ["b"]
    assert after.revision == before.revision + 1
    assert {line.episode: line.verdicts for line in after.lines} == {"a": (), "b": ("real",), "c": ()}


def test_no_longer_than_one_waits_and_then_on(runs: Path) -> None:
    kept = Library(RunIndex([runs]))
    assert (len(kept.listing(0).lines), kept.listing(0).unread) == (0, 3)
    assert (len(kept.listing(60).lines), kept.listing(60).unread) == (3, 0)


def test_the_next_server_reads_nothing_again(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Library(RunIndex([runs]), tmp_path / "cache").listing(60)
    monkeypatch.setattr(library, "read_line", lambda *given: pytest.fail(f"{given[2]} is read again"))
    assert Library(RunIndex([runs]), tmp_path / "cache").listing(60).lines == first.lines


@pytest.mark.parametrize("content", ["{", '{"version": 1, "lines": [[1]]}', '{"version": 1, "lines": [[[], {}]]}'])
def test_a_damaged_cache_is_as_good_as_none(runs: Path, tmp_path: Path, content: str) -> None:
    first = Library(RunIndex([runs]), tmp_path / "cache").listing(60)
    for path in (tmp_path / "cache" / "library").iterdir():
        path.write_text(content)
    assert Library(RunIndex([runs]), tmp_path / "cache").listing(60).lines == first.lines


def test_a_small_picture_of_a_frame(runs: Path) -> None:
    import cv2

    run = RunFolder.open(runs / "one")
    picture = cv2.imdecode(np.frombuffer(preview_thumbnail(run, "a", 10), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[0] == HEIGHT
    with pytest.raises(RunUnreadable, match="no frame 99"):
        preview_thumbnail(run, "a", 99)
    preview = run.preview("a")
    preview.rename(runs.parent / "elsewhere.mp4")
    preview.symlink_to(runs.parent / "elsewhere.mp4")
    with pytest.raises(RunUnreadable, match="link"):
        preview_thumbnail(run, "a", 10)
