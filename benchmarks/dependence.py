"""What the action depends on, planted and found again; and what asking costs: `python -m benchmarks.dependence`.

* Planted: a policy that reads the colours under one object of a real LIBERO picture, and nothing else, acts before the
  recording. Erasing must name that object and no other; so should attribution. Ground truth gives the masks, so that
  only this stage is scored. The ten episodes of ../shared/libero, or the two bundled ones.
* Blind: a policy that reads random patches of background must be said to act on nothing.
* Gradient: of the recorded OpenVLA, against finite differences.
* Time: per frame, and at the defaults, beside the features of dinov2-small on the same episode.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from analyzer.dependence.assess import assess
from analyzer.dependence.erasing import erased, moved_masks, widened
from analyzer.dependence.record import Dependence, InstanceDependence
from analyzer.features import FeatureRequest
from analyzer.instances.given import given
from analyzer.instances.instances import Instances
from analyzer.instances.patches import PatchRule
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings
from benchmarks.linear_policy import LinearPolicy
from benchmarks.ncut_table import Table
from foundation.action_space import LIBERO
from foundation.errors import PolicyUnavailable
from policies.attribution import ATTRIBUTED, Attributable
from policies.catalog import load_policy
from policies.policy import Policy
from videos.catalog import open_episode
from videos.episode import Episode
from videos.samples import NAMES, sample

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "data" / "openvla_golden"
SHARED = ROOT.parent / "shared" / "libero" / "episodes"
SMALL = "openvla-tiny-libero"
"""The policy that comes along; where it does not, the recorded OpenVLA keeps the time."""
CAMERA = "agentview"
GRID = (16, 16)
LOOKED_AT = 48
"""Frames of an episode: before the hand has moved things away from where the planted policy looks."""
FEWEST = 1.5
"""Patches that an object must cover to be planted."""


@dataclass(frozen=True, eq=False)
class Take:
    """An episode, its true instances and the request for it."""

    episode: Episode
    found: Instances
    camera: CameraRecord
    request: FeatureRequest

    @classmethod
    def of(cls, path: Path, policy: Policy, frames: int | None = None) -> Take:
        episode = open_episode(path)
        seen = range(min(frames or episode.frame_count, episode.frame_count))
        height, width = episode.cameras[CAMERA].size
        rows = tuple(tuple(map(float, row)) for row in policy.transform.to_recording(height, width))
        camera = CameraRecord(CAMERA, width, height, rows, policy.transform.size, (0, 0, width, height))
        assert episode.masks is not None
        truth = episode.masks[CAMERA].load()
        pictures = (frame.rgb for frame in episode.cameras[CAMERA].frames(seen))
        found = given(camera, pictures, truth.labels[list(seen)], truth.names)
        return cls(episode, found, camera, FeatureRequest((CAMERA,), tuple(seen), (ATTRIBUTED,), 8, actions=True))

    def assess(self, policy: Policy, settings: Settings) -> Dependence:
        return assess(self.episode, policy, self.request, self.found, (self.camera,), settings).record


def takes() -> list[Path]:
    """Folders of episodes with masks."""
    return sorted(SHARED.glob("ep_*")) or [Path(sample(name)) for name in NAMES]


def planted(table: Table, settings: Settings) -> None:
    table.title("Planted dependence on real pictures: is the object found that the policy reads?")
    nothing = LinearPolicy(np.zeros((*GRID, 3, len(LIBERO))))
    first, acted, hinted, false, others = 0, 0, 0, 0, 0
    blind_false, blind_of, plants = 0, 0, 0
    for path in takes():
        take = Take.of(path, nothing, LOOKED_AT)
        rule = PatchRule(take.camera, GRID)
        labels = take.found.maps[CAMERA][0]
        objects = take.found.of(CAMERA, "object")
        for one in objects:
            covered = rule.share(labels == one.id)
            if covered.sum() < FEWEST:
                continue
            rng = np.random.default_rng([plants, one.id])
            record = take.assess(LinearPolicy(_reading(covered * (covered > 0.5), rng)), settings)
            told = {each.instance: each for each in record.instances if each.effects}
            if one.id not in told:
                table.note(f"{path.name}: {one.name} was not erased.")
                continue
            plants += 1
            ranked = max(told.values(), key=_size)
            first += ranked.instance == one.id
            acted += told[one.id].verdict == "acts on it"
            hinted += max(record.instances, key=_hinted).instance == one.id
            rest = [each for each in told.values() if each.instance != one.id and each.verdict != "not assessed"]
            false += sum(each.verdict == "acts on it" for each in rest)
            others += len(rest)
        background = np.where(rule.share(np.isin(labels, [one.id for one in objects])) > 0, 0.0, 1.0)
        record = take.assess(LinearPolicy(_reading(background, np.random.default_rng([7, plants]))), settings)
        judged = [each for each in record.instances if each.verdict != "not assessed"]
        blind_false += sum(each.verdict == "acts on it" for each in judged)
        blind_of += len(judged)
    table.figure(
        "erasing ranks the planted object first, share", first / plants, 0.9, at_least=True, of=f"{plants} plants"
    )
    table.figure("… and says the policy acts on it, share", acted / plants, 0.9, at_least=True)
    table.figure("other objects said to be acted on, share", false / others, 0.1, of=f"{false} of {others}")
    table.figure("attribution for its size ranks it first, share", hinted / plants, of="a hint: no target")
    table.figure(
        "policy of background alone: said to act on things",
        blind_false / blind_of,
        0.1,
        of=f"{blind_false} of {blind_of}",
    )


def _reading(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(rows, cols) -> (rows, cols, 3, D): each patch's colours, in a random mixture, move the arm."""
    reading = np.zeros((*GRID, 3, len(LIBERO)))
    reading[..., :3] = (weights / max(1e-9, weights.sum()))[..., None, None] * rng.normal(size=(3, 3))
    return reading


def _size(one: InstanceDependence) -> float:
    return next(effect.value for effect in one.effects if effect.quantity == "translation")


def _hinted(one: InstanceDependence) -> float:
    return (one.attribution or 0.0) / one.attribution_area if one.attribution_area else 0.0


def gradient(table: Table) -> None:
    table.title("Gradient of the recorded OpenVLA against finite differences (random directions through all patches)")
    from PIL import Image
    from safetensors.torch import load_file

    ids = load_file(GOLDEN / "recorded.safetensors")["ids"].numpy()
    frame = np.asarray(Image.open(GOLDEN / "frame.png").convert("RGB"))[None]
    for dtype, most in ((torch.float64, 1e-3), (torch.float32, 2e-2)):
        policy = load_policy(str(GOLDEN), dtype=dtype)
        assert isinstance(policy, Attributable)
        values = policy.attribute([frame], ids).values.reshape(-1, 7)
        errors = []
        for seed in range(4):
            direction = np.random.default_rng(seed).normal(size=(1, 1, *GRID))
            direction /= np.linalg.norm(direction)

            def acted(step: float, direction: np.ndarray = direction, policy: Attributable = policy) -> np.ndarray:
                return policy.attribute([frame], ids, gates=1 + step * direction).actions[0]

            measured = (8 * (acted(0.2) - acted(-0.2)) - (acted(0.4) - acted(-0.4))) / 2.4
            expected = direction.reshape(-1) @ values
            errors.append(np.abs(measured - expected).max() / np.abs(expected).max())
        table.figure(f"largest relative error, {str(dtype).removeprefix('torch.')}", max(errors), most)


def times(table: Table, settings: Settings, name: str | None) -> None:
    path = Path(sample(NAMES[0]))
    try:
        policy = load_policy(name or SMALL)
    except PolicyUnavailable:
        if name:
            raise
        policy = load_policy(str(GOLDEN))
    assert isinstance(policy, Attributable)
    table.title(f"Time: {policy.name}, {torch.get_num_threads()} threads, {path.name}")
    take = Take.of(path, policy)
    if policy.name == GOLDEN.name:  # it has no tokenizer
        take = replace(take, episode=replace(take.episode, instruction=np.array([1, *range(40, 63)])))  # type: ignore[arg-type]
    frames = [frame.rgb for frame in take.episode.cameras[CAMERA].frames(range(8))]
    shown, words = [picture[None] for picture in frames], take.episode.instruction
    acting = _best(lambda: policy.run(shown, words, actions=True)) / len(shown)
    attributing = _best(lambda: policy.attribute(shown, words)) / len(shown)
    table.figure("prediction of an action, s a frame (batch 8)", acting)
    table.figure("attribution of all dimensions, s a frame", attributing, of=f"{attributing / acting:.1f} predictions")
    labels = take.found.maps[CAMERA][0]
    plate = widened(labels == next(one.id for one in take.found.instances if "plate" in one.name))
    table.figure("erasing the plate from a picture, s", _best(lambda: erased(frames[0], plate)))
    rng = np.random.default_rng(0)
    table.figure("finding places for 3 pieces, s", _best(lambda: moved_masks(plate, labels > 0, 3, rng)))
    start = time.perf_counter()
    record = take.assess(policy, settings)
    took = time.perf_counter() - start
    asked = len(record.erased_frames)
    table.figure(
        "all of it at the defaults, s", took, of=f"{len(record.attribution_frames)} attributed, {asked} erased"
    )
    dino = load_policy("dinov2-small")
    features = _best(lambda: dino.run(shown[:4], sites=dino.default_sites), 2) / 4 * len(take.request.frames)
    table.figure("… beside the features of dinov2-small, share", took / features, of=f"{features:.0f} s")
    for sentence in (*record.sentences, *record.not_assessed):
        table.note(sentence)


def _best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds, the least of a few calls after one to warm up."""
    call()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", help="of the times (default: openvla-tiny-libero, else the recorded OpenVLA)")
    parser.add_argument("--only", choices=("planted", "gradient", "times"))
    options = parser.parse_args()
    table, settings = Table(), Settings()
    if options.only in (None, "planted"):
        planted(table, settings)
    if options.only in (None, "gradient"):
        gradient(table)
    if options.only in (None, "times"):
        times(table, settings, options.policy)
    return int(table.end() > 0)


if __name__ == "__main__":
    sys.exit(main())
