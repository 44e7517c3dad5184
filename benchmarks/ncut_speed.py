"""Time and memory of one cut, each measured in a process of its own, and what the machine could do at best."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TypedDict

import torch

from benchmarks.ncut_methods import HOW_TO_GET_IT, OURS, THEIRS, VECTORS, ours, peer, peer_is_here
from benchmarks.ncut_table import Table

THREADS = 2
CHANNELS = 1024
SIZES = (25_000, 50_000, 100_000, 200_000, 400_000, 1_000_000)
COMPARED = (200_000, 1_000_000)
PROJECTION, LANDMARKS = 64, 512
"""Of the floor: read everything once, project d -> 64, meet 512 landmarks; all else is taken as free."""


class Cost(TypedDict):
    cpu_s: float
    """Of all threads."""
    wall_s: float
    extra_mb: float
    """Peak memory, the result included, over what just holding the data takes."""


def speed(table: Table, *, sizes: tuple[int, ...] = SIZES) -> None:
    table.title(f"Speed: n x {CHANNELS}, {VECTORS} vectors, {THREADS} threads; fit and transform; medians")
    gemm, copy = machine()
    table.note(f"this machine: float32 products {gemm / 1e9:.0f} GFLOP/s, memory copies {copy / 1e9:.1f} GB/s")
    for n in COMPARED:
        read, axes, landmarks = floor_parts(n)
        table.note(
            f"floor of {n:,} rows: {read / 1e9:.2f} GB read once {read / copy:.2f} s + {CHANNELS} -> {PROJECTION} axes "
            f"{axes / 1e9:.0f} GFLOP {axes / gemm:.2f} s + {LANDMARKS} landmarks {landmarks / 1e9:.0f} GFLOP {landmarks / gemm:.2f} s"
        )
    both = peer_is_here()
    if not both:
        table.note(HOW_TO_GET_IT)
    walls: dict[int, float] = {}
    for n in sizes:
        mine = measured(OURS, n, repeats=5 if n <= 200_000 else 3)
        walls[n] = mine["wall_s"]
        table.figure(f"{n:>9,} rows: extra peak memory, MB", mine["extra_mb"], 250)
        if n not in COMPARED:
            continue
        floor = floor_s(n, gemm, copy)
        table.figure(
            f"{n:>9,} rows: wall seconds over the floor", mine["wall_s"] / floor, 2.0, of=_of(mine["wall_s"], floor)
        )
        if both:
            other = measured(THEIRS, n, repeats=3 if n <= 200_000 else 1)
            ratio = other["cpu_s"] / mine["cpu_s"]
            told = f"{other['cpu_s']:.2f} s against {mine['cpu_s']:.2f} s; wall {other['wall_s']:.2f} against {mine['wall_s']:.2f}"
            table.figure(f"{n:>9,} rows: CPU seconds of ncut-pytorch over ours", ratio, 10.0, at_least=True, of=told)
            table.figure(f"{n:>9,} rows: extra peak memory of ncut-pytorch, MB", other["extra_mb"])
    if len(walls) > 2:
        table.figure("slope of log time over log n (1 is linear)", slope(walls), 1.05, of=_times(walls))


def machine(repeats: int = 5) -> tuple[float, float]:
    """Floating-point operations a second of a float32 product as large as ours are; bytes read a second by a copy."""
    torch.set_num_threads(THREADS)
    a, b = torch.randn(2048, CHANNELS), torch.randn(CHANNELS, PROJECTION * 8)
    source = torch.randn(1 << 27)
    target = torch.empty_like(source)
    product, copied = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(10):
            a @ b
        product.append(10 * 2 * a.numel() * b.shape[1] / (time.perf_counter() - start))
        start = time.perf_counter()
        target.copy_(source)
        copied.append(source.numel() * 4 / (time.perf_counter() - start))
    return max(product), max(copied)


def floor_s(n: int, gemm: float, copy: float) -> float:
    """Seconds, as DESIGN has it: read once + axes + landmarks, at what this machine does of each, one after the other."""
    read, axes, landmarks = floor_parts(n)
    return read / copy + (axes + landmarks) / gemm


def floor_parts(n: int) -> tuple[float, float, float]:
    """Bytes read, and floating-point operations of the products with the axes and with the landmarks."""
    return n * CHANNELS * 4, 2 * n * CHANNELS * PROJECTION, 2 * n * PROJECTION * LANDMARKS


def slope(times: dict[int, float]) -> float:
    """Least squares of log time over log n."""
    x, y = [math.log(n) for n in times], [math.log(t) for t in times.values()]
    return statistics.linear_regression(x, y).slope


def measured(method: str, n: int, repeats: int) -> Cost:
    """In a fresh process: what another measurement left behind, or warmed up, does not count."""
    code = f"from benchmarks.ncut_speed import work; work({method!r}, {n}, {repeats})"
    # A process that inherits a peak would report its parent's; the shell in between has none.
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "MKL_NUM_THREADS": str(THREADS)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{method} at {n} rows failed:\n{done.stderr[-2000:]}")
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


def work(method: str, n: int, repeats: int) -> None:
    """Inside that process: make the data, cut it, print the cost as JSON."""
    torch.set_num_threads(THREADS)
    x = features(n)
    (ours().fit_transform if method == OURS else peer)(features(2000))  # load libraries and start threads
    held = peak_mb()
    cpu, wall = [], []
    for _ in range(repeats):
        start_cpu, start = time.process_time(), time.perf_counter()
        result = ours().fit_transform(x) if method == OURS else peer(x)
        cpu.append(time.process_time() - start_cpu)
        wall.append(time.perf_counter() - start)
        assert result.shape == (n, VECTORS)
        del result
    print(json.dumps(Cost(cpu_s=statistics.median(cpu), wall_s=statistics.median(wall), extra_mb=peak_mb() - held)))


def features(n: int, seed: int = 0) -> torch.Tensor:
    """(n, 1024) float32 with the spectrum of real features: groups, a few dozen directions that matter, and noise."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(40, CHANNELS, generator=generator)
    directions = torch.randn(48, CHANNELS, generator=generator) / 7
    out = torch.empty(n, CHANNELS)
    for start in range(0, n, 8192):
        block = out[start : start + 8192]
        block.normal_(generator=generator).mul_(0.3)
        block += centres[torch.randint(40, (len(block),), generator=generator)]
        block.addmm_(torch.randn(len(block), 48, generator=generator), directions)
    return out


def peak_mb() -> float:
    """Peak memory of this process so far, anonymous and mapped. Not getrusage: it begins with the parent's peak."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _of(one: float, other: float) -> str:
    return f"{one:.2f} s against {other:.2f} s"


def _times(walls: dict[int, float]) -> str:
    return ", ".join(f"{n // 1000}k {wall:.2f} s" for n, wall in walls.items())


def gpu(table: Table, n: int = 1_000_000, channels: int = 768) -> None:
    table.title(f"GPU: {n:,} x {channels}, after warm-up")
    if not torch.cuda.is_available():
        table.note("no GPU here: not measured")
        return
    x = torch.empty(n, channels, device="cuda")
    generator = torch.Generator("cuda").manual_seed(0)
    centres = torch.randn(40, channels, device="cuda", generator=generator)
    x.normal_(generator=generator).mul_(0.5).add_(centres[torch.randint(40, (n,), device="cuda", generator=generator)])
    mine = _gpu_ms(lambda: ours().set_params(device="cuda").fit_transform(x))
    table.figure("milliseconds", mine, 100.0, of=torch.cuda.get_device_name())
    if peer_is_here():
        other = _gpu_ms(lambda: peer(x))
        table.figure("ncut-pytorch over ours", other / mine, of=f"{other:.0f} ms")


def _gpu_ms(cut: object, repeats: int = 5) -> float:
    assert callable(cut)
    times = []
    for _ in range(repeats + 2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        cut()
        torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[2:])
