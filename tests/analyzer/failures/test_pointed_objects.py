"""A file of objects that a person pointed at: read strictly, laid over what was found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyzer.findings import AnalysedEpisode
from analyzer.instances.clicked import Click
from analyzer.instances.instance import Instance
from analyzer.instances.instances import Instances
from analyzer.instances.label_maps import LabelMaps
from analyzer.instances.view import SiteView, View
from analyzer.pointed_objects import PointedObjects, read_objects
from analyzer.pointing import EpisodeObjects, PointedObject
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
    return PointedObjects(read_objects(path), Settings())


def episode() -> AnalysedEpisode:
    return AnalysedEpisode(
        RECORD, (), {}, lambda camera, positions: (np.zeros((48, 64, 3), np.uint8) for _ in positions)
    )


def followed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Click]]]:
    """Clicks are taken for followed, each over the whole picture; what was asked for, by camera."""
    told: list[tuple[str, list[Click]]] = []

    def clicked(view: View, clicks: list[Click], settings: Settings) -> Instances:
        told.append((view.camera.name, clicks))
        labels = np.zeros((48, 64), np.uint8)
        for number in range(1, len(clicks) + 1):
            labels[number] = number
        instances = tuple(
            Instance(number, click.name, view.camera.name, (0, 0, 0), "clicked", "object", (64,) * 3, 0)
            for number, click in enumerate(clicks, start=1)
        )
        return Instances(instances, {view.camera.name: LabelMaps.compress([labels] * 3)})

    site = SiteView("vision.3", (4, 4), lambda start, stop: np.zeros((stop - start, 4, 4, 3)))
    monkeypatch.setattr(AnalysedEpisode, "view", lambda self, camera: View(CAMERA, 3, lambda start, stop: (), (site,)))
    monkeypatch.setattr("analyzer.pointed_objects.clicked", clicked)
    return told


NOBODY = Instances((), {"front": LabelMaps.compress([np.zeros((48, 64), np.uint8)] * 3)})


def test_places_and_the_nearest_analysed_frame_are_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = followed(monkeypatch)
    pointed(
        tmp_path,
        {"name": "<b>bowl</b>", "frame": 4, "points": [[3, 4]], "background": [[9, 9]]},
        {"name": "plate", "camera": "front", "frame": 7, "box": [1, 2, 10, 20]},
        {"name": "cup", "frame": 0, "patches": [[1, 2], [1, 3]], "grid": [4, 4]},
    )(episode(), NOBODY)
    bowl = Click("<b>bowl</b>", 1, ((3.0, 4.0),), ((9.0, 9.0),))
    plate = Click("plate", 2, box=(1.0, 2.0, 10.0, 20.0))
    cup = Click("cup", 0, patches=((1, 2), (1, 3)), grid=(4, 4))
    assert told == [("front", [bowl, plate, cup])]


def kept(folder: Path, *names: str, frame: int = 0) -> EpisodeObjects:
    objects = EpisodeObjects(folder, "take")
    objects.save([PointedObject(name, frame, points=((3.0, 4.0),), id=name) for name in names])
    return objects


def test_objects_of_the_run_keep_their_ids_when_others_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed(monkeypatch)
    objects = kept(tmp_path, "a", "b", "c")
    first = PointedObjects((), Settings(), objects)(episode(), NOBODY)
    assert [(one.id, one.name, one.pointed) for one in first.instances] == [(1, "a", "a"), (2, "b", "b"), (3, "c", "c")]
    (a, _, c) = objects.current()
    objects.save([replace(a, removed=True, session="x"), replace(c, name="cup", session="x")])
    given = PointedObject("more", 0, points=((1.0, 1.0),))
    again = PointedObjects((given,), Settings(), objects)
    assert [(one.id, one.name) for one in again(episode(), NOBODY).instances] == [(2, "b"), (3, "cup"), (4, "more")]
    assert again.version == objects.version == 5


def test_an_object_of_the_run_that_cannot_be_followed_is_told_and_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(monkeypatch)
    kept(tmp_path, "lost", frame=99)
    found = PointedObjects((), Settings(), kept(tmp_path, "found"))(episode(), NOBODY)
    assert [one.name for one in found.instances] == ["found"]
    assert "lost was not followed" in found.not_assessed[0]
    assert "frame 99 of 8" in found.not_assessed[0]


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
        read_objects(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.json: cannot be read"):
        read_objects(tmp_path / "none.json")


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
