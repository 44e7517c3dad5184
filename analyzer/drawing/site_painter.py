"""One site of a run, painted over the pixels of its cameras."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from analyzer.drawing import overlay
from analyzer.drawing.look import BRIGHT
from analyzer.drawing.patch_map import PatchMap
from analyzer.drawing.upsample import guided_filter
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import RunUnreadable

_BORDER_OPACITY = 0.85


@dataclass(frozen=True)
class Paint:
    """How a site is laid over the picture."""

    segments: bool
    """Flat segments with borders; otherwise the eigenvectors' colours."""
    opacity: float
    """0 (pixels alone) … 1 (paint alone)."""
    smooth: bool
    """Follow the picture's edges instead of the patches' own."""
    count: int
    """How many segments the patches are divided into; no more than the run has are drawn."""


class SitePainter:
    """Colours or segments of one site, frame by frame; reads one frame at a time."""

    def __init__(
        self, run: RunFolder, record: EpisodeRecord, site: str, panels: dict[int, tuple[int, int]], paint: Paint
    ) -> None:
        """`panels`: index of the camera in the record -> (height, width) at which it is drawn.

        Raises:
            RunUnreadable: no such site, or its files are missing or do not fit the record.
        """
        self.site = run.site(record.id, site)
        self._paint = paint
        self._array = run.array(record.id, site, "segments" if paint.segments else "colors")
        expected = (len(record.frames), len(record.cameras), *self.site.grid, *(() if paint.segments else (3,)))
        if self._array.shape != expected or self._array.dtype != np.uint8:
            raise RunUnreadable(
                f"{self._array.path}: holds {self._array.shape} {self._array.dtype}, but the run's record says "
                f"{expected} uint8. Analyse the recording again."
            )
        self._maps = {camera: PatchMap(record.cameras[camera], self.site.grid, size) for camera, size in panels.items()}
        self._palette = overlay.as_table(self.site.palette)
        self._shown = np.arange(256, dtype=np.uint8)
        self._shown[: len(self.site.palette)] = self.site.ids_at(paint.count)

    @property
    def segments(self) -> list[int]:
        """Ids that may be drawn, rising."""
        return np.unique(self._shown[: len(self.site.palette)]).tolist()

    @property
    def sees_everything(self) -> bool:
        """Whether every pixel of every camera lies in a patch."""
        return all(patches.whole for patches in self._maps.values())

    def panels(self, index: int, pixels: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Paint the analysed frame number `index` over the pixels of each camera, each of its panel's size."""
        if self._paint.opacity == 0:
            return pixels
        values = self._array.read(index, index + 1)[0]
        if self._paint.segments:
            values = self._shown[values]
        draw = self._segments if self._paint.segments else self._colours
        return {camera: draw(picture, values[camera], self._maps[camera]) for camera, picture in pixels.items()}

    def close(self) -> None:
        self._array.close()

    def _colours(self, pixels: np.ndarray, colours: np.ndarray, patches: PatchMap) -> np.ndarray:
        if self._paint.smooth:
            spread = patches.between_patches(colours.astype(np.float32))
            painted = guided_filter(_grey(pixels), spread, patches.patch_radius)
            painted = np.clip(np.rint(painted), 0, 255).astype(np.uint8)
        else:
            painted = patches.as_patches(colours)
        if not patches.whole:
            painted = overlay.shaded(painted, patches.inside)
        return overlay.blended(pixels, painted, self._paint.opacity)

    def _segments(self, pixels: np.ndarray, labels: np.ndarray, patches: PatchMap) -> np.ndarray:
        spread = self._spread_labels(pixels, labels, patches) if self._paint.smooth else patches.as_patches(labels)
        if not patches.whole:
            spread = np.where(patches.inside, spread, np.uint8(overlay.NO_SEGMENT))
        painted = overlay.blended(pixels, overlay.filled(spread, self._palette), self._paint.opacity)
        return overlay.outlined(painted, spread, BRIGHT, _BORDER_OPACITY)

    def _spread_labels(self, pixels: np.ndarray, labels: np.ndarray, patches: PatchMap) -> np.ndarray:
        """Each segment's share of every pixel, brought to the picture's edges; the largest share wins."""
        present = np.unique(labels)
        shares = (labels[..., None] == present).astype(np.float32)
        spread = patches.between_patches(shares)
        # Found at the size of `spread`, then enlarged: borders run through the pixels smoothly, at a third of the time.
        guide = cv2.resize(_grey(pixels), spread.shape[1::-1], interpolation=cv2.INTER_AREA)
        sharp = guided_filter(guide, spread, patches.patch_radius)
        return np.take(present, overlay.strongest(sharp, (pixels.shape[0], pixels.shape[1])))


def _grey(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
