"""The stage that makes findings: of an episode that was just analysed, and again of one in a finished run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyzer import chosen_policy
from analyzer.failures.case import Case
from analyzer.features import FeatureRequest, SiteFeatures, extract, missing
from analyzer.findings import AnalysedEpisode, assess
from analyzer.findings_folder import FOLDER, Findings, FindingsArrays, write_findings
from analyzer.instances.instances import Instances, joined
from analyzer.pointed_objects import PointedObjects
from analyzer.pointing import EpisodeObjects, PointedObject
from analyzer.progress import Progress, Silent
from analyzer.recordings import open_recording
from analyzer.run_folder import EpisodeRecord, RunFolder, SiteRecord
from analyzer.settings import Settings
from foundation.errors import BadInput, quoted
from videos.episode import Episode, EpisodeSummary

if TYPE_CHECKING:
    from analyzer.dependence.record import Dependence
    from policies.policy import Policy


def findings_of(
    analysed: AnalysedEpisode,
    episode: Episode,
    request: FeatureRequest,
    policy: Policy | None,
    settings: Settings,
    progress: Progress | None = None,
    pointed: PointedObjects | None = None,
) -> tuple[Findings, FindingsArrays]:
    """Find the instances, compare them, ask the policy (None: it is not at hand) what its actions depend on.

    Args:
        pointed: objects that people pointed at, on top of those that are found.
    """
    progress = progress or Silent()
    instances = _instances(analysed, episode, settings, progress)
    if pointed is not None:
        instances = pointed(analysed, instances)

    def ask(frames: Sequence[int]) -> tuple[Dependence, np.ndarray | None]:
        from analyzer.dependence.assess import assess as dependence_of
        from analyzer.dependence.assess import work

        total = 0 if policy is None else work(request, policy, settings)
        if total:
            progress.stage(f"what the actions of {episode.id} depend on", total, "frame")
        return dependence_of(
            episode,
            policy,
            request,
            instances,
            analysed.record.cameras,
            settings,
            prefer=frames,
            progress=progress.advance,
        )

    findings, arrays = assess(analysed, instances, settings, ask=ask, progress=progress)
    return replace(findings, objects=0 if pointed is None else pointed.version), arrays


def just_analysed(
    record: EpisodeRecord,
    sites: Sequence[SiteRecord],
    folders: Mapping[str, Path],
    episode: Episode,
    features: Mapping[str, SiteFeatures],
    actions: Mapping[str, np.ndarray | None],
) -> AnalysedEpisode:
    """What an analysis left of an episode, and its recording. `actions`: by the kinds of `RunFolder.actions`."""

    def pictures(camera: str, positions: Sequence[int]) -> Iterable[np.ndarray]:
        return (frame.rgb for frame in episode.cameras[camera].frames([record.frames[at] for at in positions]))

    seen = [one.name for one in record.cameras]
    hand = {name: places[list(record.frames)] for name, places in (episode.hand_px or {}).items() if name in seen}
    return AnalysedEpisode(
        record=record,
        sites=tuple(sites),
        folders=folders,
        pictures=pictures,
        features=features,
        recorded=actions.get("recorded"),
        difference=actions.get("difference"),
        uncertainty=actions.get("uncertainty"),
        hand=hand,
    )


def assess_run(
    run: RunFolder,
    episodes: Sequence[str],
    *,
    cache: Path,
    instances: str | None = None,
    without_policy: bool = False,
    progress: Progress | None = None,
    objects: Sequence[PointedObject] = (),
) -> dict[str, tuple[Case, ...]]:
    """Make the findings of some episodes of a run again; the cases of each.

    Where people point at objects meanwhile, they are made once more.

    Args:
        instances: another choice than the run's setting of that name.
        objects: to follow beside those that the run keeps.

    Raises:
        BadInput, EpisodeUnreadable, RunUnreadable, PolicyUnavailable, OutputUnwritable: see foundation.errors.
    """
    for episode in episodes:
        run.episode(episode)  # an unknown name is told before the policy is loaded
    if not episodes:
        raise BadInput(f"{run.path}: the run has no finished episode yet. Go on with it: run … --resume.")
    settings = run.manifest.settings if instances is None else replace(run.manifest.settings, instances=instances)
    policy = None if without_policy else chosen_policy.load(settings)
    cases = {}
    for episode in episodes:
        kept = EpisodeObjects(run.path, episode)
        while True:
            pointed = PointedObjects(objects, settings, kept)
            found = assess_again(run, episode, settings, policy=policy, cache=cache, progress=progress, pointed=pointed)
            if found.objects >= kept.version:
                break
        cases[episode] = found.cases
    return cases


def assess_again(
    run: RunFolder,
    episode_id: str,
    settings: Settings,
    *,
    policy: Policy | None,
    cache: Path,
    progress: Progress | None = None,
    pointed: PointedObjects | None = None,
) -> Findings:
    """Make and write the findings of an episode of a finished run.

    Args:
        settings: the run's, or those of the findings changed.
        policy: the run's; None: it is not at hand, and what needs it is not assessed.

    Raises:
        BadInput: the recording or the policy has changed since.
        EpisodeUnreadable, RunUnreadable, OutputUnwritable: see foundation.errors.
    """
    record = run.episode(episode_id)
    episode = _recording(run, record, settings)
    sites = run.site_names
    request = FeatureRequest(
        cameras=tuple(camera.name for camera in record.cameras),
        frames=record.frames,
        sites=tuple(sites),
        batch=settings.batch,
        actions=run.manifest.settings.actions,
        seed=settings.seed,
    )
    if policy is not None and policy.fingerprint != run.manifest.policy["fingerprint"]:
        raise BadInput(
            f"{run.path}: {policy.name} has other weights now. Analyse the recording again, or add --no-policy."
        )
    features: dict[str, SiteFeatures] = {}
    if policy is not None and missing(episode, policy, request, cache).frames == 0:
        features = extract(episode, policy, request, cache)
    analysed = just_analysed(
        record,
        [run.site(episode_id, site) for site in sites],
        {site: run.site_folder(episode_id, site) for site in sites},
        episode,
        features,
        {kind: run.actions(episode_id, kind) for kind in ("recorded", "difference", "uncertainty")},
    )
    findings, arrays = findings_of(analysed, episode, request, policy, settings, progress, pointed)
    write_findings(run.episode_folder(episode_id) / FOLDER, findings, arrays)
    return findings


def _recording(run: RunFolder, record: EpisodeRecord, settings: Settings) -> Episode:
    """The recording of an analysed episode, as long as it is still the same."""
    cameras = tuple(camera.name for camera in record.cameras)
    summary = EpisodeSummary(record.id, Path(record.source), record.format, record.locator, cameras)
    episode = open_recording(summary, settings)
    lost = [name for name in cameras if name not in episode.cameras]
    now = () if lost else tuple(episode.cameras[name].fingerprint() for name in cameras)
    if now != record.fingerprints:
        raise BadInput(
            f"{record.source} ({record.id}): another recording than the one that {run.path} analysed. Analyse it again."
        )
    return episode


def _instances(analysed: AnalysedEpisode, episode: Episode, settings: Settings, progress: Progress) -> Instances:
    """Of all cameras, as the settings say."""
    record = analysed.record
    if settings.instances == "none":
        return Instances(not_assessed=("Objects were not looked for (--instances none).",))
    progress.stage(f"objects of {record.id}", len(record.cameras), "camera")
    parts = []
    for camera in record.cameras:
        everything = range(len(record.frames))
        if settings.instances == "masks":
            from analyzer.instances.given import given

            if episode.masks is None or camera.name not in episode.masks:
                raise BadInput(
                    f"{record.source} ({record.id}): camera {quoted(camera.name)} was recorded without masks. Leave "
                    "--instances masks out."
                )
            truth = episode.masks[camera.name].load()
            masks = (truth.labels[frame] for frame in record.frames)
            parts.append(
                given(camera, analysed.pictures(camera.name, everything), masks, truth.names, settings.palette)
            )
        else:
            from analyzer.instances.discover import discover

            parts.append(discover(analysed.view(camera.name), settings))
        progress.advance(1)
    return joined(parts, settings.palette)
