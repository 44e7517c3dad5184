"""The findings of one episode: who is confused with whom, where in the network and when, and what to look at first.

Everything is read off an analysed episode's own files, so findings can be made again for a finished run, with other
instances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from analyzer.confusion.along_sites import ConfusionAlongSites, PairsOfCamera, Stretch
from analyzer.confusion.pair import PairTrace, SiteConfusion
from analyzer.confusion.traces import verdict
from analyzer.dependence.record import Dependence
from analyzer.failures import events as found_events
from analyzer.failures.case import Event
from analyzer.failures.cases import Telling, make_cases
from analyzer.failures.events import Motion
from analyzer.failures.hand import tip_of_arm
from analyzer.failures.reach import Reach
from analyzer.features import SiteFeatures
from analyzer.findings_folder import Findings, FindingsArrays
from analyzer.instances.instance import Instance
from analyzer.instances.instances import Instances
from analyzer.instances.view import SiteView, View, middle_sites
from analyzer.npy import NpyFile
from analyzer.progress import Progress, Silent
from analyzer.run_folder import FIGURE, CameraRecord, EpisodeRecord, SiteRecord
from analyzer.settings import Settings
from analyzer.site_coordinates import site_coordinates
from foundation.errors import quoted

MOST_OBJECTS = 12
"""Of one camera that are compared with each other: 66 pairs."""

Ask = Callable[[Sequence[int]], tuple[Dependence, np.ndarray | None]]
"""Frames (positions, the most important first) at which something happened -> what the action depends on there, and
attribution as `findings_folder` describes it."""


@dataclass(frozen=True, eq=False)
class AnalysedEpisode:
    """What an analysis left of one episode, open for reading."""

    record: EpisodeRecord
    sites: tuple[SiteRecord, ...]
    """In order of depth."""
    folders: Mapping[str, Path]
    """Of each site."""
    pictures: Callable[[str, Sequence[int]], Iterable[np.ndarray]]
    """A camera and positions among the analysed frames, rising -> its (height, width, 3) uint8 pictures."""
    features: Mapping[str, SiteFeatures] = field(default_factory=dict)
    """Of the sites whose raw features are still there."""
    recorded: np.ndarray | None = None
    """(steps, D) actions."""
    difference: np.ndarray | None = None
    """(steps, D) predicted - recorded."""
    uncertainty: np.ndarray | None = None
    """(steps, D) bits."""
    hand: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Of the cameras in which the recording tells it: (T, 2) pixel (x, y) of the hand; NaN: behind the camera."""

    @property
    def motion(self) -> Motion:
        record = self.record
        return Motion(
            steps=np.array(record.frames if record.frame_steps is None else record.frame_steps),
            times_s=np.array(record.times_s),
            recorded=self.recorded,
            space=record.action_space,
            difference=self.difference,
            uncertainty=self.uncertainty,
            success=record.success,
        )

    def views(self, camera: str) -> tuple[SiteView, ...]:
        """The sites as one camera sees them, in the coordinates of their own basis."""
        position = self._position(camera)
        return tuple(
            SiteView(site.name, site.grid, partial(_coordinates, self.folders[site.name], site, position))
            for site in self.sites
        )

    def view(self, camera: str) -> View:
        """One camera, as instances are found in it."""
        position = self._position(camera)
        sites = {site.name: site for site in self.sites}
        return View(
            camera=self.record.cameras[position],
            frames=len(self.record.frames),
            pictures=lambda start, stop: self.pictures(camera, range(start, stop)),
            sites=tuple(
                SiteView(name, sites[name].grid, partial(_figure, self.folders[name], sites[name], position))
                for name in middle_sites(list(sites))
            ),
        )

    def raw(self, camera: str) -> dict[str, Callable[[int, int], np.ndarray]]:
        """Site -> frames start … stop - 1 of its features, (n, rows, cols, C)."""
        position = self._position(camera)
        return {name: partial(_raw, stored, position) for name, stored in self.features.items()}

    def _position(self, camera: str) -> int:
        return [one.name for one in self.record.cameras].index(camera)


def _coordinates(folder: Path, site: SiteRecord, camera: int, start: int, stop: int) -> np.ndarray:
    with NpyFile.open(folder / "eigenvectors.npy") as file:
        vectors = file.read(start, stop)[:, camera]
    return site_coordinates(vectors, site)


def _figure(folder: Path, site: SiteRecord, camera: int, start: int, stop: int) -> np.ndarray:
    path = folder / FIGURE
    if not path.exists():  # of an analysis from before instances had a cut of their own
        return _coordinates(folder, site, camera, start, stop)
    with NpyFile.open(path) as file:
        return file.read(start, stop)[:, camera].astype(np.float32)


def _raw(stored: SiteFeatures, camera: int, start: int, stop: int) -> np.ndarray:
    return np.asarray(stored.frames(start, stop)[:, camera])


def assess(
    episode: AnalysedEpisode,
    instances: Instances,
    settings: Settings,
    *,
    ask: Ask | None = None,
    progress: Progress | None = None,
) -> tuple[Findings, FindingsArrays]:
    """Compare the instances, find events, and tell what to look at.

    Args:
        instances: found, given or clicked, in the analysed frames of the episode's cameras.
        ask: finds out what the action depends on, looking first at the frames it is told. None: it is not asked.
    """
    progress = progress or Silent()
    record, names = episode.record, tuple(site.name for site in episode.sites)
    motion = episode.motion
    missing = list(instances.not_assessed)
    if len(record.frames) == 1:
        missing.append("Only one frame was analysed: nothing that happens in time was assessed.")
    progress.stage(f"confusion in {record.id}", len(record.cameras), "camera")
    measured: list[tuple[PairsOfCamera, ConfusionAlongSites]] = []
    for camera in record.cameras:
        if camera.name in instances.maps:
            measured.append(_measure(episode, camera, instances, settings, missing))
        progress.advance(1)
    traces = tuple(_trace(result, p, names, settings) for _, result in measured for p in range(len(result.pairs)))
    events = [
        event
        for _, result in measured
        for p, pair in enumerate(result.pairs)
        for event in found_events.confused(pair, result.curves[p, :, :, 0], names, motion.times_s, settings)
    ]
    moved, unknown = found_events.of_motion(motion, settings)
    events += moved
    missing += unknown
    events += _of_hand(episode, instances, motion, settings, missing)
    events.sort(key=lambda event: (event.first, event.rule, event.instances))
    if not episode.features:
        missing.append("Confusion in the raw features was not assessed: they are no longer in the cache.")
    dependence, attribution = (None, None) if ask is None else ask(_worth_asking(events))
    missing += () if dependence is None else dependence.not_assessed
    where = {pair: index for index, (_, result) in enumerate(measured) for pair in result.pairs}

    def trace(stretches: Sequence[Stretch]) -> np.ndarray:
        values = np.zeros((len(stretches), len(names), 3), np.float32)
        for index, (compared, result) in enumerate(measured):
            own = [k for k, (pair, _, _) in enumerate(stretches) if where[pair] == index]
            views = episode.views(compared.camera.name)
            values[own] = compared.over(views, result, [stretches[k] for k in own])
        return values

    telling = Telling(
        episode=record.id,
        sites=names,
        instances={one.id: one for one in instances.instances},
        times_s=motion.times_s,
        numbers=tuple(int(step) for step in motion.steps),
        counted="frame" if record.frame_steps is None else "step",
        settings=settings,
    )
    findings = Findings(
        instances=instances.instances,
        pairs=traces,
        sites=names,
        events=tuple(events),
        cases=make_cases(events, traces, trace, telling, dependence),
        not_assessed=tuple(dict.fromkeys(missing)),
        attribution_site=None if dependence is None else dependence.attribution_site,
        dependence=dependence,
    )
    shape = (0, len(names), len(record.frames), 3)
    curves = [np.zeros(shape, np.float32), *(result.curves for _, result in measured)]
    raw = [np.zeros(shape, np.float32), *(result.feature_curves for _, result in measured)]
    arrays = FindingsArrays(
        thumbnails=instances.thumbnails,
        maps=instances.maps,
        confusion=np.concatenate(curves),
        confusion_features=np.concatenate(raw),
        attribution=attribution,
    )
    return findings, arrays


def _measure(
    episode: AnalysedEpisode, camera: CameraRecord, instances: Instances, settings: Settings, missing: list[str]
) -> tuple[PairsOfCamera, ConfusionAlongSites]:
    objects = instances.of(camera.name, "object")
    if len(objects) > MOST_OBJECTS:
        # What a person pointed at is what that person asks about.
        kept = sorted(objects, key=lambda one: (one.origin != "clicked", -sum(one.area), one.id))[:MOST_OBJECTS]
        kept.sort(key=lambda one: one.id)
        missing.append(
            f"Camera {quoted(camera.name)}: {MOST_OBJECTS} of {len(objects)} objects were compared (those that were pointed "
            "at, then the largest), the others were not assessed."
        )
        objects = tuple(kept)
    if len(objects) < 2:
        found = "no object" if not objects else "a single object"
        missing.append(f"Camera {quoted(camera.name)}: {found} was found, so nothing was compared with it.")
    compared = PairsOfCamera(
        camera,
        [one.id for one in objects],
        instances.maps[camera.name] if len(objects) > 1 else (),
        [site.grid for site in episode.sites],
        settings,
        frames=len(episode.record.frames),
    )
    measured = compared.measure(
        episode.views(camera.name), episode.raw(camera.name), partial(episode.pictures, camera.name)
    )
    unknown = int(np.isnan(measured.total[:, :, 0]).all(1).sum())
    if unknown:
        missing.append(
            f"Camera {quoted(camera.name)}: {unknown} of {len(compared.pairs)} pairs of objects were not assessed: no frame "
            f"shows {settings.min_patches} patches of both."
        )
    return compared, measured


def _trace(result: ConfusionAlongSites, p: int, sites: tuple[str, ...], settings: Settings) -> PairTrace:
    told, at = verdict(
        result.total[p, :, 0],
        float(result.pixels[p]),
        on=settings.confusion_on,
        off=settings.confusion_off,
        look_alike=settings.look_alike,
    )
    a, b = result.pairs[p]
    return PairTrace(
        a=a,
        b=b,
        sites=tuple(
            SiteConfusion(
                site=site,
                value=_number(result.total[p, s, 0]),
                low=_number(result.total[p, s, 1]),
                high=_number(result.total[p, s, 2]),
                features=_number(result.feature_total[p, s, 0]),
            )
            for s, site in enumerate(sites)
        ),
        pixels=_number(result.pixels[p]),
        verdict=told,
        onset=None if at is None else sites[at],
    )


def _worth_asking(events: Sequence[Event]) -> list[int]:
    """Where the gripper closes, where the hand turns elsewhere, where things begin to be confused; each once."""
    order = ("closes", "closed-on-nothing", "target-switch", "confused")
    ranked = sorted((e for e in events if e.rule in order), key=lambda e: (order.index(e.rule), -e.value, e.first))
    return list(dict.fromkeys(event.first for event in ranked))


def _number(value: float) -> float | None:
    """For JSON; None: not assessed. Rounded, since the last digits are noise that depends on the machine."""
    return None if np.isnan(value) else round(float(value), 4)


def _of_hand(
    episode: AnalysedEpisode,
    instances: Instances,
    motion: Motion,
    settings: Settings,
    missing: list[str],
) -> list[Event]:
    """What the hand does to the objects of the first camera in whose picture it is known."""
    for camera in episode.record.cameras:
        objects: tuple[Instance, ...] = instances.of(camera.name, "object")
        arm = [one.id for one in instances.of(camera.name, "arm")]
        if camera.name not in instances.maps or not objects or (camera.name not in episode.hand and not arm):
            continue
        maps = instances.maps[camera.name]
        hand = episode.hand[camera.name] if camera.name in episode.hand else tip_of_arm(maps, arm)
        reach = Reach.of(
            camera.name,
            (camera.height, camera.width),
            [one.id for one in objects],
            hand,
            maps,
            motion.times_s,
            settings,
        )
        return [*reach.switches(settings), *reach.grips(motion.closed(), settings)]
    missing.append("What the hand goes for was not assessed: no arm and no objects are known in one picture.")
    return []
