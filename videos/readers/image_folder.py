"""A folder of pictures, one a frame; or a single picture."""

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
            frames=1 if path.is_file() else len(pictures_in(path)),
        )
    ]


def read(summary: EpisodeSummary, options: ReadOptions) -> Episode:
    images = ImageFolder(path_of(summary.source, summary.locator), options.image_fps)
    times = f"Pictures carry no times: taken to be {options.image_fps:g} a second, in natural order of their names."
    return Episode(
        id=summary.id,
        source=summary.source,
        format=summary.format,
        cameras={CAMERA: images},
        notes=(*([times] if len(images) > 1 else []), "Pictures hold no actions."),
    )
