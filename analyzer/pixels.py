"""The pixels behind an analysis: read again from the recording, or, when asked for, from the run's preview."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from analyzer.recordings import open_recording
from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.errors import EpisodeUnreadable, LensError, RunUnreadable, quoted
from videos.episode import EpisodeSummary, FrameSource
from videos.video_file import VideoFile

_PREVIEW_HINT = "or draw from the run's smaller preview with --from-preview"


def recorded_pixels(
    run: RunFolder, record: EpisodeRecord, cameras: Sequence[int], frames: Sequence[int]
) -> Iterator[dict[int, np.ndarray]]:
    """Decode the recording. Yields camera index -> (height, width, 3) uint8 RGB, a frame at a time, in constant memory.

    Args:
        cameras: indices in `record.cameras`.
        frames: positions in the recording, rising.

    Raises:
        EpisodeUnreadable: when called: the recording is gone, damaged, or not the one that was analysed any more.
    """
    return _decoded(_unchanged(run, record, cameras), frames)


def preview_pixels(
    run: RunFolder, record: EpisodeRecord, cameras: Sequence[int], frames: Sequence[int]
) -> Iterator[dict[int, np.ndarray]]:
    """Like `recorded_pixels`, but cut out of the run's preview: smaller, compressed twice, and always there.

    Raises:
        RunUnreadable: when called: the preview is missing, damaged or of another length.
    """
    path = run.preview(record.id)
    try:
        preview = VideoFile(path)
    except (EpisodeUnreadable, OSError) as error:
        raise RunUnreadable(
            f"{path}: the run's preview cannot be read ({error}). Analyse the recording again."
        ) from error
    if len(preview) != record.frame_count:
        raise RunUnreadable(
            f"{path}: the preview has {len(preview)} frames, the recording {record.frame_count}. "
            "Analyse the recording again."
        )
    for camera in cameras:
        left, top, width, height = record.cameras[camera].in_preview
        if left + width > preview.size[1] or top + height > preview.size[0]:
            raise RunUnreadable(
                f"{path}: the preview is smaller than the run's record says. Analyse the recording again."
            )
    return _cut_out(preview, record, cameras, frames)


def _cut_out(
    preview: VideoFile, record: EpisodeRecord, cameras: Sequence[int], frames: Sequence[int]
) -> Iterator[dict[int, np.ndarray]]:
    for frame in preview.frames(frames):
        cut = {}
        for camera in cameras:
            left, top, width, height = record.cameras[camera].in_preview
            cut[camera] = frame.rgb[top : top + height, left : left + width]
        yield cut


def _decoded(sources: dict[int, FrameSource], frames: Sequence[int]) -> Iterator[dict[int, np.ndarray]]:
    for pictures in zip(*(source.frames(frames) for source in sources.values()), strict=True):
        yield {camera: picture.rgb for camera, picture in zip(sources, pictures, strict=True)}


def _unchanged(run: RunFolder, record: EpisodeRecord, cameras: Sequence[int]) -> dict[int, FrameSource]:
    """The recording's cameras, by their index in the record, once it is sure that they are the ones analysed."""
    names = [camera.name for camera in record.cameras]
    summary = EpisodeSummary(record.id, Path(record.source), record.format, record.locator, tuple(names))
    try:
        recorded = open_recording(summary, run.manifest.settings).cameras
    except (LensError, OSError) as error:
        raise EpisodeUnreadable(
            f"{error} It was readable when the run was made: bring it back, {_PREVIEW_HINT}."
        ) from error
    for camera in cameras:
        name = names[camera]
        if name not in recorded or recorded[name].fingerprint() != record.fingerprints[camera]:
            what = "has other content than" if name in recorded else "is gone; it was there"
            raise EpisodeUnreadable(
                f"{record.source} ({record.id}): camera {quoted(name)} {what} when it was analysed. "
                f"Analyse the recording again, {_PREVIEW_HINT}."
            )
    return {camera: recorded[names[camera]] for camera in cameras}
