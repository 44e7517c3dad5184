"""How fast recordings are listed and read: `python -m benchmarks.videos [folder of recordings …]`.

Without arguments: a LeRobot v3.0 index of 1,000 episodes made on the spot, and the bundled sample.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from videos.catalog import find_episodes, open_episode
from videos.episode import Episode
from videos.preview import write_preview
from videos.samples import sample


def write_index(folder: Path, episodes: int) -> None:
    """A LeRobot v3.0 index as large as real ones are: 20 features with ten statistics of 14 numbers each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    feature = {"dtype": "video", "shape": [480, 640, 3], "names": ["height", "width", "channels"]}
    info = {
        "codebase_version": "v3.0",
        "fps": 30,
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        "features": {"observation.images.top": feature},
    }
    (folder / "meta" / "episodes" / "chunk-000").mkdir(parents=True)
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    numbers = list(range(episodes))
    columns: dict[str, object] = {
        "episode_index": numbers,
        "tasks": [[f"fold the shirt number {n % 50} and put it away"] for n in numbers],
        "length": [300 + n % 100 for n in numbers],
    }
    rng = np.random.default_rng(0)
    for k in range(200):
        columns[f"stats/feature{k // 10}/{k % 10}"] = rng.random((episodes, 14)).tolist()
    pq.write_table(pa.table(columns), folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet")


def list_in_fresh_process(folder: Path) -> None:
    """Print the time and the peak memory of listing alone, imports included."""
    code = (
        "import sys, time; start = time.perf_counter(); from videos.catalog import find_episodes; "
        "n = len(find_episodes(sys.argv[1])); took = time.perf_counter() - start; "
        "from benchmarks.videos import peak_mb; "
        "print(f'{n:6d} episodes listed in {took:.2f} s, peak memory {peak_mb():.0f} MB, imports included')"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def peak_mb() -> float:
    """Peak memory of this process so far. Not getrusage: its figure for a child begins with that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(episode: Episode, repeats: int) -> None:
    """Print how fast the first camera of an episode is opened, decoded and jumped about in."""
    name, camera = next(iter(episode.cameras.items()))
    start = time.perf_counter()
    frames = sum(1 for _ in camera.frames())
    fps = frames / (time.perf_counter() - start)
    rng = np.random.default_rng(0)
    jumps = []
    for index in rng.integers(0, frames, repeats).tolist():
        start = time.perf_counter()
        next(camera.frames([index]))
        jumps.append(time.perf_counter() - start)
    p50, p95 = np.percentile(jumps, [50, 95]) * 1000
    print(
        f"{episode.format:16s} {name:10s} {camera.size[1]}x{camera.size[0]} {frames:5d} frames: decode {fps:6.0f} fps, "
        f"any frame p50 {p50:5.1f} ms, p95 {p95:5.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=60, help="jumps to a frame drawn at random")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        write_index(Path(made), 1000)
        list_in_fresh_process(Path(made))
    for folder in options.folders or [sample()]:
        list_in_fresh_process(folder)
        summaries = find_episodes(folder)
        start = time.perf_counter()
        episode = open_episode(summaries[len(summaries) // 2])
        print(f"{'':16s} opened in {(time.perf_counter() - start) * 1000:.0f} ms")
        measure(episode, options.repeats)
        start = time.perf_counter()
        write_preview(episode, Path(tempfile.gettempdir()) / "preview_benchmark.mp4")
        print(f"{'':16s} preview of {len(episode.cameras)} camera(s): {time.perf_counter() - start:.2f} s")
        (Path(tempfile.gettempdir()) / "preview_benchmark.mp4").unlink()
    print(f"peak memory of everything: {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
