"""Instances without labels: things are found where they rest, then followed through all frames."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from analyzer.instances.contacts import Contacts
from analyzer.instances.embedded import Embedded
from analyzer.instances.follow import Follower, Model
from analyzer.instances.instance import Instance
from analyzer.instances.instances import MOST, Gallery, Instances, colored
from analyzer.instances.label_maps import LabelMaps, to_png
from analyzer.instances.plane import Plane
from analyzer.instances.roles import role_of_shape
from analyzer.instances.survey import KEYS, SHOWN, Resting, Survey, survey
from analyzer.instances.view import View
from analyzer.instances.working import Working
from analyzer.ncut.affinity import squared_distances
from analyzer.settings import Settings
from analyzer.threads import one_thread
from foundation.errors import quoted

ARM = 250
"""Number of the arm while things are followed, and of the first stretch of ground; things count from 1."""
OVERLAP = 0.4
"""Share of a resting thing's place that another has to fill to be that thing."""
GONE = 0.25
"""Of a thing's usual size: what shows less is hidden, or has left."""
SMALLEST = 2.5
"""Patches: what never shows more of itself is too little to be told from anything."""
LIKE = 0.5
"""Of the distance that is far: things whose looks are closer may be one, seen in two places."""


@one_thread()
def discover(view: View, settings: Settings) -> Instances:
    """Find who is where in one camera's pictures, and follow it through all frames.

    Ids count objects first, by where they were seen most often, then what appears later, the arm and the ground.
    """
    keys = np.unique(np.linspace(0, view.frames - 1, min(KEYS, view.frames)).round().astype(int))
    embedded = Embedded.of(view, [int(one) for one in keys])
    working = Working(view, embedded.grid)
    found = survey(view.frames, working, embedded)
    cast = _Cast(found)
    gallery = Gallery(range(1, 256))
    contacts = Contacts(ARM, round(found.plane.patch_pixels))
    pngs = []
    for frame, picture in enumerate(view.pictures(0, view.frames)):
        coordinates = embedded.at(frame)
        labels = cast.see(frame, working.smaller(picture), coordinates)
        contacts.add(labels)
        labels = _with_ground(labels, found, coordinates)
        whole = working.larger(labels)
        gallery.add(whole, picture)
        pngs.append(to_png(whole))
    return _instances(view, found, gallery, contacts, LabelMaps(tuple(pngs)), settings.palette)


@dataclass
class _Cast:
    """The things of one camera and where they are now."""

    found: Survey
    follower: Follower = field(init=False)
    number: dict[int, int] = field(init=False, default_factory=dict)
    """Resting place -> the thing that rests there."""
    home: dict[int, int] = field(init=False, default_factory=dict)
    """Thing -> the place where it was last seen to rest."""

    def __post_init__(self) -> None:
        self.follower = Follower(self.found.plane, self.found.figure, {})
        if len(self.found.arm):
            self.follower.models[ARM] = Model(self.found.arm, anywhere=True)

    def see(self, frame: int, picture: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
        """Frames in order -> (h, w) uint8 labels."""
        if frame == 0:
            labels = np.zeros(picture.shape[:2], np.uint8)
            for place, resting in enumerate(self.found.resting):
                if resting.shown(picture) > SHOWN:
                    number = ARM if resting.of_arm else self._new(place)
                    labels[resting.mask & resting.shows(picture)] = number
            self.follower.start(picture, coordinates, labels, self.found.arm_at[0])
            return self.follower.labels
        self.follower.step(picture, coordinates)
        if frame in self.found.keys:
            key = self.found.keys.index(frame)
            for place, resting in enumerate(self.found.resting):
                if key in resting.keys and not resting.of_arm and resting.shown(picture) > SHOWN:
                    self._settle(place, resting, picture)
        return self.follower.labels

    def _settle(self, place: int, resting: Resting, picture: np.ndarray) -> None:
        """Something rests in a place where things rest: see who it is, and give it its outline."""
        filled = np.bincount(self.follower.labels[resting.mask], minlength=256) / resting.mask.sum()
        if filled[ARM] > OVERLAP:
            return
        filled[[0, ARM]] = 0
        number = int(filled.argmax())
        if filled[number] < OVERLAP:
            mine = self.number.get(place)
            number = mine if mine is not None and self._left(mine, elsewhere=True) else self._returned(resting)
            number = number or self._new(place)
        if not number:
            return
        self.number[place] = number
        self.home[number] = place
        self.follower.put(number, resting.mask & resting.shows(picture))

    def _new(self, place: int) -> int:
        number = len(self.home) + 1
        if number >= ARM:
            return 0
        self.number[place], self.home[number] = number, place
        self.follower.models[number] = Model(self.found.resting[place].looks)
        return number

    def _left(self, number: int, *, elsewhere: bool = False) -> bool:
        """Not to be seen now, and not just hidden where it rested: what is there now is seen."""
        home = self.found.resting[self.home[number]].mask
        if (self.follower.labels == number).sum() > GONE * home.sum():
            return False
        return elsewhere or bool((self.follower.labels[home] == 0).mean() > 0.5)

    def _returned(self, resting: Resting) -> int:
        """The thing that left its place and looks like this one; 0: none does."""
        best, closest = 0, (LIKE * self.found.figure.far) ** 2
        for number in self.home:
            if self._left(number):
                away = float(squared_distances(resting.looks, self.follower.models[number].looks).amin(1).mean())
                if away < closest:
                    best, closest = number, away
        return best


def _with_ground(labels: np.ndarray, found: Survey, coordinates: np.ndarray) -> np.ndarray:
    """Where nobody is, the stretch of ground that is seen there."""
    shares = found.figure.stretches(coordinates)
    if not shares.shape[2]:
        return labels
    pixels = found.plane.to_pixels(shares)
    ground = np.where(pixels.max(axis=2) > 0.5, ARM + 1 + pixels.argmax(axis=2), 0).astype(np.uint8)
    return np.where(labels == 0, ground, labels)


def _instances(
    view: View, found: Survey, gallery: Gallery, contacts: Contacts, maps: LabelMaps, palette: str
) -> Instances:
    """Number what was found through; what was never seen is left out."""
    least = SMALLEST * Plane(view.camera, found.plane.grid).patch_pixels ** 2
    seen = [number for number, areas in gallery.areas.items() if max(areas) >= least][:MOST]
    table = np.zeros(256, np.uint8)
    table[seen] = np.arange(1, len(seen) + 1)
    instances, thumbnails = [], {}
    of_arm = contacts.parts([number for number in seen if number < ARM])
    for number in seen:
        new = int(table[number])
        role = "arm" if number == ARM or number in of_arm else "surroundings" if number > ARM else "object"
        if role == "object":
            role = role_of_shape(maps[gallery.key_frame(number)] == number)
        instances.append(
            Instance(
                id=new,
                name=f"{role} {new}",
                camera=view.camera.name,
                color=(0, 0, 0),
                origin="found",
                role=role,
                area=tuple(gallery.areas[number]),
                key_frame=gallery.key_frame(number),
            )
        )
        thumbnails[new] = gallery.thumbnails[number]
    renumbered = LabelMaps.compress(table[one] for one in maps)
    notes = []
    if not found.still:
        notes.append(
            f"Camera {quoted(view.camera.name)} moves: things in its pictures are found and followed less surely."
        )
    if not any(one.role == "object" for one in instances):
        notes.append(f"No object was found in the pictures of camera {quoted(view.camera.name)}.")
    return Instances(tuple(colored(instances, palette)), {view.camera.name: renumbered}, thumbnails, tuple(notes))
