"""Objects that a person pointed at, from a JSON file.

    {"objects": [{"name": "bowl", "camera": "agentview", "frame": 12,
                  "points": [[118, 96]], "background": [[90, 120]], "box": [100, 80, 40, 30]}]}

Places are pixels of the recording, (x, y) and (left, top, width, height); `frame` is a frame of the recording. `points` or
`box` is needed; `camera` only where the run has several.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.findings import AnalysedEpisode
from analyzer.instances.clicked import Click, clicked
from analyzer.instances.instances import Instances
from analyzer.instances.overlaid import overlaid
from analyzer.settings import Settings
from foundation.errors import BadInput, did_you_mean, quoted

_FIELDS = ("name", "camera", "frame", "points", "background", "box")


class PointedObjects:
    """What a file names, laid over the instances of an episode."""

    def __init__(self, path: Path, settings: Settings) -> None:
        """Read the file.

        Raises:
            BadInput: missing, not JSON, or of another form than above.
        """
        self._path, self._settings = path, settings
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput(f"{path}: cannot be read ({error.strerror}).") from error
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path}: not JSON ({error}).") from error
        objects = stored.get("objects") if isinstance(stored, dict) else None
        if not isinstance(objects, list) or not objects or not all(isinstance(one, dict) for one in objects):
            raise BadInput(
                f'{path}: a file of objects is {{"objects": [{{"name": …, "frame": …, "points": [[x, y]]}}]}}.'
            )
        self._objects: list[dict[str, Any]] = objects
        for one in objects:
            for name in one:
                if name not in _FIELDS:
                    raise BadInput(f"{path}: an object has no {quoted(name)}.{did_you_mean(name, _FIELDS)}")

    def __call__(self, episode: AnalysedEpisode, found: Instances) -> Instances:
        """The objects, followed through the episode, on top of what was found.

        Raises:
            BadInput: a camera, a frame or a place that is not there.
        """
        cameras = [camera.name for camera in episode.record.cameras]
        clicks: dict[str, list[Click]] = {}
        for one in self._objects:
            camera = one.get("camera", cameras[0] if len(cameras) == 1 else None)
            if camera not in cameras:
                raise BadInput(
                    f"{self._path}: there is no camera {quoted(camera)}.{did_you_mean(str(camera), cameras)}"
                )
            clicks.setdefault(camera, []).append(self._click(one, episode))
        for camera, pointed in clicks.items():
            found = overlaid(found, clicked(episode.view(camera), pointed, self._settings), self._settings.palette)
        return found

    def _click(self, one: dict[str, Any], episode: AnalysedEpisode) -> Click:
        try:
            frames = np.array(episode.record.frames)
            frame = int(one["frame"])
            if not 0 <= frame < episode.record.frame_count:
                raise ValueError(f"frame {frame} of {episode.record.frame_count}")
            box = one.get("box")
            left, top, width, height = map(float, box) if box is not None else (0.0,) * 4
            return Click(
                name=str(one["name"]),
                frame=int(np.abs(frames - frame).argmin()),
                points=tuple((float(x), float(y)) for x, y in one.get("points", ())),
                background=tuple((float(x), float(y)) for x, y in one.get("background", ())),
                box=None if box is None else (left, top, width, height),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"{self._path}: object {quoted(one.get('name'))} is not understood ({type(error).__name__}: {error}). It "
                "needs a name, a frame, and points [[x, y], …] or a box [left, top, width, height]."
            ) from error
