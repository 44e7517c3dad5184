"""Objects that a person pointed at, laid over the instances of an episode: out of a file, and out of the run itself.

    {"objects": [{"name": "bowl", "camera": "agentview", "frame": 12,
                  "points": [[118, 96]], "background": [[90, 120]], "box": [100, 80, 40, 30]}]}

Places are pixels of the recording, (x, y) and (left, top, width, height); `frame` is a frame of the recording. `points` or
`box` is needed, or `patches` as `analyzer.pointing` describes them; `camera` only where the run has several.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analyzer.findings import AnalysedEpisode
from analyzer.instances.clicked import Click, check, clicked
from analyzer.instances.instances import Instances
from analyzer.instances.overlaid import overlaid
from analyzer.pointing import EpisodeObjects, PointedObject
from analyzer.settings import Settings
from foundation.errors import BadInput, did_you_mean, quoted

_FIELDS = ("name", "camera", "frame", "points", "background", "box", "patches", "grid")


def read_objects(path: Path) -> tuple[PointedObject, ...]:
    """What a file names.

    Raises:
        BadInput: missing, not JSON, or of another form than above.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error}).") from error
    objects = stored.get("objects") if isinstance(stored, dict) else None
    if not isinstance(objects, list) or not objects or not all(isinstance(one, dict) for one in objects):
        raise BadInput(f'{path}: a file of objects is {{"objects": [{{"name": …, "frame": …, "points": [[x, y]]}}]}}.')
    for one in objects:
        for name in one:
            if name not in _FIELDS:
                raise BadInput(f"{path}: an object has no {quoted(name)}.{did_you_mean(name, _FIELDS)}")
    try:
        return tuple(PointedObject.of(one) for one in objects)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


class PointedObjects:
    """What is pointed at in one episode."""

    def __init__(self, given: Sequence[PointedObject], settings: Settings, kept: EpisodeObjects | None = None) -> None:
        """
        Args:
            given: followed, or else refused.
            kept: of the run: what cannot be followed is told, and the others are.
        """
        self._settings = settings
        self.version = 0 if kept is None else kept.version
        """Of `kept`, asked before it was read."""
        self._objects = [*(kept.current() if kept is not None else ()), *given]
        self._strict = {id(one) for one in given}

    def __call__(self, episode: AnalysedEpisode, found: Instances) -> Instances:
        """The objects, followed through the episode, on top of what was found.

        Raises:
            BadInput: a camera, a frame or a place that is not there.
        """
        chosen: dict[str, list[tuple[PointedObject, Click]]] = {}
        lost: list[str] = []
        for one in self._objects:
            try:
                camera, click = self._click(one, episode)
            except BadInput as error:
                if id(one) in self._strict:
                    raise
                lost.append(f"{one.name} was not followed: {error}")
                continue
            chosen.setdefault(camera, []).append((one, click))
        start = max((one.id for one in found.instances), default=0)
        for camera, pairs in chosen.items():
            above = clicked(episode.view(camera), [click for _, click in pairs], self._settings)
            # Ids that stay when others come and go: the cases that people have judged are named after them.
            ids = self._ids([one for one, _ in pairs], start)
            marked = [
                replace(instance, pointed=one.id) for instance, (one, _) in zip(above.instances, pairs, strict=True)
            ]
            found = overlaid(found, replace(above, instances=tuple(marked)), self._settings.palette, ids=ids)
        return replace(found, not_assessed=(*found.not_assessed, *lost))

    def _ids(self, objects: Sequence[PointedObject], start: int) -> list[int]:
        kept = max((one.number for one in self._objects), default=0)
        loose = [one for one in self._objects if not one.number]
        return [start + (one.number or kept + 1 + next(i for i, o in enumerate(loose) if o is one)) for one in objects]

    @staticmethod
    def _click(one: PointedObject, episode: AnalysedEpisode) -> tuple[str, Click]:
        record = episode.record
        cameras = [camera.name for camera in record.cameras]
        camera = cameras[0] if one.camera is None and len(cameras) == 1 else one.camera
        if camera not in cameras:
            raise BadInput(
                f"{quoted(one.name)}: there is no camera {quoted(camera)}.{did_you_mean(str(camera), cameras)}"
            )
        if not 0 <= one.frame < record.frame_count:
            raise BadInput(f"{quoted(one.name)} is in frame {one.frame} of {record.frame_count}, counted from 0.")
        click = Click(
            name=one.name,
            frame=int(np.abs(np.array(record.frames) - one.frame).argmin()),
            points=one.points,
            background=one.background,
            box=one.box,
            patches=one.patches,
            grid=one.grid,
        )
        check(episode.view(camera), click)
        return camera, click
