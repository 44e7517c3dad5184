"""The run as a Rerun recording (.rrd): cameras, what each site makes of them, instances, actions, confusion and cases.

    <episode>/preview                          the video of all cameras, one reference a frame
    <episode>/sites/<site>/<camera>/colors     a pixel a patch · …/segments  with the run's palette
    <episode>/instances/<camera>               who is where, with names and colours
    <episode>/actions/<kind>/<name>            one value a control step
    <episode>/confusion/<a> and <b>/<site>     of a pair in the eigenspace
    <episode>/cases                            a line where each begins

Everything is on two timelines: "time" (seconds from the first frame) and "frame" (of the recording). No clock goes in.
Rerun is optional: it is asked for only here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.exports.exporter import ExportRequest
from analyzer.findings_folder import FindingsFolder
from analyzer.player.labels import instance_labels
from analyzer.player.manifest import frame_times, step_times
from analyzer.progress import Progress
from analyzer.run_folder import ACTION_KINDS, EpisodeRecord, RunFolder
from foundation.errors import BadInput
from foundation.names import printable

INSTALL = "pip install -r requirements-extra.txt"


def problem(request: ExportRequest) -> str | None:
    if importlib.util.find_spec("rerun") is None:
        return f"Rerun is not installed here. It is optional: {INSTALL}"
    return None


def write(request: ExportRequest, path: Path, progress: Progress) -> None:
    """All finished episodes of the run."""
    missing = problem(request)
    if missing is not None:
        raise BadInput(missing)
    import rerun as rr

    run = request.run
    # Named after what is in it: equal runs are one recording to the viewer.
    named = hashlib.blake2b(repr((run.manifest.policy, run.manifest.done)).encode(), digest_size=8).hexdigest()
    stream = rr.RecordingStream(
        f"trajectory-lens {printable(run.path.name)}", recording_id=named, send_properties=False
    )
    stream.set_log_time_enabled(False)
    stream.set_log_tick_enabled(False)
    stream.save(path)
    try:
        progress.stage("writing", len(run.manifest.done), "episode")
        for episode in run.manifest.done:
            _Episode(rr, stream, run, run.episode(episode)).write()
            progress.advance(1)
        stream.flush()
    finally:
        stream.disconnect()


class _Episode:
    """Writes one episode into an open stream."""

    def __init__(self, rr: Any, stream: Any, run: RunFolder, record: EpisodeRecord) -> None:
        self.rr, self.stream, self.run, self.record = rr, stream, run, record

    def write(self) -> None:
        self._preview()
        for site in self.run.site_names:
            self._site(site)
        self._actions()
        folder = self.run.episode_folder(self.record.id)
        if FindingsFolder.exists(folder):
            self._findings(FindingsFolder.open(folder))

    def _path(self, *parts: str) -> str:
        """Parts may be any text: Rerun escapes what its paths do not hold."""
        return str(self.rr.new_entity_path([printable(part) for part in (self.record.id, *parts)]))

    def _at(self, frames: list[int], times: list[float]) -> list[Any]:
        return [self.rr.TimeColumn("time", duration=times), self.rr.TimeColumn("frame", sequence=frames)]

    def _now(self, frame: int, time: float) -> None:
        self.stream.set_time("time", duration=time)
        self.stream.set_time("frame", sequence=frame)

    def _static(self, path: str, value: Any) -> None:
        self.stream.log(path, value, static=True)

    def _preview(self) -> None:
        preview = self.run.preview(self.record.id)
        if not preview.is_file():
            return
        times, _ = frame_times(self.run, self.record)
        video = self.rr.AssetVideo(path=preview)
        stamps = video.read_frame_timestamps_nanos()
        self._static(self._path("preview"), video)
        count = min(len(stamps), len(times))
        self.stream.send_columns(
            self._path("preview"),
            indexes=self._at(list(range(count)), times[:count].tolist()),
            columns=self.rr.VideoFrameReference.columns_nanos(stamps[:count]),
        )

    def _site(self, site: str) -> None:
        palette = self.run.site(self.record.id, site).palette
        classes = [(number, f"segment {number}", color) for number, color in enumerate(palette)]
        for camera in self.record.cameras:
            self._static(self._path("sites", site, camera.name, "segments"), self.rr.AnnotationContext(classes))
        with (
            self.run.array(self.record.id, site, "colors") as colors,
            self.run.array(self.record.id, site, "segments") as segments,
        ):
            for at, (frame, time) in enumerate(zip(self.record.frames, self.record.times_s, strict=True)):
                self._now(frame, time)
                painted, ids = colors.read(at, at + 1)[0], segments.read(at, at + 1)[0]
                for number, camera in enumerate(self.record.cameras):
                    path = ("sites", site, camera.name)
                    self.stream.log(self._path(*path, "colors"), self.rr.Image(np.ascontiguousarray(painted[number])))
                    self.stream.log(
                        self._path(*path, "segments"), self.rr.SegmentationImage(np.ascontiguousarray(ids[number]))
                    )

    def _actions(self) -> None:
        for kind in ACTION_KINDS:
            values = self.run.actions(self.record.id, kind)
            space = self.record.action_space if kind == "recorded" else self.record.predicted_space
            if values is None or space is None:
                continue
            times = step_times(self.record, len(values))
            frames = np.interp(times, self.record.times_s, self.record.frames).round().astype(int)
            for index, name in enumerate(space.names):
                known = ~np.isnan(values[:, index])
                self.stream.send_columns(
                    self._path("actions", kind, name),
                    indexes=self._at(frames[known].tolist(), times[known].tolist()),
                    columns=self.rr.Scalars.columns(scalars=values[known, index]),
                )

    def _findings(self, folder: FindingsFolder) -> None:
        record, findings = self.record, folder.findings
        names = {one.id: one.name for one in findings.instances}
        classes = [(0, "", (0, 0, 0, 0)), *((one.id, printable(one.name), one.color) for one in findings.instances)]
        labels = np.load(io.BytesIO(instance_labels(self.run, record.id)))
        for number, camera in enumerate(record.cameras):
            path = self._path("instances", camera.name)
            self._static(path, self.rr.AnnotationContext(classes))
            for at, (frame, time) in enumerate(zip(record.frames, record.times_s, strict=True)):
                self._now(frame, time)
                self.stream.log(path, self.rr.SegmentationImage(labels[at, number]))
        values = folder.confusion()[..., 0]
        for p, pair in enumerate(findings.pairs):
            for s, site in enumerate(findings.sites):
                known = np.flatnonzero(~np.isnan(values[p, s]))
                if not len(known):
                    continue
                self.stream.send_columns(
                    self._path("confusion", f"{names[pair.a]} ({pair.a}) and {names[pair.b]} ({pair.b})", site),
                    indexes=self._at([record.frames[at] for at in known], [record.times_s[at] for at in known]),
                    columns=self.rr.Scalars.columns(scalars=values[p, s, known].astype(np.float64)),
                )
        for case in findings.cases:
            self._now(record.frames[case.first], record.times_s[case.first])
            self.stream.log(self._path("cases"), self.rr.TextLog(printable(case.sentence), level="WARN"))
