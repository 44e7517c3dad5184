"""A file of objects that a person pointed at: read strictly, laid over what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyzer.findings import AnalysedEpisode
from analyzer.instances.clicked import Click
from analyzer.instances.instances import Instances
from analyzer.pointed_objects import PointedObjects
from analyzer.run_folder import CameraRecord, EpisodeRecord
from analyzer.settings import Settings
from foundation.errors import BadInput

IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
CAMERA = CameraRecord("front", 64, 48, IDENTITY, (48, 64), (0, 0, 64, 48))
RECORD = EpisodeRecord(
    id="take",
    source="/take.mp4",
    format="video",
    locator="",
    fingerprints=("abc",),
    cameras=(CAMERA,),
    frames=(0, 3, 6),
    times_s=(0.0, 0.1, 0.2),
    frame_count=8,
    duration_s=0.3,
)


def pointed(folder: Path, *objects: dict[str, Any]) -> PointedObjects:
    path = folder / "objects.json"
    path.write_text(json.dumps({"objects": list(objects)}))
    return PointedObjects(path, Settings())


def episode() -> AnalysedEpisode:
    return AnalysedEpisode(
        RECORD, (), {}, lambda camera, positions: (np.zeros((48, 64, 3), np.uint8) for _ in positions)
    )


def test_places_and_the_nearest_analysed_frame_are_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, list[Click]]] = []
    monkeypatch.setattr(AnalysedEpisode, "view", lambda self, camera: camera)
    monkeypatch.setattr(
        "analyzer.pointed_objects.clicked", lambda view, clicks, settings: told.append((view, clicks)) or Instances()
    )
    monkeypatch.setattr("analyzer.pointed_objects.overlaid", lambda below, above, palette: below)
    pointed(
        tmp_path,
        {"name": "<b>bowl</b>", "frame": 4, "points": [[3, 4]], "background": [[9, 9]]},
        {"name": "plate", "camera": "front", "frame": 7, "box": [1, 2, 10, 20]},
    )(episode(), Instances())
    bowl = Click("<b>bowl</b>", 1, ((3.0, 4.0),), ((9.0, 9.0),))
    plate = Click("plate", 2, box=(1.0, 2.0, 10.0, 20.0))
    assert told == [("front", [bowl, plate])]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "a file of objects is"),
        ('{"objects": []}', "a file of objects is"),
        ('{"objects": [1]}', "a file of objects is"),
        ('{"objects": [{"nam": "x"}]}', "Did you mean 'name'"),
    ],
)
def test_what_is_no_file_of_objects_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "objects.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=words):
        PointedObjects(path, Settings())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.json: cannot be read"):
        PointedObjects(tmp_path / "none.json", Settings())


@pytest.mark.parametrize(
    ("one", "words"),
    [
        ({"name": "x", "camera": "wrist", "frame": 0, "points": [[1, 1]]}, "no camera 'wrist'"),
        ({"name": "x", "frame": 8, "points": [[1, 1]]}, "frame 8 of 8"),
        ({"frame": 0, "points": [[1, 1]]}, "KeyError"),
        ({"name": "x", "frame": 0, "points": [[1]]}, "needs a name"),
        ({"name": "x", "frame": 0, "box": [1, 2]}, "needs a name"),
        ({"name": "x", "frame": "soon", "points": [[1, 1]]}, "ValueError"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, one: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        pointed(tmp_path, one)(episode(), Instances())
