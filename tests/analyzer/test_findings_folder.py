"""Findings on disk: what was written is read, whole or not at all, and damage is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import made_findings
import numpy as np
import pytest
from PIL import Image

from analyzer.dependence.record import Approach, Dependence, Effect, InstanceDependence
from analyzer.findings_folder import FOLDER, FindingsFolder, write_findings
from analyzer.run_folder import RunFolder
from foundation.errors import RunUnreadable

DEPENDENCE = Dependence(
    instances=(
        InstanceDependence(
            made_findings.BOWL,
            "acts on it",
            frames=(0, 2),
            controls=6,
            effects=(
                Effect("translation", "cm per step", 3.1, None, 0.2, 0.1, 0.01),
                Effect("dx", "cm", 3, -3, 0, 0, 1),
            ),
        ),
        InstanceDependence(made_findings.CUP, "not assessed", reason="Too small."),
    ),
    approaches=(Approach("agentview", ((1.0, 2.0), None, (3.0, 4.0), None), (1, 0, 1, 0), (2.0, None, 1.0, None)),),
)


def opened(run: RunFolder) -> FindingsFolder:
    return FindingsFolder.open(run.episode_folder("take"))


def test_what_was_written_is_read(tiny_run: RunFolder) -> None:
    made = made_findings.findings(dependence=DEPENDENCE, attribution_site="vision.3")
    given = made_findings.arrays(made)
    write_findings(tiny_run.episode_folder("take") / FOLDER, made, given)
    folder = opened(tiny_run)
    assert folder.findings == made
    assert np.array_equal(folder.confusion(), given.confusion)
    masks = folder.masks("agentview")
    assert masks is not None
    assert [np.array_equal(masks[t], given.maps["agentview"][t]) for t in range(4)] == [True] * 4
    thumbnail = np.asarray(Image.open(folder.thumbnail(made_findings.PLATE)))
    assert np.array_equal(thumbnail, given.thumbnails[made_findings.PLATE])


def test_nobody_looked(tiny_run: RunFolder) -> None:
    assert not FindingsFolder.exists(tiny_run.episode_folder("take"))
    with pytest.raises(RunUnreadable, match="no findings"):
        opened(tiny_run)


def test_nothing_found(tiny_run: RunFolder) -> None:
    empty = made_findings.findings(instances=(), pairs=(), events=(), cases=(), not_assessed=("No object was found.",))
    made_findings.give(tiny_run, empty)
    folder = opened(tiny_run)
    assert folder.findings == empty
    assert folder.masks("agentview") is None
    assert folder.confusion().shape == (0, 2, 4, 3)


def test_equal_findings_give_equal_files_and_replace_what_was_there(tiny_run: RunFolder) -> None:
    home = tiny_run.episode_folder("take") / FOLDER

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    made_findings.give(tiny_run)
    before = files()
    (home / "instances" / "99.png").write_bytes(b"of other findings")
    made_findings.give(tiny_run)
    assert files() == before
    assert not list(tiny_run.episode_folder("take").glob(".*"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 1}, "another version"),
        ({"cases": [{"id": "x"}]}, "Case lacks"),
        ({"pairs": [{"a": 2, "b": 1, "sites": [], "pixels": None, "verdict": "apart", "onset": None}]}, "lower id"),
        ({"not_assessed": "all of it"}, "not a list"),
        ({"sites": ["vision.3"]}, "same sites"),
        ({"instances": []}, "no instance"),
        ({"surprise": 1}, "surprise"),
        ({"attribution_site": 7}, "attribution_site"),
    ],
)
def test_damage_is_one_sentence(tiny_run: RunFolder, change: dict[str, object], told: str) -> None:
    made_findings.give(tiny_run)
    path = tiny_run.episode_folder("take") / FOLDER / "findings.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunUnreadable, match=told):
        opened(tiny_run)


def test_arrays_that_do_not_fit_are_refused(tiny_run: RunFolder) -> None:
    made = made_findings.give(tiny_run)
    home = tiny_run.episode_folder("take") / FOLDER
    (home / "masks.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(RunUnreadable, match="damaged"):
        opened(tiny_run).masks("agentview")
    with pytest.raises(RunUnreadable, match=r"confusion\.npy"):
        FindingsFolder(home, replace(made, pairs=made.pairs[:1])).confusion()
    with pytest.raises(ValueError, match="fit"):
        write_findings(home, made, replace(made_findings.arrays(made), confusion=np.zeros((1, 2, 4, 3))))
    assert opened(tiny_run).findings == made
