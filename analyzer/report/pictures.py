"""What is seen at the key frames of a case: the recording with the instances outlined, and each site's colours over it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from analyzer.drawing import overlay
from analyzer.drawing.cells import panel_sizes, scaled
from analyzer.drawing.outlines import Outlined, outlined
from analyzer.drawing.patch_map import PatchMap
from analyzer.drawing.site_painter import Paint, SitePainter
from analyzer.instances.label_maps import LabelMaps
from analyzer.pixels import preview_pixels, recorded_pixels
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import EpisodeUnreadable

_HEIGHT = 256
"""Pixels of a picture, unless the recording has fewer: large enough to see what is meant, small enough for ten cases."""
_LEAST = 160
RECORDING, CLOSE_UP = "recording", "close-up"
_AIR = 1.5
"""Of a close-up, in sizes of what it shows."""
_ASPECT = 4 / 3
_NARROWEST = 0.3
"""Of the picture's width: fewer patches than that show nothing around the instances."""
_GAIN = 0.8
"""A close-up of more than that is the picture itself."""
_OPACITY = 0.6
_QUALITY = 82


@dataclass(frozen=True, eq=False)
class Wanted:
    """Frames of one camera to be drawn."""

    camera: int
    """Its position in the record."""
    positions: tuple[int, ...]
    """Among the analysed frames."""
    sites: tuple[str, ...]
    instances: tuple[int, ...]
    """Outlined."""


@dataclass(frozen=True)
class Still:
    """A picture as a page takes it."""

    data: str
    """data:image/webp;base64,…"""
    width: int
    height: int


@dataclass(frozen=True)
class Row:
    """One look at all key frames of a case."""

    name: str
    stills: tuple[Still, ...]


@dataclass(frozen=True, eq=False)
class Footage:
    """The pixels of an episode's key frames, decoded once for all its cases."""

    pixels: dict[int, dict[int, np.ndarray]]
    """Position among the analysed frames -> camera -> (height, width, 3) uint8."""
    from_preview: bool
    """The recording is gone or has changed: these are the preview's pixels."""

    @classmethod
    def read(cls, run: RunFolder, record: EpisodeRecord, wanted: Sequence[Wanted]) -> Footage:
        """Raises RunUnreadable where neither the recording nor the preview can be read."""
        positions = sorted({position for one in wanted for position in one.positions})
        cameras = sorted({one.camera for one in wanted})
        if not positions:
            return cls({}, False)
        frames = [record.frames[position] for position in positions]
        try:
            pixels = dict(zip(positions, recorded_pixels(run, record, cameras, frames), strict=True))
            return cls(pixels, False)
        except EpisodeUnreadable:
            pixels = dict(zip(positions, preview_pixels(run, record, cameras, frames), strict=True))
            return cls(pixels, True)


class Film:
    """The key frames of one camera: as a whole, and close up on what is outlined, as recorded and as sites see it."""

    def __init__(
        self,
        run: RunFolder,
        record: EpisodeRecord,
        footage: Footage,
        wanted: Wanted,
        maps: LabelMaps | None,
        outlines: Sequence[Outlined],
    ) -> None:
        self._run, self._record, self._footage, self._wanted = run, record, footage, wanted
        self._outlines = outlines
        self._labels = {position: None if maps is None else maps[position] for position in wanted.positions}
        self._camera = record.cameras[wanted.camera]
        self._whole = panel_sizes(record, [wanted.camera], max(_LEAST, min(_HEIGHT, self._camera.height)))
        self._window = close_up([one for one in self._labels.values() if one is not None], wanted.instances)
        self._part = self._window or Window(0.0, 0.0, 1.0, 1.0)
        # Painted at a size at which the window has the width of the whole, so that patches and outlines stay sharp.
        height = round(self._whole[wanted.camera][0] / self._part.width)
        self._sizes = panel_sizes(record, [wanted.camera], height)
        self._raw = {position: scaled(footage.pixels[position], self._sizes) for position in wanted.positions}

    def rows(self) -> list[Row]:
        """The recording, its close-up where there is one, and every wanted site."""
        near = [self.close_up()] if self._window is not None else []
        return [self.recording(), *near, *(self.site(site) for site in self._wanted.sites)]

    def recording(self) -> Row:
        """As a whole; a thin frame around what the close-ups show."""
        stills = []
        for position in self._wanted.positions:
            picture = scaled(self._footage.pixels[position], self._whole)[self._wanted.camera]
            picture = self._outlined(position, picture)
            stills.append(still(picture if self._window is None else framed(picture, self._window)))
        return Row(RECORDING, tuple(stills))

    def thumbnail(self) -> Still:
        """The first key frame, small, for a list."""
        position = self._wanted.positions[0]
        sizes = panel_sizes(self._record, [self._wanted.camera], _LEAST)
        return still(self._outlined(position, scaled(self._footage.pixels[position], sizes)[self._wanted.camera]))

    def close_up(self) -> Row:
        return self._near(CLOSE_UP, lambda position: self._raw[position][self._wanted.camera])

    def site(self, site: str) -> Row:
        """In the run's own colours."""
        painter = SitePainter(self._run, self._record, site, self._sizes, Paint(False, _OPACITY, False, 1))
        with closing(painter):
            return self._near(site, lambda position: painter.panels(position, self._raw[position])[self._wanted.camera])

    def painted(self, name: str, colors: Callable[[int], np.ndarray], grid: tuple[int, int]) -> Row:
        """In other colours: position among the analysed frames -> (rows, cols, 3) uint8 of the film's camera."""
        patches = PatchMap(self._camera, grid, self._sizes[self._wanted.camera])

        def picture(position: int) -> np.ndarray:
            paint = patches.as_patches(colors(position))
            paint = paint if patches.whole else overlay.shaded(paint, patches.inside)
            return overlay.blended(self._raw[position][self._wanted.camera], paint, _OPACITY)

        return self._near(name, picture)

    def _near(self, name: str, picture: Callable[[int], np.ndarray]) -> Row:
        drawn = (self._outlined(position, picture(position)) for position in self._wanted.positions)
        return Row(name, tuple(still(self._part.cut(one)) for one in drawn))

    def _outlined(self, position: int, picture: np.ndarray) -> np.ndarray:
        labels = self._labels[position]
        return picture if labels is None else outlined(picture, labels, self._outlines)


@dataclass(frozen=True)
class Window:
    """Part of a picture, in shares of its width and height."""

    left: float
    top: float
    width: float
    height: float

    def pixels(self, picture: np.ndarray) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in a picture, at least a pixel in size."""
        height, width = picture.shape[:2]
        left, top = round(self.left * width), round(self.top * height)
        right = max(left + 1, round((self.left + self.width) * width))
        return left, top, right, max(top + 1, round((self.top + self.height) * height))

    def cut(self, picture: np.ndarray) -> np.ndarray:
        left, top, right, bottom = self.pixels(picture)
        return np.ascontiguousarray(picture[top:bottom, left:right])


def close_up(label_maps: Sequence[np.ndarray], instances: Sequence[int]) -> Window | None:
    """The part of the picture in which the instances are in all of the (h, w) label maps, with air around it.

    None: they are not to be seen, or take so much of the picture that there is nothing to be gained.
    """
    seen = [np.argwhere(np.isin(one, instances)) for one in label_maps]
    seen = [points for points in seen if len(points)]
    if not seen or not instances:
        return None
    height, width = label_maps[0].shape
    points = np.concatenate(seen)
    (top, left), (bottom, right) = points.min(0), points.max(0) + 1
    # As wide as the instances with air, and of the proportions of a film frame.
    side = max((right - left) * _AIR, (bottom - top) * _AIR * _ASPECT, _NARROWEST * width)
    if side >= _GAIN * width or side / _ASPECT >= _GAIN * height:
        return None
    x = np.clip((left + right - side) / 2, 0, width - side)
    y = np.clip((top + bottom - side / _ASPECT) / 2, 0, height - side / _ASPECT)
    return Window(float(x / width), float(y / height), float(side / width), float(side / _ASPECT / height))


def framed(picture: np.ndarray, window: Window) -> np.ndarray:
    """A copy with a thin bright line around the window."""
    left, top, right, bottom = window.pixels(picture)
    drawn = picture.copy()
    for colour, inset in (((0, 0, 0), -1), ((255, 255, 255), 0)):
        corners = (left + inset, top + inset), (right - 1 - inset, bottom - 1 - inset)
        cv2.rectangle(drawn, *corners, colour, 1)
    return drawn


def still(picture: np.ndarray) -> Still:
    """(height, width, 3) uint8 RGB, small."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, format="WEBP", quality=_QUALITY, method=4)
    return Still(f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}", *picture.shape[1::-1])
