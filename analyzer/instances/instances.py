"""All instances of an episode, with their masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analyzer.colors.palette import distinct_colors
from analyzer.instances.instance import Instance
from analyzer.instances.label_maps import LabelMaps

MOST = 254
"""Instances an episode can hold: 0 is nobody, 255 is kept free."""


@dataclass(frozen=True, eq=False)
class Instances:
    """Who is where, through time. Ids are unique in the episode, over all cameras, and never change."""

    instances: tuple[Instance, ...] = ()
    """By rising id."""
    maps: Mapping[str, LabelMaps] = field(default_factory=dict)
    """Camera -> label maps, one an analysed frame. Every camera that was looked at has them, also with nobody in it."""
    thumbnails: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Id -> (height, width, 3) uint8 RGB cut out of the key frame."""
    not_assessed: tuple[str, ...] = ()
    """Plain sentences about what could not be told."""

    def __post_init__(self) -> None:
        ids = [one.id for one in self.instances]
        if ids != sorted(set(ids)):
            raise ValueError(f"instances come by rising id, each once; got {ids}")
        for one in self.instances:
            if one.camera not in self.maps or len(self.maps[one.camera]) != len(one.area):
                raise ValueError(f"instance {one.id} has {len(one.area)} areas and no label map for each")

    def __getitem__(self, number: int) -> Instance:
        """The instance of that id."""
        for one in self.instances:
            if one.id == number:
                return one
        raise KeyError(number)

    def of(self, camera: str, *roles: str) -> tuple[Instance, ...]:
        """Those of one camera; with `roles` only of these."""
        return tuple(one for one in self.instances if one.camera == camera and (not roles or one.role in roles))


def joined(parts: Iterable[Instances], palette: str) -> Instances:
    """Several cameras' instances as one episode's: numbered on, and coloured so that ids below each other differ."""
    instances: list[Instance] = []
    maps: dict[str, LabelMaps] = {}
    thumbnails: dict[int, np.ndarray] = {}
    notes: list[str] = []
    for part in parts:
        table = np.zeros(256, np.uint8)
        kept = part.instances[: MOST - len(instances)]
        if len(kept) < len(part.instances):
            notes.append(f"Only {MOST} instances are followed; {len(part.instances) - len(kept)} more were left out.")
        for one in kept:
            table[one.id] = number = len(instances) + 1
            instances.append(renumbered(one, number))
            if one.id in part.thumbnails:
                thumbnails[number] = part.thumbnails[one.id]
        for camera, of_camera in part.maps.items():
            if camera in maps:
                raise ValueError(f"camera {camera!r} comes twice")
            unchanged = np.array_equal(table[1 : len(kept) + 1], np.arange(1, len(kept) + 1)) and len(kept) == len(
                part.instances
            )
            maps[camera] = of_camera if unchanged else LabelMaps.compress(table[one] for one in of_camera)
        notes += part.not_assessed
    return Instances(tuple(colored(instances, palette)), maps, thumbnails, tuple(dict.fromkeys(notes)))


def renumbered(one: Instance, number: int) -> Instance:
    """Under another id; a name that was made up from the old id follows."""
    return replace(one, id=number, name=f"{one.role} {number}" if one.name == f"{one.role} {one.id}" else one.name)


def colored(instances: Sequence[Instance], palette: str) -> list[Instance]:
    """Each in a colour as far as possible from those of lower ids."""
    colors = distinct_colors(max(1, *(one.id for one in instances)), palette) if instances else np.zeros((0, 3))
    return [
        replace(one, color=(int(r), int(g), int(b)))
        for one, (r, g, b) in zip(instances, (colors[one.id - 1] for one in instances), strict=True)
    ]


class Gallery:
    """Areas, key frames and thumbnails, gathered while label maps go by. Holds one small picture an instance."""

    SIDE = 96
    """Pixels of a thumbnail's longer side, at most."""
    MARGIN = 0.25
    """Of the box around the mask, shown on every side of it."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.areas: dict[int, list[int]] = {number: [] for number in ids}
        self.thumbnails: dict[int, np.ndarray] = {}
        self._best: dict[int, tuple[int, int]] = {}

    def add(self, label_map: np.ndarray, picture: Callable[[], np.ndarray] | np.ndarray) -> None:
        """The next frame: (height, width) uint8 and its (height, width, 3) uint8 picture."""
        counts = np.bincount(label_map.reshape(-1), minlength=256)
        for number, areas in self.areas.items():
            areas.append(int(counts[number]))
            # The largest view is the best; a view that the edge of the picture cuts counts a little less.
            if not counts[number]:
                continue
            mask = label_map == number
            cut = bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())
            worth = int(counts[number]) * (3 if cut else 4)
            if worth > self._best.get(number, (0, 0))[0]:
                self._best[number] = (worth, len(areas) - 1)
                shown = picture() if callable(picture) else picture
                self.thumbnails[number] = thumbnail(shown, mask, self.SIDE, self.MARGIN)

    def key_frame(self, number: int) -> int:
        """Position of the frame that shows the instance best; 0 where none does."""
        return self._best.get(number, (0, 0))[1]


def thumbnail(picture: np.ndarray, mask: np.ndarray, side: int, margin: float) -> np.ndarray:
    """(h, w, 3) uint8: what is around a mask, no longer than `side` pixels either way."""
    import cv2

    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    more = max(2, round(margin * max(width, height)))
    cut = picture[max(0, top - more) : top + height + more, max(0, left - more) : left + width + more]
    scale = side / max(cut.shape[:2])
    if scale < 1:
        size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
        cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
    return np.array(cut, np.uint8)
