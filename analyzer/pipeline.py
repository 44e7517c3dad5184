"""An analysis from recordings to a run folder. It reads like a recipe, and is the only module that knows all stages."""

from __future__ import annotations

import math
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from analyzer import chosen_policy
from analyzer.actions import PredictedSteps, by_step, convention
from analyzer.budget import Estimate, estimate
from analyzer.features import FeatureRequest, SiteFeatures, extract, predicted
from analyzer.instances.view import middle_sites
from analyzer.npy import NpyFile
from analyzer.progress import Progress, Silent
from analyzer.recordings import open_recording
from analyzer.run_folder import (
    FIGURE,
    CameraRecord,
    EpisodeRecord,
    RunFolder,
    RunManifest,
    SiteRecord,
    write_actions,
    write_site,
)
from analyzer.settings import Settings
from foundation.errors import BadInput, did_you_mean, quoted
from foundation.files import writing_to
from foundation.names import safe_name
from videos.episode import Episode, EpisodeSummary
from videos.preview import write_preview

if TYPE_CHECKING:
    from analyzer.basis import SiteBasis
    from analyzer.motion_track import MotionTrack
    from analyzer.ncut.nystrom import NystromNcut
    from policies.policy import Policy

CHUNK_FRAMES = 8
"""Frames of features held at once."""

Cut = TypeVar("Cut")


def run(
    recordings: Sequence[EpisodeSummary],
    settings: Settings,
    out: Path,
    *,
    cache: Path,
    resume: bool = False,
    progress: Progress | None = None,
    approve: Callable[[Estimate], None] = lambda work: None,
) -> RunFolder:
    """Analyse episodes and write a run folder to `out`.

    Everything that can be wrong with the input is found before anything is written. A run that is stopped leaves its
    features in the cache and its finished episodes in `out`; with `resume` it goes on from there.

    Args:
        approve: told what the policy has to do before it does it; raises to refuse.

    Raises:
        BadInput: no episodes, an unknown site or camera, actions that cannot be predicted, `out` exists and `resume`
            is off or the settings differ.
        EpisodeUnreadable, PolicyUnavailable, OutputUnwritable: see foundation.errors.
    """
    progress = progress or Silent()
    if not recordings:
        raise BadInput("There are no episodes to analyse. Name at least one recording, or widen --episodes.")
    folder = _existing(out, settings, recordings, resume)
    progress.stage("reading recordings", len(recordings), "episode")
    episodes = []
    for recording in recordings:
        episodes.append(open_recording(recording, settings))
        progress.advance(1)
    policy = chosen_policy.load(settings)
    sites = choose_sites(settings.sites, policy)
    requests = [_request(episode, policy, settings, sites) for episode in episodes]
    groups = _groups(len(episodes), settings.basis)
    for group in groups:
        _check_enough([requests[index] for index in group], policy)
    if settings.actions:
        _check_acts(episodes, policy)
    if folder is None or not folder.manifest.complete:
        approve(estimate(episodes, requests, policy, cache, settings))
    if folder is not None:
        _check_unchanged(folder, policy, episodes, requests)
        return _analyse(folder, groups, recordings, episodes, requests, policy, cache, progress)
    with _created(out, settings, recordings, policy, sites) as folder:
        return _analyse(folder, groups, recordings, episodes, requests, policy, cache, progress)


def _analyse(
    folder: RunFolder,
    groups: Sequence[Sequence[int]],
    recordings: Sequence[EpisodeSummary],
    episodes: Sequence[Episode],
    requests: Sequence[FeatureRequest],
    policy: Policy,
    cache: Path,
    progress: Progress,
) -> RunFolder:
    """Every group of episodes that share a basis in turn, leaving out what is finished."""
    from analyzer.basis import Agreement, SiteCut
    from analyzer.common_patches import CommonPatches
    from analyzer.instances.figure_cut import figure_cut

    if folder.manifest.complete:
        return folder
    agreement: Agreement | None = None
    for group in groups:
        missing = [index for index in group if episodes[index].id not in folder.manifest.done]
        if not missing and agreement is not None:
            continue  # the first group is looked at in any case: the others follow its colours and ids
        looked_at = _features([episodes[i] for i in group], [requests[i] for i in group], policy, cache, progress)
        features = dict(zip(group, looked_at, strict=True))
        sites, settings = list(looked_at[0]), folder.manifest.settings
        cuts = _fitted("Normalized Cut", SiteCut.fit, sites, looked_at, settings, progress)
        title = "Normalized Cut of things and ground"  # what instances are found in
        figures = _fitted(title, figure_cut, middle_sites(sites), looked_at, settings, progress)
        if agreement is None:
            common = CommonPatches.choose(looked_at, settings.seed)
            agreement = Agreement.fit(cuts, common.features, settings)
        bases = {site: agreement.basis(cut, common.features(site)) for site, cut in cuts.items()}
        for index in missing:
            _write_episode(
                folder,
                recordings[index],
                episodes[index],
                requests[index],
                policy,
                features[index],
                bases,
                figures,
                _predicted_steps(episodes[index], requests[index], policy, cache),
                progress,
            )
    return folder


def choose_sites(wanted: Sequence[str], policy: Policy) -> tuple[str, ...]:
    """The sites to read, in order of depth: those wanted, all of them, or the policy's own choice."""
    if not wanted:
        return tuple(policy.default_sites)
    if tuple(wanted) == ("all",):
        return tuple(policy.sites)
    for site in wanted:
        if site not in policy.sites:
            raise BadInput(f"{policy.name} has no site {quoted(site)}.{did_you_mean(site, policy.sites)}")
    return tuple(site for site in policy.sites if site in wanted)


def choose_cameras(wanted: Sequence[str], episode: Episode, policy: Policy) -> tuple[str, ...]:
    """The cameras to look through: those wanted, all, or as many of the first as the policy takes."""
    known = list(episode.cameras)
    views = len(policy.cameras)
    if not wanted:
        chosen = tuple(known[:views])
    elif tuple(wanted) == ("all",):
        chosen = tuple(known)
    else:
        for camera in wanted:
            if camera not in known:
                raise BadInput(
                    f"{episode.source} ({episode.id}) has no camera {quoted(camera)}.{did_you_mean(camera, known)}"
                )
        chosen = tuple(dict.fromkeys(wanted))
    if views > 1 and len(chosen) != views:
        raise BadInput(
            f"{policy.name} looks through {views} cameras at once ({', '.join(policy.cameras)}); "
            f"{episode.id} offers {len(chosen)} ({', '.join(chosen)}). Name {views} with --camera."
        )
    sizes = {camera: episode.cameras[camera].size for camera in chosen}
    if views > 1 and len(set(sizes.values())) > 1:
        listed = ", ".join(f"{camera}: {width}x{height}" for camera, (height, width) in sizes.items())
        raise BadInput(
            f"{policy.name} looks through {views} cameras at once and takes pictures of one size; {episode.id} has "
            f"{listed}. Choose others with --camera."
        )
    return chosen


def _request(episode: Episode, policy: Policy, settings: Settings, sites: tuple[str, ...]) -> FeatureRequest:
    return FeatureRequest(
        cameras=choose_cameras(settings.camera, episode, policy),
        frames=tuple(range(0, episode.frame_count, settings.stride)),
        sites=sites,
        batch=settings.batch,
        actions=settings.actions,
        seed=settings.seed,
    )


def _features(
    episodes: Sequence[Episode], requests: Sequence[FeatureRequest], policy: Policy, cache: Path, progress: Progress
) -> list[dict[str, SiteFeatures]]:
    progress.stage(f"{policy.name} looks at the frames", sum(len(request.frames) for request in requests), "frame")
    return [
        extract(episode, policy, request, cache, progress.advance)
        for episode, request in zip(episodes, requests, strict=True)
    ]


def _groups(episodes: int, basis: str) -> list[list[int]]:
    """Which episodes share a basis."""
    return [list(range(episodes))] if basis == "run" else [[index] for index in range(episodes)]


def _fitted(
    title: str,
    fit: Callable[[Iterable[np.ndarray], Settings], Cut],
    sites: Sequence[str],
    features: Sequence[dict[str, SiteFeatures]],
    settings: Settings,
    progress: Progress,
) -> dict[str, Cut]:
    """One basis for each site, of all episodes' patches."""
    progress.stage(title, len(sites), "site")
    cuts = {}
    for site in sites:
        cuts[site] = fit(chain.from_iterable(one[site].chunks(CHUNK_FRAMES) for one in features), settings)
        progress.advance(1)
    return cuts


def _write_episode(
    folder: RunFolder,
    recording: EpisodeSummary,
    episode: Episode,
    request: FeatureRequest,
    policy: Policy,
    features: dict[str, SiteFeatures],
    bases: dict[str, SiteBasis],
    figures: dict[str, NystromNcut],
    actions: tuple[PredictedSteps, tuple[str, ...]] | None,
    progress: Progress,
) -> None:
    from analyzer.assessment import findings_of, just_analysed
    from analyzer.findings_folder import FOLDER, write_findings
    from analyzer.motion_track import MotionTrack
    from analyzer.pointed_objects import PointedObjects
    from analyzer.pointing import EpisodeObjects
    from analyzer.steadiness import measure

    progress.stage(f"writing {episode.id}", len(bases) + 3, "part")
    with folder.new_episode(episode.id) as (building, finish):
        mosaic = write_preview(episode, building / "preview.mp4")
        progress.advance(1)
        table, action_notes = actions or (None, ())
        if episode.actions is not None or table is not None:
            write_actions(building / "actions.parquet", episode.actions, episode.action_space, table)
        places = {name: (place.x, place.y, place.width, place.height) for name, place in mosaic.cameras.items()}
        record = replace(
            episode_record(recording, episode, request, policy, places),
            predicted_space=None if table is None else table.space,
            notes=(*episode.notes, *action_notes),
        )
        grids = [features[site].shape[2:4] for site in bases]
        motion = building / "motion"
        track = MotionTrack.record(_pictures(episode, request), len(request.frames), record.cameras, grids, motion)
        progress.advance(1)
        targets = {site: building / "sites" / safe_name(site) for site in bases}
        sites = []
        for site, basis in bases.items():
            with writing_to(targets[site]):
                targets[site].mkdir(parents=True)
            sites.append(_write_site(targets[site], site, features[site], basis, track, folder.manifest.settings))
            if site in figures:
                _write_figure(targets[site], features[site], figures[site], track, folder.manifest.settings)
            progress.advance(1)
        steadiness = measure(track, targets)
        for site_record in sites:
            write_site(targets[site_record.name], replace(site_record, steadiness=steadiness[site_record.name]))
        shutil.rmtree(motion)
        progress.advance(1)
        analysed = just_analysed(record, sites, targets, episode, features, _kinds_of_actions(episode, table))
        settings = folder.manifest.settings
        pointed = PointedObjects((), settings, EpisodeObjects(folder.path, episode.id))
        found = findings_of(analysed, episode, request, policy, settings, progress, pointed)
        write_findings(building / FOLDER, *found)
        finish(record)


def _kinds_of_actions(episode: Episode, table: PredictedSteps | None) -> dict[str, np.ndarray | None]:
    """As `RunFolder.actions` would give them."""
    predicted = {} if table is None else {"difference": table.difference, "uncertainty": table.uncertainty}
    return {"recorded": episode.actions, **{k: None if np.isnan(v).all() else v for k, v in predicted.items()}}


def _predicted_steps(
    episode: Episode, request: FeatureRequest, policy: Policy, cache: Path
) -> tuple[PredictedSteps, tuple[str, ...]] | None:
    """Predicted actions as the recording means them, and what is to be told of that; None: none were asked for."""
    if not request.actions or policy.action_space is None:
        return None
    conversion = convention(policy.action_space, episode.action_space if episode.actions is not None else None)
    count = episode.frame_count if episode.actions is None else len(episode.actions)
    prediction = predicted(episode, policy, request, cache)
    return by_step(prediction, conversion, _steps(episode, request), count, episode.actions), conversion.notes


def _steps(episode: Episode, request: FeatureRequest) -> tuple[int, ...]:
    """The control step of every analysed frame; where no actions were recorded, every frame is a step."""
    if episode.actions is None or episode.frame_steps is None:
        return request.frames
    return tuple(int(episode.frame_steps[frame]) for frame in request.frames)


def _pictures(episode: Episode, request: FeatureRequest) -> Iterator[list[np.ndarray]]:
    """Of every analysed frame, (height, width, 3) uint8 of each camera."""
    streams = [episode.cameras[camera].frames(request.frames) for camera in request.cameras]
    for shown in zip(*streams, strict=True):
        yield [frame.rgb for frame in shown]


def _write_site(
    target: Path, site: str, features: SiteFeatures, basis: SiteBasis, track: MotionTrack, settings: Settings
) -> SiteRecord:
    """Write its arrays; what is to be told of it."""
    from analyzer.ncut.coupling import coupled

    frames, cameras, rows, cols, _ = features.shape
    ncut = basis.cut.ncut
    k = ncut.n_eigenvectors
    with ExitStack() as stack:

        def array(name: str, channels: tuple[int, ...], dtype: str) -> NpyFile:
            path = target / f"{name}.npy"
            return stack.enter_context(NpyFile.create(path, (frames, cameras, rows, cols, *channels), dtype))

        eigenvectors, colors = array("eigenvectors", (k,), "float16"), array("colors", (3,), "uint8")
        segments = array("segments", (), "uint8")
        each = (
            frame
            for chunk in features.chunks(CHUNK_FRAMES)
            for frame in basis.shares(chunk).reshape(-1, cameras, rows, cols, k + 1)
        )
        for at, shares in enumerate(coupled(each, track.links((rows, cols)), settings.coupling)):
            view = basis.view(shares.flatten(0, -2))
            eigenvectors.write(at, view.eigenvectors.reshape(1, cameras, rows, cols, k))
            colors.write(at, view.colors.reshape(1, cameras, rows, cols, 3))
            segments.write(at, view.segments.reshape(1, cameras, rows, cols))
    return SiteRecord(
        name=site,
        grid=(rows, cols),
        eigenvalues=tuple(float(value) for value in ncut.eigenvalues_),
        reach=ncut.reach_,
        sigma=ncut.sigma_,
        captured=ncut.captured_,
        segments=basis.tree.segments,
        palette=basis.palette,
        merges=basis.tree.merges,
        reference=basis.reference,
        residual=basis.residual,
        overlap=basis.overlap,
    )


def _write_figure(
    target: Path, features: SiteFeatures, cut: NystromNcut, track: MotionTrack, settings: Settings
) -> None:
    """What instances are found in."""
    from analyzer.instances.figure_cut import figure_frames

    frames, cameras, rows, cols, _ = features.shape
    shape = (frames, cameras, rows, cols, cut.n_eigenvectors - 1)
    with NpyFile.create(target / FIGURE, shape, "float16") as file:
        links = track.links((rows, cols))
        for at, one in enumerate(figure_frames(cut, features.chunks(CHUNK_FRAMES), shape[1:4], links, settings)):
            file.write(at, one[None])


def episode_record(
    recording: EpisodeSummary,
    episode: Episode,
    request: FeatureRequest,
    policy: Policy,
    places: dict[str, tuple[int, int, int, int]],
) -> EpisodeRecord:
    times = episode.times_s
    # The last frame is shown for as long as the one before it.
    last = float(np.diff(times[-2:])[0]) if len(times) > 1 else 0.0
    cameras = []
    for name in request.cameras:
        height, width = episode.cameras[name].size
        matrix = policy.transform.to_recording(height, width)
        cameras.append(
            CameraRecord(
                name=name,
                width=width,
                height=height,
                to_recording=tuple(tuple(float(value) for value in row) for row in matrix),
                model_size=policy.transform.size,
                in_preview=places[name],
            )
        )
    return EpisodeRecord(
        id=episode.id,
        source=str(Path(recording.source).resolve()),
        format=recording.format,
        locator=recording.locator,
        fingerprints=tuple(episode.cameras[name].fingerprint() for name in request.cameras),
        cameras=tuple(cameras),
        frames=request.frames,
        times_s=tuple(float(times[frame]) for frame in request.frames),
        frame_count=episode.frame_count,
        duration_s=float(times[-1]) + last,
        instruction=episode.instruction,
        success=episode.success,
        control_hz=episode.control_hz,
        frame_steps=None if episode.actions is None else _steps(episode, request),
        action_space=episode.action_space if episode.actions is not None else None,
    )


def _existing(out: Path, settings: Settings, recordings: Iterable[EpisodeSummary], resume: bool) -> RunFolder | None:
    """The run that stands at `out`, if it is to be gone on with; None where nothing stands there."""
    with writing_to(out):
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return None
    if not resume:
        raise BadInput(f"{out}: already exists. Add --resume to go on with it, or choose another place with --out.")
    folder = RunFolder.open(out)
    stored = folder.manifest.settings
    differing = [name for name, value in stored.as_json().items() if settings.as_json()[name] != value]
    if differing:
        shown = ", ".join(f"{name} was {quoted(getattr(stored, name))}" for name in differing)
        raise BadInput(f"{out}: cannot be resumed with other settings ({shown}). Choose another place with --out.")
    if folder.manifest.planned != [recording.id for recording in recordings]:
        raise BadInput(f"{out}: cannot be resumed with other episodes. Choose another place with --out.")
    return folder


def _check_enough(requests: Sequence[FeatureRequest], policy: Policy) -> None:
    """Raise BadInput where a basis would have a single patch to tell apart."""
    for site in requests[0].sites:
        if sum(math.prod(request.shape(policy, site)[:-1]) for request in requests) < 2:
            raise BadInput(
                f"{site} sees a single patch of a single frame, and nothing to compare it with. "
                "Look at more frames (--stride) or at larger pictures (--input-size)."
            )


def _check_acts(episodes: Sequence[Episode], policy: Policy) -> None:
    """Raise BadInput where the policy cannot predict an action, or lacks what it would need for one."""
    if not policy.action_flops:
        raise BadInput(
            f"--actions: {policy.name} sees and does not act. Leave --actions out, or choose a policy that acts, "
            "e.g. --policy openvla-tiny-libero."
        )
    for episode in episodes:
        where = f"{episode.source} ({episode.id})"
        if episode.instruction is None:
            raise BadInput(
                f"{where}: no instruction was recorded, and {policy.name} acts on one. Give it with --instruction TEXT."
            )
        if policy.state_size is None:
            continue
        if episode.states is None:
            raise BadInput(
                f"{where}: no proprioception was recorded, and {policy.name} needs {policy.state_size} numbers of it to "
                "act. Leave --actions out, or choose a policy that does without."
            )
        if episode.states.shape[1] != policy.state_size:
            names = f" ({', '.join(episode.state_names)})" if episode.state_names else ""
            raise BadInput(
                f"{where}: {policy.name} takes {policy.state_size} numbers of proprioception; "
                f"{episode.states.shape[1]} were recorded{names}."
            )


def _check_unchanged(
    folder: RunFolder, policy: Policy, episodes: Sequence[Episode], requests: Sequence[FeatureRequest]
) -> None:
    """Raise BadInput where what is finished in a run would not fit what is added to it."""
    if folder.manifest.policy["fingerprint"] != policy.fingerprint:
        raise BadInput(
            f"{folder.path}: cannot be resumed: {policy.name} has other weights now. Choose another place with --out."
        )
    for episode, request in zip(episodes, requests, strict=True):
        if episode.id not in folder.manifest.done:
            continue
        now = tuple(episode.cameras[camera].fingerprint() for camera in request.cameras)
        if folder.episode(episode.id).fingerprints != now:
            raise BadInput(
                f"{folder.path}: cannot be resumed: {episode.id} was analysed from another recording than "
                f"{episode.source}. Choose another place with --out."
            )


@contextmanager
def _created(
    out: Path, settings: Settings, recordings: Sequence[EpisodeSummary], policy: Policy, sites: Sequence[str]
) -> Iterator[RunFolder]:
    """A new run folder; on an error before the first finished episode it goes, so that no half a run is left.

    A run stopped by Ctrl-C or by a kill stays, to be gone on with.
    """
    empty_before = out.exists()
    folder = RunFolder(out, _manifest(settings, recordings, policy, sites))
    try:
        with writing_to(out):
            out.mkdir(parents=True, exist_ok=True)
        folder.write_manifest()
        yield folder
    except Exception:
        if not folder.manifest.done:
            folder.discard()
            if not empty_before:
                with suppress(OSError):
                    out.rmdir()
        raise


def _manifest(
    settings: Settings, recordings: Sequence[EpisodeSummary], policy: Policy, sites: Sequence[str]
) -> RunManifest:
    described = {
        site: {
            "dim": policy.sites[site].dim,
            "grid": list(policy.sites[site].grid),
            "depends_on_instruction": policy.sites[site].depends_on_instruction,
        }
        for site in sites
    }
    return RunManifest(
        settings=settings,
        policy={"name": policy.name, "fingerprint": policy.fingerprint, "sites": described},
        versions={
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "numpy", "av", "opencv-python-headless")},
        },
        planned=[recording.id for recording in recordings],
    )
