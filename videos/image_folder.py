"""A folder of pictures as a source of frames."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from foundation.errors import EpisodeUnreadable, quoted
from videos import digest
from videos.frame import Frame, checked_indices
from videos.sniff import looks_like

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
DEFAULT_FPS = 10.0
"""Pictures carry no times; they are taken to be this many a second unless the user says otherwise."""


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of `folder` in natural order: frame2 before frame10. Hidden files are not pictures."""
    files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()]
    return sorted(files, key=natural_key)


def natural_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that compares runs of digits as numbers; the plain name decides between 1.png and 01.png."""
    # Latin digits only: int() refuses some of the digits of other scripts that the pattern for digits lets through.
    pieces = re.split(r"([0-9]+)", path.name.lower())
    return [(0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p) for p in pieces if p], path.name


class ImageFolder:
    """Pictures in natural order of their names, `fps` a second; or one picture, where a file is named.

    They must all have the size of the first.
    """

    def __init__(self, folder: Path, fps: float = DEFAULT_FPS) -> None:
        if not fps > 0:
            raise ValueError(f"fps is a positive number of pictures a second; got {fps}.")
        self.folder = folder
        self._files = [folder] if folder.is_file() else pictures_in(folder)
        if not self._files:
            listed = ", ".join(sorted(SUFFIXES))
            raise EpisodeUnreadable(f"{folder}: the folder holds no picture ({listed}).")
        self.times_s: np.ndarray = np.arange(len(self._files)) / fps

    def __len__(self) -> int:
        return len(self._files)

    @cached_property
    def size(self) -> tuple[int, int]:
        height, width, _ = _read(self._files[0]).shape
        return height, width

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Frame]:
        for index in checked_indices(indices, len(self)).tolist():
            rgb = _read(self._files[index])
            if rgb.shape[:2] != self.size:
                raise EpisodeUnreadable(
                    f"{self._files[index]}: the picture is {rgb.shape[:2]} (height, width), the first is {self.size}. "
                    "All pictures of an episode must have one size."
                )
            yield Frame(index, float(self.times_s[index]), rgb)

    @cached_property
    def _fingerprint(self) -> str:
        return digest.of_parts("images", *(digest.of_file(file) for file in self._files))

    def fingerprint(self) -> str:
        return self._fingerprint


def _read(path: Path) -> np.ndarray:
    """Pixels of one picture, (height, width, 3) uint8 RGB, turned as its EXIF says."""
    try:
        with Image.open(path) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise EpisodeUnreadable(
            f"{path}: cannot be read as a picture ({quoted(error)}). The file looks like {looks_like(path)}."
        ) from error
