"""How close the policies come to the matrix products they consist of. Run: python benchmarks/policies.py

Each line gives the floor and the ratio to it, both measured in the same run: the floor is the exact operation count
divided by the best rate of a plain matrix product of the layer's own size in the same type.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policies.catalog import load_policy


def best_seconds(call: Callable[[], object], repeats: int) -> float:
    """The fastest of `repeats` calls: noise only ever adds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def gemm_rate(rows: int, inner: int, columns: int, dtype: torch.dtype) -> float:
    """Operations a second of [rows, inner] @ [inner, columns]^T, weights as a linear layer stores them."""
    x, weight = torch.randn(rows, inner).to(dtype), torch.randn(columns, inner).to(dtype)
    return 2 * rows * inner * columns / best_seconds(lambda: torch.nn.functional.linear(x, weight), 20)


def line(what: str, seconds: float, flops: float, rate: float) -> None:
    floor = flops / rate
    print(
        f"{what:44s} {seconds:7.3f} s  floor {floor:7.3f} s  ratio {seconds / floor:5.2f}  ({rate / 1e9:6.0f} GFLOP/s)"
    )


def dinov2_small(repeats: int) -> None:
    """Seconds a frame of the embedded default at its default size, by type and batch."""
    for dtype in ("float32", "bfloat16"):
        policy = load_policy("dinov2-small", dtype=dtype)
        site = list(policy.sites)[-1]
        rate = gemm_rate(1025, 384, 1536, getattr(torch, dtype))
        for batch in (1, 2, 4, 8):
            frames = list(np.random.default_rng(0).integers(0, 256, (batch, 1, 256, 256, 3), dtype=np.uint8))
            policy.run(frames[:1], sites=[site])
            seconds = best_seconds(partial(policy.run, frames, sites=[site]), repeats) / batch
            line(f"dinov2-small 448 px {dtype} batch {batch}, a frame", seconds, policy.sites[site].flops, rate)


BENCHMARKS = {"dinov2-small": dinov2_small}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which to run; default: all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in given.names or BENCHMARKS:
        BENCHMARKS[name](given.repeats)


if __name__ == "__main__":
    main()
