"""A small picture of an episode, out of its run's preview."""

from __future__ import annotations

import cv2
import numpy as np

from analyzer.run_folder import RunFolder
from foundation.errors import EpisodeUnreadable, RunUnreadable
from videos.video_file import VideoFile

HEIGHT = 168
"""Pixels: twice what a list shows, for sharp screens."""
_WIDEST = 600
_QUALITY = 82


def preview_thumbnail(run: RunFolder, episode: str, frame: int) -> bytes:
    """A JPEG of all cameras at a frame of the recording, `HEIGHT` pixels high.

    Raises:
        RunUnreadable: the preview is missing, damaged, too short, or a link leads it out of the run.
    """
    path = run.preview(episode)
    if not path.resolve().is_relative_to(run.path.resolve()):
        raise RunUnreadable(f"{path}: a link out of the run is not followed.")
    try:
        (picture,) = VideoFile(path).frames([frame])
    except (EpisodeUnreadable, OSError, IndexError, ValueError) as error:
        raise RunUnreadable(f"{path}: the preview shows no frame {frame} ({error}).") from error
    height, width = picture.rgb.shape[:2]
    scale = min(HEIGHT / height, _WIDEST / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    made, content = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not made:
        raise RunUnreadable(f"{path}: frame {frame} cannot be made a picture.")
    return content.tobytes()
