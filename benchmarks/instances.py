"""Instances without labels against ground truth: `python -m benchmarks.instances`.

On the LIBERO episodes of ../shared, every frame, real features at 448 pixels. Parameters were chosen on CHOOSE_ON alone;
REPORT_ON gives the figures. Beside `discover` stand two plain ways to have instances, scored alike: k-way segments of
every frame by itself, and the run's joint segments, whose ids are steady but know nothing of places. Both are given the
number of segments that serves them best on CHOOSE_ON.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from analyzer.basis import SiteCut
from analyzer.features import FeatureRequest, default_cache, extract
from analyzer.instances.discover import discover
from analyzer.instances.figure_cut import figure_cut, figure_frames
from analyzer.instances.instances import Instances
from analyzer.instances.view import SiteView, View
from analyzer.ncut.kway import kway_labels, kway_rotation
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings
from benchmarks.instance_scores import ObjectScore, scores
from policies.catalog import load_policy
from policies.policy import Policy
from videos.catalog import find_episodes, open_episode
from videos.episode import Episode

EPISODES = Path(__file__).resolve().parent.parent.parent / "shared" / "libero" / "episodes"
CAMERA = "agentview"
CHOOSE_ON = ("ep_010", "ep_007", "ep_000")
REPORT_ON = ("ep_003", "ep_012", "ep_015", "ep_018", "ep_020", "ep_022", "ep_024")
OBJECTS = (1, 2, 3, 4, 5)
"""Bowl, bowl, cookie box, ramekin, plate: what can be moved. The other ids are shown beside them."""
ARM = (8, 10)
"""Arm and gripper, which the ground truth keeps apart, are one here."""
SEGMENTS = (6, 8, 12, 16, 24)
TIMED = 8
"""Frames on which the policy is timed."""


@dataclass(frozen=True, eq=False)
class Take:
    """An episode with its features and what is to be found in it."""

    episode: Episode
    camera: CameraRecord
    features: dict[str, np.ndarray]
    """Site -> (frames, rows, cols, C) float16, memory-mapped."""
    truth: np.ndarray
    names: tuple[str, ...]

    def pictures(self, start: int, stop: int) -> Iterator[np.ndarray]:
        for frame in self.episode.cameras[CAMERA].frames(range(start, stop)):
            yield frame.rgb


def take(name: str, policy: Policy, sites: Sequence[str], cache: Path) -> Take:
    summary = next(one for one in find_episodes(EPISODES) if one.id == name)
    episode = open_episode(summary)
    request = FeatureRequest((CAMERA,), tuple(range(episode.frame_count)), tuple(sites), 4)
    found = extract(episode, policy, request, cache)
    height, width = episode.cameras[CAMERA].size
    matrix = tuple(tuple(float(v) for v in row) for row in policy.transform.to_recording(height, width))
    assert episode.masks is not None
    masks = episode.masks[CAMERA].load()
    return Take(
        episode,
        CameraRecord(CAMERA, width, height, matrix, policy.transform.size, (0, 0, width, height)),
        {site: np.load(one.path, mmap_mode="r")[:, 0] for site, one in found.items()},
        np.where(masks.labels == ARM[1], ARM[0], masks.labels),
        masks.names,
    )


def embedded(data: Take, settings: Settings) -> dict[str, np.ndarray]:
    """Site -> (frames, rows, cols, c) float32 coordinates that instances are found in, of the episode's own basis, frames not coupled."""
    placed = {}
    for site, features in data.features.items():
        rows = features.reshape(-1, features.shape[-1])
        cut = figure_cut((rows[at : at + 8192] for at in range(0, len(rows), 8192)), settings)
        frames = figure_frames(cut, [rows], (1, *features.shape[1:3]), (), settings)
        placed[site] = np.concatenate([one.astype(np.float32) for one in frames])
    return placed


def found(data: Take, placed: dict[str, np.ndarray], settings: Settings) -> tuple[Instances, float]:
    """What `discover` finds, and the seconds it takes."""
    sites = tuple(SiteView(site, one.shape[1:3], lambda a, b, one=one: one[a:b]) for site, one in placed.items())
    view = View(data.camera, data.episode.frame_count, data.pictures, sites)
    since = time.perf_counter()
    instances = discover(view, settings)
    return instances, time.perf_counter() - since


def each_frame_by_itself(data: Take, site: str, segments: int) -> Iterator[np.ndarray]:
    """k-way NCut of every frame alone, numbered by size, as label maps. Ids mean nothing beyond their frame."""
    settings = Settings(n_eigenvectors=segments, n_landmarks=256)
    for features in data.features[site]:
        rows = features.reshape(-1, features.shape[-1])
        vectors = SiteCut.fit([rows], settings).ncut.embedding_
        labels = kway_labels(vectors, kway_rotation(vectors)).numpy().reshape(features.shape[:2])
        yield to_pixels(labels + 1, data)


def joint_segments(data: Take, site: str, segments: int) -> Iterator[np.ndarray]:
    """The segments of one basis for the whole episode."""
    features = data.features[site]
    rows = features.reshape(-1, features.shape[-1])
    cut = SiteCut.fit([rows[at : at + 8192] for at in range(0, len(rows), 8192)], Settings())
    ids = cut.tree.ids(segments)
    for one in features:
        _, place = cut.place(one.reshape(-1, one.shape[-1]))
        yield to_pixels(ids[place].numpy().reshape(one.shape[:2]) + 1, data)


def to_pixels(labels: np.ndarray, data: Take) -> np.ndarray:
    """(rows, cols) labels -> (height, width) uint8. The pictures are resized whole, so patches are a plain grid."""
    size = (data.camera.width, data.camera.height)
    return np.asarray(cv2.resize(labels.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST))


def scored(data: Take, maps: Iterator[np.ndarray] | Sequence[np.ndarray]) -> dict[int, ObjectScore]:
    grid = next(iter(data.features.values())).shape[1:3]
    return scores(maps, data.truth, data.camera, grid, len(data.names) - 1)


@dataclass(frozen=True)
class Summary:
    pixels: float
    patches: float
    each_frame: float
    switches: float
    found_again: tuple[int, int]

    @classmethod
    def of(cls, every: Sequence[dict[int, ObjectScore]], objects: Sequence[int]) -> Summary:
        some = [score[number] for score in every for number in objects if number in score]
        again = [one for score in some for one in score.found_again]
        frames = sum(score.frames for score in some)
        return cls(
            float(np.mean([score.pixels for score in some])),
            float(np.mean([score.patches for score in some])),
            float(np.mean([score.each_frame for score in some])),
            100 * sum(score.switches for score in some) / max(1, frames),
            (sum(again), len(again)),
        )

    def __str__(self) -> str:
        again = f"{self.found_again[0]}/{self.found_again[1]}"
        return (
            f"IoU {self.pixels:.3f} pixels, {self.patches:.3f} patches, {self.each_frame:.3f} whatever the id; "
            f"{self.switches:.2f} switches per object and 100 frames; found again {again}"
        )


def drawn(data: Take, instances: Instances, path: Path) -> None:
    """A contact sheet to look at."""
    colors = np.zeros((256, 3), np.uint8)
    for one in instances.instances:
        colors[one.id] = one.color
    shown = np.linspace(0, data.episode.frame_count - 1, 8).round().astype(int)
    pictures = list(data.pictures(0, data.episode.frame_count))
    columns = []
    for frame in shown:
        labels = instances.maps[CAMERA][frame]
        edge = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
        picture = pictures[frame].copy()
        picture[edge] = colors[labels][edge]
        columns.append(np.vstack([picture, colors[labels]]))
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(columns), cv2.COLOR_RGB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--sites", default="vision.5,vision.7", help="sites that discover looks at")
    parser.add_argument("--episodes", default="", help="only these, e.g. ep_010,ep_007")
    parser.add_argument("--baselines", action="store_true", help="also the plain ways (minutes)")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of what was found")
    chosen = parser.parse_args()
    settings = Settings(input_size=448, coupling=0.0)
    policy = load_policy("dinov2-small", input_size=448)
    sites = chosen.sites.split(",")
    wanted = tuple(filter(None, chosen.episodes.split(","))) or (*CHOOSE_ON, *REPORT_ON)
    every: dict[str, dict[int, ObjectScore]] = {}
    seconds, frames = 0.0, 0
    takes = {}
    for name in wanted:
        data = takes[name] = take(name, policy, sites, chosen.cache)
        instances, spent = found(data, embedded(data, settings), settings)
        every[name] = scored(data, list(instances.maps[CAMERA]))
        seconds, frames = seconds + spent, frames + data.episode.frame_count
        objects = " ".join(
            f"{number}:{score.pixels:.2f}"
            + (f"({score.switches} switches)" if score.switches else "")
            + (f"(again {sum(score.found_again)}/{len(score.found_again)})" if score.found_again else "")
            for number, score in every[name].items()
        )
        roles = [one.role for one in instances.instances]
        counted = ", ".join(f"{roles.count(role)} {role}" for role in dict.fromkeys(roles))
        print(f"{name}  {counted}  IoU {objects}  {1000 * spent / data.episode.frame_count:.0f} ms a frame", flush=True)
        if chosen.sheets:
            chosen.sheets.mkdir(parents=True, exist_ok=True)
            drawn(data, instances, chosen.sheets / f"{name}.png")
    for title, names in (("chosen on", CHOOSE_ON), ("reported on", REPORT_ON)):
        some = [every[name] for name in names if name in every]
        if some:
            print(f"\n{title} {', '.join(name for name in names if name in every)}")
            print(f"  movable objects   {Summary.of(some, OBJECTS)}")
            print(f"  with furniture    {Summary.of(some, (*OBJECTS, 6, 7))}")
            print(f"  arm with gripper  {Summary.of(some, ARM[:1])}")
    data = next(iter(takes.values()))
    pictures = [picture[None] for picture in data.pictures(0, TIMED)]
    policy.run(pictures[:4], None, sites=sites)
    since = time.perf_counter()
    for at in range(0, TIMED, 4):
        policy.run(pictures[at : at + 4], None, sites=sites)
    feature = (time.perf_counter() - since) / TIMED
    spent_on = 1000 * seconds / frames
    print(
        f"\ndiscover: {spent_on:.1f} ms a frame; the features take {1000 * feature:.0f} ms: {spent_on / feature / 10:.1f} %"
    )
    if chosen.baselines:
        _baselines(takes, sites[len(sites) // 2])


def _baselines(takes: dict[str, Take], site: str) -> None:
    for title, way in (("k-way of each frame by itself", each_frame_by_itself), ("joint segments", joint_segments)):
        learned = [data for name, data in takes.items() if name in CHOOSE_ON]
        tried = {k: [scored(data, way(data, site, k)) for data in learned] for k in SEGMENTS} if learned else {}
        best = max(tried, key=lambda k: Summary.of(tried[k], OBJECTS).pixels) if tried else SEGMENTS[2]
        reported = [scored(data, way(data, site, best)) for name, data in takes.items() if name in REPORT_ON]
        for where, some in (("chosen on", tried.get(best, [])), ("reported on", reported)):
            if some:
                print(f"{title}, {site}, {best} segments, {where}: {Summary.of(some, OBJECTS)}", flush=True)


if __name__ == "__main__":
    main()
