"""Objects that people point at: in lanes, pairs and cases of every analysis, until they are taken away again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_policy import FakePolicy, install
from takes import quick
from test_findings import HOSTILE, PLACES, analysed, episode, opened

from analyzer import assessment, recordings
from analyzer.assessment import assess_run
from analyzer.pipeline import run as analyse
from analyzer.pointing import EpisodeObjects, PointedObject
from analyzer.run_folder import RunFolder

BLOCK = PLACES[1]
PATCHES = tuple((row, column) for row in range(*BLOCK[:2]) for column in range(*BLOCK[2:]))


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> FakePolicy:
    return install(monkeypatch, FakePolicy())


def point(run: RunFolder, name: str, id_: str) -> EpisodeObjects:
    objects = EpisodeObjects(run.path, "take")
    grid = run.site("take", run.site_names[0]).grid
    objects.save([PointedObject(name, 2, patches=PATCHES, grid=grid, id=id_)])
    return objects


def test_they_are_followed_compared_renamed_and_removed(tmp_path: Path, policy: FakePolicy) -> None:
    run = analysed(episode(tmp_path / "take"), tmp_path / "out")
    plain = opened(run).findings
    assert plain.objects == 0
    objects = point(run, HOSTILE, "mine")
    assess_run(run, ["take"], cache=tmp_path / "cache")
    told = opened(run).findings
    (mine,) = (one for one in told.instances if one.pointed == "mine")
    assert (mine.name, mine.origin, told.objects) == (HOSTILE, "clicked", 1)
    assert all(mine.area), "followed to both ends"
    assert "red" not in {one.name for one in told.instances}, "what was found there gives way"
    assert any(mine.id in (pair.a, pair.b) for pair in told.pairs)
    assert any(mine.id in case.instances and HOSTILE in case.sentence for case in told.cases)
    # Analysing the recording again keeps it, and so does another name.
    objects.save([replace(objects.current()[0], name="bowl", session="later")])
    run.manifest.done = []
    run.write_manifest()
    wanted = quick(instances="masks", event_min_s=0.2)
    found = recordings.find([tmp_path / "take"])
    again = opened(analyse(found, wanted, run.path, cache=tmp_path / "cache", resume=True)).findings
    assert [(one.id, one.name) for one in again.instances if one.pointed] == [(mine.id, "bowl")]
    assert again.objects == 2
    run = RunFolder.open(run.path)
    objects.save([replace(objects.current()[0], removed=True, session="last")])
    assess_run(run, ["take"], cache=tmp_path / "cache")
    assert opened(run).findings == replace(plain, objects=3)


def test_what_is_pointed_at_meanwhile_is_followed_too(
    tmp_path: Path, policy: FakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = analysed(episode(tmp_path / "take"), tmp_path / "out")
    point(run, "first", "a")
    once = assessment.assess_again
    rounds = []

    def while_working(*given: object, **more: object) -> object:
        found = once(*given, **more)  # type: ignore[arg-type]
        rounds.append(found.objects)
        if len(rounds) == 1:
            point(run, "second", "b")
        return found

    monkeypatch.setattr(assessment, "assess_again", while_working)
    assess_run(run, ["take"], cache=tmp_path / "cache")
    assert rounds == [1, 2]
    assert {one.pointed for one in opened(run).findings.instances} >= {"b"}


def test_one_that_cannot_be_followed_is_told_and_holds_nothing_up(tmp_path: Path, policy: FakePolicy) -> None:
    run = analysed(episode(tmp_path / "take"), tmp_path / "out")
    EpisodeObjects(run.path, "take").save([PointedObject("gone", 999, points=((1.0, 1.0),), id="x")])
    assess_run(run, ["take"], cache=tmp_path / "cache")
    told = opened(run).findings
    assert told.objects == 1
    assert any("gone was not followed" in text for text in told.not_assessed)
