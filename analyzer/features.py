"""Frames through a policy into a cache on disk; what is there is never computed again.

One folder an input, named by everything that shapes its numbers: the recording's content, cameras and frames, the
policy's weights and transform and, where a site depends on them, the instruction and the robot's state. In it one
float16 `.npy` a site and a manifest that says how far each site has got. Predicted actions lie in a folder of their
own, named by instruction, state and seed too. A kill at any moment loses at most the batch under way.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.actions import Prediction, pack, unpack
from analyzer.npy import NpyFile
from foundation.errors import BadInput, OutputUnwritable, RunUnreadable
from foundation.files import atomic, writing_to
from foundation.names import safe_name
from videos.episode import Episode

if TYPE_CHECKING:
    from policies.policy import Policy

SCHEMA = 1
_ACTIONS = "actions"
"""Name of the predicted actions in the cache."""


def default_cache() -> Path:
    """`$TRAJECTORY_LENS_CACHE`, or the user's cache folder."""
    named = os.environ.get("TRAJECTORY_LENS_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trajectory-lens"


@dataclass(frozen=True, eq=False)
class SiteFeatures:
    """Features of one episode at one site, on disk."""

    path: Path
    shape: tuple[int, int, int, int, int]
    """(frames, cameras, rows, cols, C)."""

    def chunks(self, frames: int = 8) -> Iterator[np.ndarray]:
        """All patches in order, as (b, C) float16 rows, `frames` frames at a time."""
        with NpyFile.open(self.path) as file:
            for chunk in file.chunks(frames):
                yield chunk.reshape(-1, self.shape[-1])

    def frames(self, start: int, stop: int) -> np.ndarray:
        """(frames, cameras, rows, cols, C) float16."""
        with NpyFile.open(self.path) as file:
            return file.read(start, stop)


@dataclass(frozen=True)
class FeatureRequest:
    """Which frames of which cameras of an episode, at which sites."""

    cameras: tuple[str, ...]
    frames: tuple[int, ...]
    """Positions in the recording, rising."""
    sites: tuple[str, ...]
    batch: int
    actions: bool = False
    """Also predict the action of every frame. A policy with one view predicts it through the first camera."""
    seed: int = 0
    """Of the noise of policies that sample."""

    def shape(self, policy: Policy, site: str) -> tuple[int, int, int, int, int]:
        declared = policy.sites[site]
        return (len(self.frames), len(self.cameras), *declared.grid, declared.dim)


def extract(
    episode: Episode,
    policy: Policy,
    request: FeatureRequest,
    cache: Path,
    progress: Callable[[int], None] = lambda frames: None,
) -> dict[str, SiteFeatures]:
    """Features of an episode at every site asked for, from the cache as far as it has them.

    Where the request wants actions, they are predicted along with the features, for `predicted` to read.

    Args:
        progress: called with the number of frames that just became available, from the cache or the policy.

    Raises:
        OutputUnwritable: the cache cannot be written, or the disk is too full for what is missing.
        BadInput: numbers that are not finite, or a state that does not fit the frames.
    """
    # Sites that do not depend on the instruction are kept apart from it, so that another instruction finds them made.
    folders = {site: cache / _key(episode, policy, request, site) for site in request.sites}
    shapes = {site: request.shape(policy, site) for site in request.sites}
    actions_folder = cache / _actions_key(episode, policy, request) if request.actions else None
    with ExitStack() as stack:
        manifests = {}
        for folder in sorted({*folders.values(), *([actions_folder] if actions_folder else [])}):
            with writing_to(folder):
                folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(folder))
            manifests[folder] = _Manifest.read(folder)
            manifests[folder].describe(episode, policy, request)
        stores: dict[str, _Store] = {}
        for site, folder in folders.items():
            file = _open_site(folder, site, shapes[site], manifests[folder])
            stack.callback(file.close)
            stores[site] = _Store(site, file, manifests[folder])
        actions = _ActionStore.open(actions_folder, manifests[actions_folder], request) if actions_folder else None
        if actions is not None:
            stack.callback(actions.close)
        _check_space(cache, stores.values())
        _forward(episode, policy, request, stores, actions, progress)
    return {site: SiteFeatures(store.file.path, shapes[site]) for site, store in stores.items()}


def predicted(episode: Episode, policy: Policy, request: FeatureRequest, cache: Path) -> Prediction:
    """The actions that `extract` predicted for this request.

    Raises:
        RunUnreadable: there are none, or they are damaged.
    """
    with NpyFile.open(cache / _actions_key(episode, policy, request) / f"{_ACTIONS}.npy") as file:
        return unpack(file.read(0, len(file)))


@dataclass(frozen=True)
class Missing:
    """What of a request the cache does not have yet."""

    frames: int
    """That the policy still has to look at."""
    sites: tuple[str, ...]
    """Sites that lack some of them."""
    actions: bool
    """Actions are among what is missing."""
    bytes: int
    """That the features will add to the disk."""


def missing(episode: Episode, policy: Policy, request: FeatureRequest, cache: Path) -> Missing:
    """How much work a request is, without doing any of it."""
    total = len(request.frames)
    done = {
        site: _Manifest.read(cache / _key(episode, policy, request, site)).done.get(site, 0) for site in request.sites
    }
    acted = total
    if request.actions:
        acted = _Manifest.read(cache / _actions_key(episode, policy, request)).done.get(_ACTIONS, 0)
    size = sum(
        (total - count) * math.prod(request.shape(policy, site)[1:]) * np.dtype(np.float16).itemsize
        for site, count in done.items()
    )
    lacking = tuple(site for site, count in done.items() if count < total)
    return Missing(total - min([*done.values(), acted]), lacking, acted < total, size)


def states_of(episode: Episode, frames: Sequence[int], policy: Policy) -> np.ndarray | None:
    """(frames, S) float64 proprioception at those frames; None: not recorded, or the policy takes none.

    Raises:
        BadInput: fewer states than steps that the frames show.
    """
    if policy.state_size is None or episode.states is None:
        return None
    picked = np.asarray(frames, np.int64)
    steps = picked if episode.frame_steps is None else episode.frame_steps[picked]
    if len(steps) and steps.max() >= len(episode.states):
        raise BadInput(
            f"{episode.source} ({episode.id}): {len(episode.states)} states for frames up to step {steps.max()}, and "
            "nothing says which belongs to which. One state a frame is expected."
        )
    return episode.states[steps]


@dataclass
class _Store:
    """Where the features of one site go."""

    site: str
    file: NpyFile
    manifest: _Manifest

    @property
    def done(self) -> int:
        return self.manifest.done[self.site]

    @property
    def missing_bytes(self) -> int:
        return (len(self.file) - self.done) * math.prod(self.file.shape[1:]) * self.file.dtype.itemsize

    def append(self, at: int, features: np.ndarray) -> None:
        self.file.write(at, _as_float16(features, self.site))
        if at + len(features) == len(self.file):
            self.file.sync()  # what is called complete survives a power cut too
        self.manifest.done[self.site] = at + len(features)


@dataclass
class _ActionStore:
    """Where predicted actions go. Only the first of them show how many steps ahead the policy plans."""

    path: Path
    manifest: _Manifest
    frames: int
    file: NpyFile | None = None

    @classmethod
    def open(cls, folder: Path, manifest: _Manifest, request: FeatureRequest) -> _ActionStore:
        store = cls(folder / f"{_ACTIONS}.npy", manifest, len(request.frames))
        if manifest.done.get(_ACTIONS, 0) > 0:
            with suppress(RunUnreadable):
                file = NpyFile.open(store.path, "r+")
                if len(file) == store.frames and len(file.shape) == 3 and file.dtype == np.float64:
                    store.file = file
                    return store
                file.close()
        manifest.done[_ACTIONS] = 0
        manifest.write()
        return store

    @property
    def done(self) -> int:
        return self.manifest.done[_ACTIONS]

    def append(self, at: int, rows: np.ndarray) -> None:
        if self.file is None:
            self.file = NpyFile.create(self.path, (self.frames, *rows.shape[1:]), "float64")
        self.file.write(at, rows)
        if at + len(rows) == self.frames:
            self.file.sync()
        self.manifest.done[_ACTIONS] = at + len(rows)

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


def _forward(
    episode: Episode,
    policy: Policy,
    request: FeatureRequest,
    stores: dict[str, _Store],
    actions: _ActionStore | None,
    progress: Callable[[int], None],
) -> None:
    total = len(request.frames)
    every: list[_Store | _ActionStore] = [*stores.values(), *([actions] if actions else [])]
    start = min(store.done for store in every)
    progress(start)
    if start == total:
        return
    states = states_of(episode, request.frames, policy)
    streams = [episode.cameras[camera].frames(request.frames[start:]) for camera in request.cameras]
    for at in range(start, total, request.batch):
        count = min(request.batch, total - at)
        views = [[next(stream).rgb for _ in range(count)] for stream in streams]
        wanted = [site for site, store in stores.items() if store.done < at + count]
        acts = actions is not None and actions.done < at + count
        state = None if states is None else states[at : at + count]
        look = _Look(wanted, acts, episode.instruction, state, request.seed)
        features, acted = _run(policy, views, look)
        for site in wanted:
            stores[site].append(at, features[site])
        if actions is not None and acted is not None:
            actions.append(at, acted)
        for manifest in {id(store.manifest): store.manifest for store in every}.values():
            manifest.write()
        progress(count)


@dataclass(frozen=True, eq=False)
class _Look:
    """What is asked of the policy about one batch."""

    sites: Sequence[str]
    actions: bool
    instruction: str | None
    state: np.ndarray | None
    seed: int


def _run(policy: Policy, views: list[list[np.ndarray]], look: _Look) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """[frames, cameras, rows, cols, C] a site, and the packed actions. A policy with one view sees every camera by itself."""
    count = len(views[0])
    if len(policy.cameras) == len(views):
        inputs = [np.stack([view[frame] for view in views]) for frame in range(count)]
        return _ask(policy, inputs, look)
    if not look.actions:
        inputs = [view[frame][None] for frame in range(count) for view in views]
        state = None if look.state is None else np.repeat(look.state, len(views), axis=0)
        features, _ = _ask(policy, inputs, replace(look, state=state))
        return {site: f.reshape(count, len(views), *f.shape[2:]) for site, f in features.items()}, None
    # The action is what it does through its first camera; of the others only features are wanted.
    first, acted = _ask(policy, [frame[None] for frame in views[0]], look)
    if not look.sites:
        return {}, acted
    others, _ = _run(policy, views[1:], replace(look, actions=False))
    return {site: np.concatenate([first[site], others[site]], axis=1) for site in look.sites}, acted


def _ask(policy: Policy, inputs: list[np.ndarray], look: _Look) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """One forward pass: [B, cameras, rows, cols, C] float32 a site, and (B, 1 + horizon, D) packed actions."""
    output = policy.run(
        inputs, look.instruction, sites=look.sites, actions=look.actions, state=look.state, seed=look.seed
    )
    features = {site: tensor.float().cpu().numpy() for site, tensor in output.features.items()}
    return features, None if output.actions is None else pack(output.actions, output.bin_probs)


def _as_float16(features: np.ndarray, site: str) -> np.ndarray:
    if not np.isfinite(features).all():
        raise BadInput(
            f"{site}: the policy gave NaN or infinity. In half precision that is an overflow: try --dtype float32. "
            "Else its weights are damaged, or it cannot take these pictures."
        )
    # Llama's rare giant activations stay below this; clipping keeps one of them from turning a patch into infinity.
    return np.clip(features, -65504, 65504).astype(np.float16)


@dataclass
class _Manifest:
    """What a cache folder holds: how many frames of each site are complete, and of what."""

    path: Path
    done: dict[str, int]
    about: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> _Manifest:
        path = folder / "manifest.json"
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["schema"] == SCHEMA:
                total = len(stored["about"]["frames"])
                counts = {str(site): int(count) for site, count in stored["done"].items()}
                # Since the machine started anew, pieces may be missing that had not reached the disk: only what was
                # waited for is trusted.
                partly = stored["boot"] == _boot()
                done = {site: count for site, count in counts.items() if count == total or (partly and count < total)}
                return cls(path, done, dict(stored["about"]))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            # A cache that cannot be understood is only a loss of time; the features are computed afresh.
            pass
        return cls(path, {}, {})

    def describe(self, episode: Episode, policy: Policy, request: FeatureRequest) -> None:
        self.about = {
            "recording": [episode.cameras[camera].fingerprint() for camera in request.cameras],
            "episode": episode.id,
            "cameras": list(request.cameras),
            "frames": list(request.frames),
            "policy": policy.name,
            "policy_fingerprint": policy.fingerprint,
            "transform_fingerprint": policy.transform.fingerprint,
        }

    def write(self) -> None:
        with atomic(self.path, durable=False) as temporary:
            temporary.write_text(
                json.dumps({"schema": SCHEMA, "done": self.done, "boot": _boot(), "about": self.about}),
                encoding="utf-8",
            )


def _boot() -> str:
    """Tells one start of this machine from the next; "" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _open_site(folder: Path, site: str, shape: tuple[int, ...], manifest: _Manifest) -> NpyFile:
    """The site's file, as far as it is trusted; else a new one."""
    path = folder / f"{safe_name(site)}.npy"
    if manifest.done.get(site, 0) > 0:
        with suppress(RunUnreadable):
            file = NpyFile.open(path, "r+")
            if file.shape == shape and file.dtype == np.float16:
                return file
            file.close()
    manifest.done[site] = 0
    manifest.write()  # before the old file goes: a kill in between must not leave a claim about the new one
    return NpyFile.create(path, shape, "float16")


def _check_space(cache: Path, stores: Collection[_Store]) -> None:
    needed = sum(store.missing_bytes for store in stores)
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise OutputUnwritable(
            f"{cache}: the features of {len(stores)} sites take {needed / 1e9:.1f} GB more and only {free / 1e9:.1f} GB are "
            "free. Free some space, look at fewer frames (--stride) or sites, or put the cache elsewhere (--cache)."
        )


def _key(episode: Episode, policy: Policy, request: FeatureRequest, site: str) -> str:
    heard: list[Any] = [()]
    if policy.sites[site].depends_on_instruction:
        heard = [(episode.instruction,), *_state_key(episode, policy, request)]
    return _digest([*_seen(episode, policy, request), *heard])


def _actions_key(episode: Episode, policy: Policy, request: FeatureRequest) -> str:
    heard = [episode.instruction, request.seed, *_state_key(episode, policy, request)]
    return _digest([_ACTIONS, *_seen(episode, policy, request), heard])


def _seen(episode: Episode, policy: Policy, request: FeatureRequest) -> list[Any]:
    """What shapes every number of a request."""
    return [
        SCHEMA,
        [(camera, episode.cameras[camera].fingerprint()) for camera in request.cameras],
        request.frames,
        policy.fingerprint,
        policy.transform.fingerprint,
    ]


def _state_key(episode: Episode, policy: Policy, request: FeatureRequest) -> list[str]:
    """Where every token sees every other, the robot's state reaches all that the instruction reaches."""
    states = states_of(episode, request.frames, policy)
    return [] if states is None else [hashlib.blake2b(states.tobytes(), digest_size=16).hexdigest()]


def _digest(parts: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time: a second analysis of the same input waits, then finds the features made."""
    path = folder / ".lock"
    with writing_to(path):
        lock = path.open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
