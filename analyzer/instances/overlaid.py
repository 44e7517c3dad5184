"""What a person clicked, laid over what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analyzer.instances.instance import Instance
from analyzer.instances.instances import MOST, Instances, colored
from analyzer.instances.label_maps import LabelMaps, to_png
from foundation.errors import BadInput

COVERED = 0.5
"""Share of a found object, on average over the frames that show it, that clicked ones take before it gives way to them."""


def overlaid(below: Instances, above: Instances, palette: str, ids: Sequence[int] | None = None) -> Instances:
    """Both as one. Found things keep their ids, objects that are mostly covered are left out, clicked things come after.

    Args:
        ids: of the clicked things, in their order, all above those of the found ones; None: the next ones.

    Raises:
        BadInput: too many.
        ValueError: they are not of the same cameras and frames.
    """
    for camera, over in above.maps.items():
        if camera not in below.maps or len(below.maps[camera]) != len(over):
            raise ValueError(f"what is laid over camera {camera!r} is not of the same frames as what was found")
    kept = [one for one in below.instances if one.role != "object" or _covered(one, below, above) <= COVERED]
    after = max((one.id for one in below.instances), default=0)
    given = range(after + 1, after + 1 + len(above.instances)) if ids is None else ids
    if max(given, default=0) > MOST:
        raise BadInput(f"{after} found and {len(above.instances)} clicked instances: at most {MOST} can be followed.")
    keep, new = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for one in kept:
        keep[one.id] = one.id
    for one, number in zip(above.instances, given, strict=True):
        new[one.id] = number
    clicked = [replace(one, id=int(new[one.id])) for one in above.instances]
    instances = sorted([*kept, *clicked], key=lambda one: one.id)
    maps, areas = dict(below.maps), {one.id: one.area for one in kept}
    for camera, over in above.maps.items():
        pngs, sizes = [], []
        for low, high in zip(below.maps[camera], over, strict=True):
            both = np.where(high > 0, new[high], keep[low]).astype(np.uint8)
            pngs.append(to_png(both))
            sizes.append(np.bincount(both.reshape(-1), minlength=256))
        maps[camera] = LabelMaps(tuple(pngs))
        counted = np.array(sizes)
        for one in instances:
            if one.camera == camera:
                areas[one.id] = tuple(int(size) for size in counted[:, one.id])
    thumbnails = {one.id: below.thumbnails[one.id] for one in kept if one.id in below.thumbnails}
    thumbnails |= {int(new[number]): picture for number, picture in above.thumbnails.items()}
    notes = tuple(dict.fromkeys((*below.not_assessed, *above.not_assessed)))
    shown = colored([replace(one, area=areas[one.id]) for one in instances], palette)
    return Instances(tuple(shown), maps, thumbnails, notes)


def _covered(one: Instance, below: Instances, above: Instances) -> float:
    """Share of it that is covered, on average over the frames that show it."""
    if one.camera not in above.maps:
        return 0.0
    shares = []
    for low, high in zip(below.maps[one.camera], above.maps[one.camera], strict=True):
        own = low == one.id
        if own.any():
            shares.append(float((high[own] > 0).mean()))
    return float(np.mean(shares)) if shares else 0.0
