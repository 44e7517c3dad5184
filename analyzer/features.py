"""Frames through a policy into a cache on disk; what is there is never computed again.

One folder an input, named by everything that shapes its numbers: the recording's content, cameras and frames, the
policy's weights and transform and, where a site depends on it, the instruction. In it one float16 `.npy` a site and a
manifest that says how far each site has got. A kill at any moment loses at most the batch under way.
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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.npy import NpyFile
from foundation.errors import BadInput, OutputUnwritable, RunUnreadable
from foundation.files import atomic, writing_to
from foundation.names import safe_name
from videos.episode import Episode

if TYPE_CHECKING:
    from policies.policy import Policy

SCHEMA = 1


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

    Args:
        progress: called with the number of frames that just became available, from the cache or the policy.

    Raises:
        OutputUnwritable: the cache cannot be written, or the disk is too full for what is missing.
    """
    # Sites that do not depend on the instruction are kept apart from it, so that another instruction finds them made.
    folders = {site: cache / _key(episode, policy, request, site) for site in request.sites}
    shapes = {site: request.shape(policy, site) for site in request.sites}
    with ExitStack() as stack:
        manifests = {}
        for folder in sorted(set(folders.values())):
            with writing_to(folder):
                folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(folder))
            manifests[folder] = _Manifest.read(folder)
            manifests[folder].describe(episode, policy, request)
        stores = {}
        for site, folder in folders.items():
            file = _open_site(folder, site, shapes[site], manifests[folder])
            stack.callback(file.close)
            stores[site] = _Store(site, file, manifests[folder])
        _check_space(cache, stores.values())
        _forward(episode, policy, request, stores, progress)
    return {site: SiteFeatures(store.file.path, shapes[site]) for site, store in stores.items()}


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


def _forward(
    episode: Episode,
    policy: Policy,
    request: FeatureRequest,
    stores: dict[str, _Store],
    progress: Callable[[int], None],
) -> None:
    total = len(request.frames)
    start = min(store.done for store in stores.values())
    progress(start)
    if start == total:
        return
    streams = [episode.cameras[camera].frames(request.frames[start:]) for camera in request.cameras]
    for at in range(start, total, request.batch):
        count = min(request.batch, total - at)
        views = [[next(stream).rgb for _ in range(count)] for stream in streams]
        wanted = [site for site, store in stores.items() if store.done < at + count]
        for site, features in _run(policy, views, episode.instruction, wanted).items():
            stores[site].append(at, features)
        for manifest in {id(store.manifest): store.manifest for store in stores.values()}.values():
            manifest.write()
        progress(count)


def _run(
    policy: Policy, views: list[list[np.ndarray]], instruction: str | None, sites: Sequence[str]
) -> dict[str, np.ndarray]:
    """[frames, cameras, rows, cols, C] a site. A policy with one view sees every camera by itself."""
    count = len(views[0])
    if len(policy.cameras) == len(views):
        inputs = [np.stack([view[frame] for view in views]) for frame in range(count)]
        output = policy.run(inputs, instruction, sites=sites)
        return {site: tensor.float().cpu().numpy() for site, tensor in output.features.items()}
    inputs = [view[frame][None] for frame in range(count) for view in views]
    output = policy.run(inputs, instruction, sites=sites)
    return {
        site: tensor.float().cpu().numpy().reshape(count, len(views), *tensor.shape[2:])
        for site, tensor in output.features.items()
    }


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
    parts = [
        SCHEMA,
        [(camera, episode.cameras[camera].fingerprint()) for camera in request.cameras],
        request.frames,
        policy.fingerprint,
        policy.transform.fingerprint,
        (episode.instruction,) if policy.sites[site].depends_on_instruction else (),
    ]
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
