"""What every drawing of a run is asked for alike, and how it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from analyzer.drawing.site_painter import Paint
from analyzer.run_folder import RunFolder
from foundation.errors import BadInput, did_you_mean, quoted
from foundation.files import atomic

PAINTS = ("colors", "segments")


@dataclass(frozen=True, kw_only=True)
class PaintRequest:
    """What is laid over the pictures, and how large they are."""

    paint: str = "colors"
    """One of `PAINTS`."""
    segments: int = 12
    """How many segments are drawn; as many as the run has, where it has fewer."""
    opacity: float = 0.6
    """Of the paint, 0 (the recording alone) … 1 (the paint alone)."""
    smooth: bool = False
    """Follow the edges of the picture instead of those of the patches; for the eye alone."""
    panel_height: int | None = None
    """Pixels; None: comfortable to look at."""
    from_preview: bool = False
    """Read pixels from the run's preview instead of the recording."""

    def __post_init__(self) -> None:
        if self.paint not in PAINTS:
            raise BadInput(f"--paint: there is no {quoted(self.paint)}.{did_you_mean(self.paint, PAINTS)}")
        if not 0 <= self.opacity <= 1:
            raise BadInput(f"--opacity is {self.opacity}; allowed: 0 (the recording alone) to 1 (the colours alone).")
        if not 1 <= self.segments <= 255:
            raise BadInput(
                f"--segments is {self.segments}; allowed: 1 to as many as the run has (--n-segments of run)."
            )
        if self.panel_height is not None and not 16 <= self.panel_height <= 2160:
            raise BadInput(f"--panel-height is {self.panel_height}; allowed: 16 to 2160 pixels.")

    @property
    def shows_segments(self) -> bool:
        return self.paint == "segments"

    @property
    def painted(self) -> Paint:
        return Paint(self.shows_segments, self.opacity, self.smooth, self.segments)


def check_site(run: RunFolder, site: str) -> None:
    """Raise BadInput where the run has none of that name."""
    if site not in run.site_names:
        raise BadInput(f"{run.path}: the run has no site {quoted(site)}.{did_you_mean(site, run.site_names)}")


def write_png(output: Path, picture: np.ndarray) -> None:
    with atomic(output) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")
