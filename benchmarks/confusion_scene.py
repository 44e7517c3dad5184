"""One recorded episode, analysed once, in which confusion can then be planted: `benchmarks.confusion` reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from analyzer.assessment import just_analysed
from analyzer.confusion.along_sites import ConfusionAlongSites, PairsOfCamera, Read, Stretch
from analyzer.failures.case import Case
from analyzer.features import FeatureRequest, extract
from analyzer.findings import AnalysedEpisode, assess
from analyzer.findings_folder import Findings
from analyzer.instances.discover import discover
from analyzer.instances.figure_cut import figure_cut, figure_frames
from analyzer.instances.given import given
from analyzer.instances.instances import Instances
from analyzer.instances.patches import PatchRule
from analyzer.instances.view import SiteView, middle_sites
from analyzer.motion_track import MotionTrack
from analyzer.ncut.coupling import Link, coupled
from analyzer.ncut.nystrom import NystromNcut
from analyzer.new_cut import new_cut
from analyzer.npy import NpyFile
from analyzer.pipeline import episode_record
from analyzer.recordings import open_recording
from analyzer.run_folder import FIGURE, SiteRecord
from analyzer.settings import Settings
from policies.policy import Policy
from videos.episode import EpisodeSummary

CAMERA = "agentview"
SITES = ("vision.3", "vision.5", "vision.7", "vision.9", "vision.11")
SETTINGS = Settings(camera=(CAMERA,), sites=SITES, stride=3)
"""Every third frame, about 7 a second; else what an analysis does by itself."""
MOVABLE = (1, 2, 3, 4, 5)
"""Bowl, bowl, cookie box, ramekin, plate. Furniture is what an analysis rightly calls surroundings, and compares with
nothing."""
KINDS = ("found", "masks")
"""Of instances: as an analysis finds them, without labels, and as the ground truth has them."""
SAME = 0.3
"""Intersection over union from which on a found instance is taken for a true object."""


@dataclass(frozen=True, eq=False)
class Compared:
    """An episode as it is, with one kind of instances."""

    instances: Instances
    findings: Findings
    pairs: PairsOfCamera
    measured: ConfusionAlongSites
    """What `pairs` say at all SITES."""
    who: Mapping[int, int]
    """True object -> the compared instance that it is, where there is one."""
    traces: dict[Stretch, np.ndarray] = field(default_factory=dict)
    """What was measured over stretches of pairs as they are, so that it is measured once."""


@dataclass(frozen=True, eq=False)
class Scene:
    """An analysed episode with what is true of it."""

    name: str
    analysed: AnalysedEpisode
    features: Mapping[str, np.ndarray]
    """Site -> (T, rows, cols, C) float16."""
    cuts: Mapping[str, NystromNcut]
    shares: Mapping[str, torch.Tensor]
    """Site -> (T, 1, rows, cols, k + 1), before frames are coupled."""
    links: Sequence[tuple[Link, Link]]
    cover: Mapping[int, np.ndarray]
    """True movable object -> (T, rows, cols) how much each patch counts for it, 0 … 1, as `analyzer.confusion.patches`
    has it."""
    kinds: Mapping[str, Compared]

    @classmethod
    def of(cls, summary: EpisodeSummary, policy: Policy, folder: Path, cache: Path) -> Scene:
        """Analyse it as `analyzer.pipeline` does. `folder`, which must be empty, has to stay as long as the scene."""
        episode = open_recording(summary, SETTINGS)
        frames = tuple(range(0, episode.frame_count, SETTINGS.stride))
        request = FeatureRequest((CAMERA,), frames, SITES, SETTINGS.batch)
        stored = extract(episode, policy, request, cache)
        features = {site: one.frames(0, len(frames))[:, 0] for site, one in stored.items()}
        record = episode_record(summary, episode, request, policy, {CAMERA: (0, 0, 1, 1)})
        camera = record.cameras[0]
        pictures = [frame.rgb for frame in episode.cameras[CAMERA].frames(frames)]
        grid = features[SITES[0]].shape[1:3]
        track = MotionTrack.record(([one] for one in pictures), len(frames), record.cameras, [grid], folder / "motion")
        links = list(track.links(grid))
        sites, cuts, shares = [], {}, {}
        for site, values in features.items():
            cuts[site], shares[site] = _cut(values)
            (folder / site).mkdir()
            vectors = _coupled(cuts[site], shares[site], links)
            with NpyFile.create(folder / site / "eigenvectors.npy", vectors.shape, "float16") as file:
                file.write(0, vectors)
            if site in middle_sites(SITES):
                _write_figure(folder / site / FIGURE, values, links)
            values_of = tuple(float(value) for value in cuts[site].eigenvalues_)
            sites.append(SiteRecord(site, grid, values_of, 0.0, 0.0, 1, (), (), "", 0.0, (), reach=cuts[site].reach_))
        analysed = replace(
            just_analysed(
                record, sites, {site: folder / site for site in SITES}, episode, stored, {"recorded": episode.actions}
            ),
            pictures=lambda camera, positions: (pictures[at] for at in positions),
        )
        assert episode.masks is not None
        truth = episode.masks[CAMERA].load()
        masks = truth.labels[list(frames)]
        rule = PatchRule(camera, grid)
        true = given(camera, pictures, masks, truth.names)
        instances = {"found": discover(analysed.view(CAMERA), SETTINGS), "masks": true}
        kinds = {kind: _compared(analysed, true, one) for kind, one in instances.items()}
        cover = {one: np.stack([(2 * rule.share(mask == one) - 1).clip(0) for mask in masks]) for one in MOVABLE}
        return cls(summary.id, analysed, features, cuts, shares, links, cover, kinds)

    def __len__(self) -> int:
        return len(self.analysed.record.frames)

    @cached_property
    def placed(self) -> Mapping[str, np.ndarray]:
        """Site -> (T, rows, cols, c) float32 coordinates."""
        return {site.name: site.coordinates(0, len(self)) for site in self.analysed.views(CAMERA)}

    @cached_property
    def confused_as_it_is(self) -> frozenset[tuple[int, int]]:
        """Pairs of true objects that have a case, or are called look-alikes, before anything is planted."""
        pairs: set[tuple[int, int]] = set()
        for one in self.kinds.values():
            true = {number: own for own, number in one.who.items()}
            told = [case.instances for case in confusions(one.findings)]
            told += [(pair.a, pair.b) for pair in one.findings.pairs if pair.verdict == "look-alikes"]
            for a, b in told:
                if a in true and b in true:
                    pairs.add((min(true[a], true[b]), max(true[a], true[b])))
        return frozenset(pairs)

    def replaced(self, site: str, patches: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(T, rows, cols, c) coordinates with other features in (T, rows, cols) `patches`.

        The basis stays: a patch is placed in it by itself, and the hundredth of all patches that a plant changes moves it
        little; `benchmarks.confusion --anew` fits it again.
        """
        shares = self.shares[site].clone()
        shares[torch.from_numpy(patches)[:, None]] = torch.cat(list(self.cuts[site].transform_shares(values)))
        return self._placed(site, self.cuts[site], shares, np.flatnonzero(patches.any(axis=(1, 2))))

    def anew(self, site: str, features: np.ndarray) -> np.ndarray:
        """(T, rows, cols, c) coordinates in a basis of these features."""
        cut, shares = _cut(features)
        return self._placed(site, cut, shares, np.arange(len(features)))

    def _placed(self, site: str, cut: NystromNcut, shares: torch.Tensor, frames: np.ndarray) -> np.ndarray:
        last = len(self) - 1
        start, stop = max(0, frames.min() - 1), min(last, frames.max() + 1)  # coupling reaches a frame further
        first, end = max(0, start - 1), min(last, stop + 1)
        vectors = _coupled(cut, shares[first : end + 1], self.links[first:end])[start - first : stop - first + 1]
        flat = torch.from_numpy(vectors.reshape(-1, vectors.shape[-1]).astype(np.float32))
        placed = cut.coordinates(flat).numpy()
        result = self.placed[site].copy()
        result[start : stop + 1] = placed.reshape(stop - start + 1, *result.shape[1:])
        return result


def _cut(features: np.ndarray) -> tuple[NystromNcut, torch.Tensor]:
    frames, rows, cols, channels = features.shape
    flat = features.reshape(-1, channels)
    ncut = new_cut(SETTINGS).fit(flat[at : at + 8192] for at in range(0, len(flat), 8192))
    return ncut, torch.cat(list(ncut.transform_shares(flat))).reshape(frames, 1, rows, cols, -1)


def _write_figure(path: Path, features: np.ndarray, links: Sequence[tuple[Link, Link]]) -> None:
    flat = features.reshape(-1, features.shape[-1])
    cut = figure_cut((flat[at : at + 8192] for at in range(0, len(flat), 8192)), SETTINGS)
    placed = np.stack(list(figure_frames(cut, [flat], (1, *features.shape[1:3]), links, SETTINGS)))
    with NpyFile.create(path, placed.shape, "float16") as file:
        file.write(0, placed)


def _coupled(ncut: NystromNcut, shares: torch.Tensor, links: Sequence[tuple[Link, Link]]) -> np.ndarray:
    """(T, 1, rows, cols, k) float16, as a run folder has them."""
    frames = coupled(iter(shares), iter(links), SETTINGS.coupling)
    vectors = [ncut.normalised(one.flatten(0, -2)).reshape(*one.shape[:-1], -1) for one in frames]
    return torch.stack(vectors).half().numpy()


def _compared(analysed: AnalysedEpisode, true: Instances, instances: Instances) -> Compared:
    findings, _ = assess(analysed, instances, SETTINGS)
    ids = sorted({number for pair in findings.pairs for number in (pair.a, pair.b)})
    frames, grid = len(analysed.record.frames), analysed.sites[0].grid
    pairs = PairsOfCamera(analysed.record.cameras[0], ids, instances.maps[CAMERA], [grid], SETTINGS, frames=frames)
    measured = pairs.measure(analysed.views(CAMERA), analysed.raw(CAMERA), None)
    return Compared(instances, findings, pairs, measured, who(true, instances, ids))


def who(true: Instances, found: Instances, ids: Sequence[int]) -> dict[int, int]:
    """True movable object -> the one of the compared instances that it is, where one fits; each once, the best first."""
    counts = np.zeros((256, 256))
    for one, other in zip(true.maps[CAMERA], found.maps[CAMERA], strict=True):
        both = one.reshape(-1).astype(np.int64) * 256 + other.reshape(-1)
        counts += np.bincount(both, minlength=1 << 16).reshape(256, 256)
    size, area = counts.sum(1), counts.sum(0)
    fits = sorted((counts[a, b] / max(1.0, size[a] + area[b] - counts[a, b]), a, b) for a in MOVABLE for b in ids)
    names: dict[int, int] = {}
    for fit, a, b in reversed(fits):
        if fit >= SAME and a not in names and b not in names.values():
            names[a] = b
    return names


def view(site: str, values: np.ndarray) -> SiteView:
    """A site whose coordinates are (T, rows, cols, c) `values`."""
    return SiteView(site, (values.shape[1], values.shape[2]), reader(values))


def reader(values: np.ndarray) -> Read:
    """(T, …) values as `analyzer.confusion.along_sites` reads them."""
    return partial(_part, values)


def _part(values: np.ndarray, start: int, stop: int) -> np.ndarray:
    return values[start:stop]


def visible(scene: Scene, numbers: Sequence[int]) -> np.ndarray:
    """(T,) bool: the ground truth shows enough patches of each of those objects."""
    shown = [(scene.cover[number] > 0).sum((1, 2)) >= SETTINGS.min_patches for number in numbers]
    return np.asarray(np.logical_and.reduce(shown))


def confusions(findings: Findings) -> list[Case]:
    return [case for case in findings.cases if case.kind == "confused"]
