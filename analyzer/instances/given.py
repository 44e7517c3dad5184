"""Instances that the recording names itself: ground-truth masks of a simulator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from analyzer.instances.instance import Instance
from analyzer.instances.instances import MOST, Gallery, Instances, colored
from analyzer.instances.label_maps import LabelMaps, to_png
from analyzer.instances.roles import role_of_shape
from analyzer.run_folder import CameraRecord
from foundation.errors import EpisodeUnreadable, quoted

ARM_WORDS = frozenset({"robot", "arm", "gripper", "hand", "panda", "manipulator", "finger", "mount"})
"""A name made of one of these belongs to the robot."""


def given(
    camera: CameraRecord,
    pictures: Iterable[np.ndarray],
    masks: Iterable[np.ndarray],
    names: Sequence[str],
    palette: str = "standard",
) -> Instances:
    """Instances from ground truth, named by the recording; ids are the recording's own.

    Args:
        pictures: (height, width, 3) uint8 of every analysed frame.
        masks: (height, width) uint8 of every analysed frame; 0 is background.
        names: of each id in the masks, names[0] being the background's. Hostile text, kept as it is.

    Raises:
        EpisodeUnreadable: masks of another size or number than the pictures, or ids without a name.
    """
    gallery = Gallery(range(1, min(len(names), MOST + 1)))
    pngs: list[bytes] = []
    where = f"The masks of camera {quoted(camera.name)}"
    step = max(1, max(camera.height, camera.width) // 128)  # for the role, every few pixels will do
    spread = np.zeros((len(names), -(-camera.height // step), -(-camera.width // step)), np.uint32)
    for picture, mask in _both(pictures, masks, where):
        if mask.shape != (camera.height, camera.width) or mask.dtype != np.uint8:
            raise EpisodeUnreadable(
                f"{where} are {mask.shape} {mask.dtype}; its pictures are {camera.height} x {camera.width}, uint8 is needed."
            )
        if int(mask.max()) >= len(names) or int(mask.max()) > MOST:
            raise EpisodeUnreadable(f"{where} hold id {int(mask.max())}, but only {len(names) - 1} objects are named.")
        gallery.add(mask, picture)
        pngs.append(to_png(mask))
        for number in map(int, np.flatnonzero(np.bincount(mask.reshape(-1), minlength=len(names)))):
            spread[number] += mask[::step, ::step] == number
    instances = []
    for number, areas in gallery.areas.items():
        if not any(areas):
            continue  # in the recording's list, and never in this camera's picture
        named_arm = ARM_WORDS & set(re.findall(r"[a-z]+", names[number].lower()))
        shown = spread[number] > 0.5 * sum(area > 0 for area in areas)
        instances.append(
            Instance(
                id=number,
                name=names[number],
                camera=camera.name,
                color=(0, 0, 0),
                origin="mask",
                role="arm" if named_arm else role_of_shape(shown),
                area=tuple(areas),
                key_frame=gallery.key_frame(number),
            )
        )
    maps = {camera.name: LabelMaps(tuple(pngs))}
    return Instances(tuple(colored(instances, palette)), maps, gallery.thumbnails)


def _both(
    pictures: Iterable[np.ndarray], masks: Iterable[np.ndarray], where: str
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    try:
        yield from zip(pictures, masks, strict=True)
    except ValueError as error:
        if "zip()" not in str(error):
            raise
        raise EpisodeUnreadable(f"{where} are not as many as its pictures.") from error
