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
from analyzer.findings_folder import (
    findings_path,
    read_confusion,
    read_findings,
    read_masks,
    thumbnail_path,
    write_findings,
)
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


def test_what_was_written_is_read(tiny_run: RunFolder) -> None:
    made = made_findings.findings(dependence=DEPENDENCE, attribution_site="vision.3")
    given = made_findings.arrays(made)
    write_findings(tiny_run, "take", made, given)
    assert read_findings(tiny_run, "take") == made
    assert np.array_equal(read_confusion(tiny_run, "take", made), given.confusion)
    masks = read_masks(tiny_run, "take")
    assert [np.array_equal(masks["agentview"][t], given.masks["agentview"][t]) for t in range(4)] == [True] * 4
    thumbnail = np.asarray(Image.open(thumbnail_path(tiny_run, "take", made_findings.PLATE)))
    assert np.array_equal(thumbnail, given.thumbnails[made_findings.PLATE])


def test_nobody_looked(tiny_run: RunFolder) -> None:
    assert read_findings(tiny_run, "take") is None


def test_nothing_found(tiny_run: RunFolder) -> None:
    empty = made_findings.findings(instances=(), pairs=(), events=(), cases=(), not_assessed=("No object was found.",))
    made_findings.give(tiny_run, empty)
    assert read_findings(tiny_run, "take") == empty
    assert read_masks(tiny_run, "take") == {}
    assert read_confusion(tiny_run, "take", empty).shape == (0, 2, 4, 3)


def test_equal_findings_give_equal_files_and_replace_what_was_there(tiny_run: RunFolder) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in findings_path(tiny_run, "take").rglob("*") if path.is_file()}

    made_findings.give(tiny_run)
    before = files()
    stray = findings_path(tiny_run, "take") / "instances" / "99.png"
    stray.write_bytes(b"of other findings")
    made_findings.give(tiny_run)
    assert files() == before
    assert not list(tiny_run.episode_folder("take").glob(".*"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 2}, "another version"),
        ({"cases": [{"id": "x"}]}, "Case lacks"),
        ({"pairs": [{"a": 2, "b": 1, "sites": [], "pixels": None, "verdict": "apart", "onset": None}]}, "lower id"),
        ({"not_assessed": "all of it"}, "not a list"),
        ({"sites": ["vision.3"]}, "other instances or sites"),
        ({"instances": []}, "another episode"),
        ({"surprise": 1}, "surprise"),
        ({"attribution_site": 7}, "attribution_site"),
    ],
)
def test_damage_is_one_sentence(tiny_run: RunFolder, change: dict[str, object], told: str) -> None:
    made_findings.give(tiny_run)
    path = findings_path(tiny_run, "take") / "findings.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunUnreadable, match=told):
        read_findings(tiny_run, "take")


def test_arrays_that_do_not_fit_are_refused(tiny_run: RunFolder) -> None:
    made = made_findings.give(tiny_run)
    (findings_path(tiny_run, "take") / "masks.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(RunUnreadable, match="damaged"):
        read_masks(tiny_run, "take")
    with pytest.raises(RunUnreadable, match=r"confusion\.npy"):
        read_confusion(tiny_run, "take", replace(made, pairs=made.pairs[:1]))
    with pytest.raises(ValueError, match="shape"):
        write_findings(tiny_run, "take", made, replace(made_findings.arrays(made), confusion=np.zeros((1, 2, 4, 3))))
    assert read_findings(tiny_run, "take") == made
