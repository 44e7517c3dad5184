"""What an episode's predicted actions depend on: asked of the policy by gradients and by erasing things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from analyzer.dependence.approach import approaches, gripping
from analyzer.dependence.attributing import EpisodeAttribution, attribute, shares
from analyzer.dependence.effects import ALPHA, Quantities, smallest_p, stands_out
from analyzer.dependence.erasing import erased, moved_masks, widened
from analyzer.dependence.key_frames import closings, key_frames, spread
from analyzer.dependence.looks import Looks
from analyzer.dependence.record import Dependence, InstanceDependence
from analyzer.dependence.sentences import evidence, hint
from analyzer.features import FeatureRequest
from analyzer.instances.instance import Instance
from analyzer.instances.instances import Instances
from analyzer.instances.patches import PatchRule
from analyzer.run_folder import CameraRecord
from analyzer.settings import Settings
from foundation.names import printable
from policies.attribution import Attributable
from policies.policy import Policy
from videos.episode import Episode

MOST_ERASED = 8
"""Instances of an episode that are erased, the largest: bounds the work before anything is found."""


class Assessed(NamedTuple):
    """What `assess` gives."""

    record: Dependence
    attribution: np.ndarray | None
    """(frames, cameras, rows, cols, D) float16 for attribution.npy; NaN at frames that were not looked at."""


def assess(
    episode: Episode,
    policy: Policy | None,
    request: FeatureRequest,
    found: Instances,
    cameras: Sequence[CameraRecord],
    settings: Settings,
    *,
    prefer: Sequence[int] = (),
    progress: Callable[[int], None] = lambda frames: None,
) -> Assessed:
    """Ask the policy what its actions depend on.

    Where it cannot be asked, the record says why; where the hand goes is told in any case.

    Args:
        policy: None where findings are made again without it.
        found: in all cameras.
        cameras: of the analysed episode, in the order of the request's.
        prefer: positions among the analysed frames at which something happened, the most important first.
        progress: told of every frame that was erased in or attributed; `work` says how many there will be.
    """
    hand = approaches(episode, request.frames, cameras, found, settings)
    reason = _why_not(policy, request, settings)
    if reason or policy is None:
        return Assessed(Dependence(approaches=hand, not_assessed=(reason,)), None)
    looks = Looks.of(episode, policy, request)
    missing: list[str] = []
    attribution = _attribution(looks, settings, missing, progress)
    objects = [one for one in found.instances if one.camera in looks.cameras and one.role == "object"]
    asked, left_out = _largest(objects)
    if left_out:
        missing.append(
            f"The {MOST_ERASED} largest of {len(objects)} objects were erased, the others were not assessed."
        )
    if not objects:
        missing.append("No object was found in a picture that the policy acts on, so nothing was erased.")
    if not asked or not settings.erase_frames:
        positions: tuple[int, ...] = ()
    else:
        closed = gripping(episode, request.frames)
        events = (*prefer, *(closings(closed) if closed is not None else ()))
        positions = key_frames(len(request.frames), settings.erase_frames, events)
    erasures = _erase(looks, positions, asked, found, settings, progress)
    left = min(len(request.frames), settings.erase_frames) - len(positions)
    if left:
        progress(left)
    quantities = Quantities.of(looks.conversion.space)
    told = tuple(
        _with_attribution(
            _judge(one, erasures.get(one.id, []), quantities, settings), one, attribution, found, cameras, looks
        )
        for one in objects
    )
    names = {one.id: printable(one.name) for one in objects}
    sentences = [text for text in (evidence(told, names), hint(told, names)) if text]
    record = Dependence(
        instances=told,
        erased_frames=positions,
        attribution_frames=attribution.looked_at if attribution else (),
        attribution_site=attribution.site if attribution else None,
        approaches=hand,
        sentences=tuple(sentences),
        not_assessed=tuple(missing),
    )
    return Assessed(record, attribution.values if attribution else None)


def work(request: FeatureRequest, policy: Policy, settings: Settings) -> int:
    """How many frames `assess` tells its progress of, at most."""
    if _why_not(policy, request, settings):
        return 0
    attributed = settings.attribution_frames if isinstance(policy, Attributable) else 0
    return min(len(request.frames), attributed) + min(len(request.frames), settings.erase_frames)


def flops(request: FeatureRequest, policy: Policy, settings: Settings) -> float:
    """Operations that `assess` asks of the policy, at most.

    A gradient of D dimensions is reckoned as a prediction, a second pass behind the vision towers, and D passes back.
    """
    if _why_not(policy, request, settings) or policy.action_space is None:
        return 0.0
    total = len(request.frames)
    erasing = min(total, settings.erase_frames) * (1 + MOST_ERASED * (1 + settings.erase_controls))
    gradient = 0.0
    if isinstance(policy, Attributable):
        towers = policy.sites["projector"].flops * len(policy.cameras) if "projector" in policy.sites else 0.0
        behind = max(0.0, policy.action_flops - towers)
        gradient = policy.action_flops + (1 + len(policy.action_space)) * behind
    return erasing * policy.action_flops + min(total, settings.attribution_frames) * gradient


def _why_not(policy: Policy | None, request: FeatureRequest, settings: Settings) -> str:
    """One sentence where the policy is not asked; "" where it is."""
    told = "What the action depends on was not assessed: "
    if policy is None:
        return f"{told}the policy was not at hand."
    if policy.action_space is None:
        return f"{told}{policy.name} sees and does not act."
    if not request.actions:
        return f"{told}no actions were predicted (--actions)."
    if not settings.erase_frames and not settings.attribution_frames:
        return f"{told}it was turned off (--erase-frames, --attribution-frames)."
    return ""


def _attribution(
    looks: Looks, settings: Settings, missing: list[str], progress: Callable[[int], None]
) -> EpisodeAttribution | None:
    if not settings.attribution_frames:
        return None
    if not isinstance(looks.policy, Attributable):
        missing.append(f"Attribution was not assessed: gradients of {looks.policy.name} cannot be had.")
        return None
    positions = spread(len(looks.frames), settings.attribution_frames)
    attribution = attribute(looks, positions, progress)
    if attribution is None:
        missing.append("Attribution was not assessed: gradients overflow in this precision (--dtype float32 may help).")
    return attribution


def _largest(objects: Sequence[Instance]) -> tuple[list[Instance], bool]:
    """The largest of them in their own order, and whether some were left out."""
    kept = sorted(objects, key=lambda one: (-sum(one.area), one.id))[:MOST_ERASED]
    return sorted(kept, key=lambda one: one.id), len(kept) < len(objects)


@dataclass(frozen=True, eq=False)
class _Erasure:
    """An instance, and pieces of background as large, erased in one frame."""

    position: int
    change: np.ndarray
    """(D,) of the action, in the recording's numbers."""
    controls: np.ndarray
    """(pieces, D); no row where no piece of background was large enough."""
    pixels: float
    """Mean change of an erased pixel, in grey levels."""
    control_pixels: float


def _erase(
    looks: Looks,
    positions: Sequence[int],
    instances: Sequence[Instance],
    found: Instances,
    settings: Settings,
    progress: Callable[[int], None],
) -> dict[int, list[_Erasure]]:
    """By instance, at every one of the frames that shows enough of it to be erased."""
    done: dict[int, list[_Erasure]] = {}
    for position, pictures in looks.pictures(positions):
        maps = {camera: found.maps[camera][position] for camera in looks.cameras if camera in found.maps}
        solid = {one.id for one in found.instances if one.role != "surroundings"}
        shown, holes = [pictures], []
        for one in instances:
            mask = maps[one.camera] == one.id
            if not mask.any() or widened(mask).all():
                continue
            hole = widened(mask)
            taken = widened(np.isin(maps[one.camera], list(solid))) | hole
            rng = np.random.default_rng([looks.seed, looks.frames[position], one.id])
            pieces = moved_masks(hole, taken, settings.erase_controls, rng)
            camera = looks.cameras.index(one.camera)
            for piece in (hole, *pieces):
                shown.append(pictures.copy())
                shown[-1][camera] = erased(pictures[camera], piece)
            holes.append((one, camera, (hole, *pieces)))
        actions = looks.acted(position, shown)
        at = 1
        for one, camera, cut in holes:
            changed = [
                float(np.abs(shown[at + n][camera][piece].astype(np.float64) - pictures[camera][piece]).mean())
                for n, piece in enumerate(cut)
            ]
            changes = actions[at : at + len(cut)] - actions[0]
            control_pixels = float(np.mean(changed[1:])) if len(cut) > 1 else np.nan
            done.setdefault(one.id, []).append(_Erasure(position, changes[0], changes[1:], changed[0], control_pixels))
            at += len(cut)
        progress(1)
    return done


def _judge(
    one: Instance, erasures: Sequence[_Erasure], quantities: Quantities, settings: Settings
) -> InstanceDependence:
    """What erasing it at all those frames comes to."""
    if not settings.erase_frames:
        return InstanceDependence(one.id, "not assessed", reason="Nothing was erased (--erase-frames 0).")
    if not erasures:
        return InstanceDependence(
            one.id, "not assessed", reason="It was not erased: not visible at the chosen frames, or too many objects."
        )
    fitting = [each for each in erasures if len(each.controls)]
    if not fitting:
        return InstanceDependence(
            one.id, "not assessed", reason="No piece of background of its size and shape was free to compare with."
        )
    controls = [each.controls for each in fitting]
    effects = quantities.effects([each.change for each in fitting], controls, settings.seed)
    groups = len(quantities.groups)
    told = InstanceDependence(
        instance=one.id,
        verdict="no more than background",
        frames=tuple(each.position for each in fitting),
        controls=sum(len(pieces) for pieces in controls),
        effects=tuple(effects),
        pixel_change=round(float(np.mean([each.pixels for each in fitting])), 3),
        control_pixel_change=round(float(np.mean([each.control_pixels for each in fitting])), 3),
    )
    if stands_out(effects[0], groups):
        return replace(told, verdict="acts on it")
    if smallest_p([len(pieces) for pieces in controls], groups) > ALPHA:
        pieces = f"{told.controls} piece{'s' * (told.controls != 1)} of background"
        frames = f"{len(fitting)} frame{'s' * (len(fitting) != 1)}"
        return replace(told, verdict="not assessed", reason=f"{pieces} at {frames} are too few to tell by.")
    return told


def _with_attribution(
    told: InstanceDependence,
    one: Instance,
    attribution: EpisodeAttribution | None,
    found: Instances,
    cameras: Sequence[CameraRecord],
    looks: Looks,
) -> InstanceDependence:
    """With its share of the attribution, where it is visible at a frame that has one."""
    if attribution is None:
        return told
    camera = looks.cameras.index(one.camera)
    rule = PatchRule(next(known for known in cameras if known.name == one.camera), attribution.values.shape[2:4])

    def coverage(position: int) -> np.ndarray | None:
        mask = found.maps[one.camera][position] == one.id
        return rule.share(mask) if mask.any() else None

    share = shares(attribution, camera, coverage)
    if share is None:
        return told
    return replace(told, attribution=round(share[0], 5), attribution_area=round(share[1], 5))
