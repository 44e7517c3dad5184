"""What a run will take, before it starts: time, disk and memory; and what to reduce where that is too much.

Time is operations over the rate of plain matrix products on this machine, measured for a second. The arithmetic is
pure; only `measured_rate`, `free_disk` and `free_memory` ask the machine.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.features import FeatureRequest, missing
from analyzer.settings import MAX_MINUTES, Settings
from foundation.errors import BadInput
from videos.episode import Episode

if TYPE_CHECKING:
    from policies.policy import Policy

SMALL_FLOPS = 1e13
"""Work below this is not worth a second's measurement."""
OVERHEAD = 1.3
"""A forward pass beside plain matrix products of as many operations (measured: 1.1 to 1.4)."""
_CHUNK_BYTES_PER_BYTE = 3
"""Features of a batch are held as the policy gives them, as float32 and as float16."""


@dataclass(frozen=True)
class Estimate:
    """The work of a run that the cache does not save."""

    frames: int
    """That the policy has to look at."""
    flops: float
    """Of looking at them, and of asking what its actions depend on."""
    shallower: tuple[tuple[str, float], ...]
    """(site, operations if it were the deepest) of the chosen sites that lack frames, the deepest left out."""
    disk_bytes: int
    """That features will add to the cache."""
    memory_bytes: int
    """Of the features of one batch and of the policy's weights, as far as those are not mapped files."""
    cache: Path
    settings: Settings
    asking: float = 0.0
    """Of the operations, those of asking what actions depend on, at most. They are not kept in the cache."""
    sites: tuple[str, ...] = ()
    """All that the policy has, in order of depth."""
    chosen: tuple[str, ...] = ()
    """Those that the run looks at."""
    dtype: str = "float32"
    """In which the policy computes."""


@dataclass(frozen=True)
class Forecast:
    """What a run will take on this machine."""

    frames: int
    seconds: float | None
    """None: too little to be worth a measurement."""
    disk_bytes: int
    memory_bytes: int
    free_disk_bytes: int
    free_memory_bytes: int | None
    sites: tuple[str, ...]
    chosen: tuple[str, ...]
    text: str
    """All of it in a sentence."""


def estimate(
    episodes: Sequence[Episode], requests: Sequence[FeatureRequest], policy: Policy, cache: Path, settings: Settings
) -> Estimate:
    """Add up what every episode lacks."""
    from analyzer.dependence.assess import flops as flops_of_asking

    frames, flops, disk, asking = 0, 0.0, 0, 0.0
    shallower: dict[str, float] = {}
    for episode, request in zip(episodes, requests, strict=True):
        lacking = missing(episode, policy, request, cache)
        frames += lacking.frames
        disk += lacking.bytes
        asking += flops_of_asking(request, policy, settings)
        per_site = {site: policy.sites[site].flops for site in lacking.sites}
        acting = policy.action_flops if lacking.actions else 0.0
        views = len(request.cameras)
        flops += lacking.frames * frame_flops(max(per_site.values(), default=0.0), acting, views, len(policy.cameras))
        for site, reached in per_site.items():
            cost = lacking.frames * frame_flops(reached, acting, views, len(policy.cameras))
            shallower[site] = shallower.get(site, 0.0) + cost
    shallower = {site: cost + asking for site, cost in shallower.items() if cost < flops}
    flops += asking
    widest = max(requests, key=lambda request: len(request.cameras), default=None)
    per_frame = 0 if widest is None else sum(math.prod(widest.shape(policy, site)[1:]) for site in widest.sites)
    memory = settings.batch * per_frame * 4 * _CHUNK_BYTES_PER_BYTE
    if frames and widest is not None:
        memory += policy.weight_bytes(widest.sites, actions=widest.actions)
    sites, chosen = tuple(policy.sites), requests[0].sites if requests else ()
    dtype = str(policy.dtype).removeprefix("torch.")
    return Estimate(
        frames, flops, tuple(shallower.items()), disk, memory, cache, settings, asking, sites, chosen, dtype
    )


def frame_flops(site: float, action: float, views: int, at_once: int) -> float:
    """Operations for one frame of `views` cameras, to a site that costs `site` a camera, and for its action.

    An action goes through the same towers as the features of its pass, so the dearer of the two counts. A policy that
    takes one view at a time (`at_once` 1) acts through the first of them only.
    """
    if at_once == views:
        return max(site * views, action)
    return max(site, action) + site * (views - 1)


def seconds(flops: float, rate: float) -> float:
    """`rate`: operations a second of plain matrix products."""
    return OVERHEAD * flops / rate


def proposals(work: Estimate, took_s: float, limit_s: float) -> list[str]:
    """What to change so that the run fits into `limit_s`, one flag each, the mildest first."""
    settings = work.settings
    ideas = []
    if work.asking and took_s * (1 - work.asking / work.flops) <= limit_s:
        ideas.append("--erase-frames 0 --attribution-frames 0")
    fitting = [site for site, flops in work.shallower if took_s * flops / work.flops <= limit_s]
    if fitting:
        ideas.append(f"no site deeper than {fitting[-1]} (--sites)")
    if limit_s > 0:
        ideas.append(f"--stride {settings.stride * math.ceil(took_s / limit_s)}")
        if settings.input_size is not None:
            side = int(settings.input_size * math.sqrt(limit_s / took_s)) // 14 * 14
            if side >= 14:
                ideas.append(f"--input-size {side}")
    if settings.densify > 1:
        ideas.append("no --densify")
    return ideas


def forecast(
    work: Estimate, rate: Callable[[str, str], float] | None = None, *, worth: float = SMALL_FLOPS
) -> Forecast:
    """What the work will take here.

    Args:
        worth: operations from which on the time is worth a measurement.
        rate: (device, dtype) -> operations a second; None: measured now.
    """
    settings, took = work.settings, None
    if work.flops >= max(worth, 1):
        took = seconds(work.flops, (rate or measured_rate)(settings.device, work.dtype))
    told = [f"{work.frames} frames to look at" + (", asked what its actions depend on" if work.asking else "")]
    if took is not None:
        told.append(f"about {_duration(took)} on {settings.device} in {work.dtype}")
    told.append(f"{_size(work.disk_bytes)} more in the cache")
    told.append(f"{_size(work.memory_bytes)} of memory")
    return Forecast(
        frames=work.frames,
        seconds=took,
        disk_bytes=work.disk_bytes,
        memory_bytes=work.memory_bytes,
        free_disk_bytes=free_disk(work.cache),
        free_memory_bytes=free_memory(),
        sites=work.sites,
        chosen=work.chosen,
        text="Ahead: " + ", ".join(told) + ".",
    )


def approve(
    work: Estimate,
    *,
    max_minutes: float = MAX_MINUTES,
    yes: bool = False,
    say: Callable[[str], None] = lambda line: None,
    rate: Callable[[str, str], float] | None = None,
) -> None:
    """Say in a line what a run will take; refuse what is over the limits.

    Args:
        yes: go on whatever it takes.
        rate: (device, dtype) -> operations a second; None: measured now.

    Raises:
        BadInput: too long, or more than the disk or the memory holds; with what to reduce.
    """
    if work.frames == 0 and work.asking < SMALL_FLOPS:
        return
    settings = work.settings
    ahead = forecast(work, rate)
    took, disk, memory = ahead.seconds, ahead.free_disk_bytes, ahead.free_memory_bytes
    say(ahead.text)
    if yes:
        return
    problems, ideas = [], []
    if took is not None and took > max_minutes * 60:
        problems.append(f"the run would take about {_duration(took)}, more than --max-minutes {max_minutes:g}")
        ideas += proposals(work, took, max_minutes * 60)
    if work.disk_bytes > disk:
        problems.append(f"its features take {_size(work.disk_bytes)} and {_size(disk)} are free at {work.cache}")
        share = math.ceil(work.disk_bytes / max(1, disk))
        ideas += [f"--stride {settings.stride * share}", "fewer --sites", "another place with --cache"]
    if memory is not None and work.memory_bytes > memory:
        problems.append(
            f"weights and a batch of features take {_size(work.memory_bytes)} of memory and {_size(memory)} are free"
        )
        ideas += ["a smaller --batch", "fewer --sites", "the checkpoint's own --dtype"]
    if problems:
        raise BadInput(
            f"Over the budget: {'; '.join(problems)}. Try {', or '.join(dict.fromkeys(ideas))}; or add --yes to run it as "
            "it is. What is in the cache is not computed again."
        )


def measured_rate(device: str, dtype: str) -> float:
    """Operations a second of square matrix products on `device`, the best of one second."""
    import torch

    side = 1024 if device == "cpu" else 8192
    factor = torch.full((side, side), 0.5, dtype=getattr(torch, dtype), device=device)

    def once() -> float:
        start = time.perf_counter()
        product = factor @ factor
        product[0, 0].item()  # waits for a device that works on its own
        return time.perf_counter() - start

    end = time.perf_counter() + 1.0
    best = once()
    while time.perf_counter() < end:
        best = min(best, once())
    return 2.0 * side**3 / best


def free_disk(folder: Path) -> int:
    """Bytes, of the disk on which `folder` lies or would lie."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(existing).free


def free_memory() -> int | None:
    """Bytes of main memory that can be had without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _duration(took_s: float) -> str:
    if took_s < 90:
        return f"{max(1, round(took_s))} seconds"
    return f"{took_s / 60:.0f} minutes" if took_s < 90 * 60 else f"{took_s / 3600:.1f} hours"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
