"""A folder of pictures, one a frame."""

from __future__ import annotations

from pathlib import Path

from videos.episode import Episode, EpisodeSummary
from videos.image_folder import ImageFolder, pictures_in
from videos.readers.reader import ReadOptions, id_of, locator_of, path_of

CAMERA = "camera"
"""The name of the only camera: a folder does not say which it is."""


def find(root: Path, path: Path) -> list[EpisodeSummary]:
    return [
        EpisodeSummary(
            id=id_of(root, path),
            source=root,
            format="images",
            locator=locator_of(root, path),
            cameras=(CAMERA,),
            frames=len(pictures_in(path)),
        )
    ]


def read(summary: EpisodeSummary, options: ReadOptions) -> Episode:
    images = ImageFolder(path_of(summary.source, summary.locator), options.image_fps)
    return Episode(
        id=summary.id,
        source=summary.source,
        format=summary.format,
        cameras={CAMERA: images},
        notes=(
            f"Pictures carry no times: taken to be {options.image_fps:g} a second, in natural order of their names.",
            "A folder of pictures holds no actions.",
        ),
    )
