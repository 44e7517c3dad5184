"""One small video shows every camera, and its rectangles say where."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import Built, read_barcode

from videos.catalog import find_episodes, open_episode
from videos.preview import LONG_SIDE, mosaic_of, write_preview
from videos.video_file import VideoFile

SIZES = st.lists(st.tuples(st.integers(1, 2200), st.integers(1, 2200)), min_size=1, max_size=6)


@given(sizes=SIZES)
def test_cameras_fit_keep_their_shape_and_do_not_overlap(sizes: list[tuple[int, int]]) -> None:
    mosaic = mosaic_of({f"camera {i}": size for i, size in enumerate(sizes)})
    assert mosaic.width % 2 == mosaic.height % 2 == 0
    assert max(mosaic.width, mosaic.height) <= LONG_SIDE
    for (height, width), r in zip(sizes, mosaic.cameras.values(), strict=True):
        assert r.height <= height
        assert r.width <= width
        assert 0 <= r.x <= r.x + r.width <= mosaic.width
        assert 0 <= r.y <= r.y + r.height <= mosaic.height
        scale = r.height / height if height >= width else r.width / width  # the longer side: rounding matters least
        assert abs(r.height - height * scale) <= 1
        assert abs(r.width - width * scale) <= 1
    for a, b in combinations(mosaic.cameras.values(), 2):
        assert a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y


def test_small_cameras_are_not_enlarged() -> None:
    mosaic = mosaic_of({"agentview": (256, 256), "wrist": (256, 256)})
    assert (mosaic.width, mosaic.height) == (512, 256)
    assert mosaic.cameras["wrist"].x == 256


def test_two_wide_cameras_stand_above_each_other() -> None:
    """Side by side they would be shown at half the size."""
    mosaic = mosaic_of({"left": (480, 640), "right": (480, 640)})
    assert mosaic.cameras["right"].y == mosaic.cameras["left"].height == 320


def test_nothing_to_lay_out_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one camera"):
        mosaic_of({})


@pytest.mark.parametrize("name", ["episode_folder", "lerobot_v30", "video"])
def test_preview_shows_every_camera_frame_for_frame(built: dict[str, Built], tmp_path: Path, name: str) -> None:
    episode = open_episode(find_episodes(built[name].path)[1])
    mosaic = write_preview(episode, tmp_path / "preview.mp4")
    preview = VideoFile(tmp_path / "preview.mp4")
    assert preview.size == (mosaic.height, mosaic.width)
    np.testing.assert_allclose(preview.times_s, episode.times_s, atol=1e-5)
    for r in mosaic.cameras.values():
        shown = [read_barcode(f.rgb[r.y : r.y + r.height, r.x : r.x + r.width]) for f in preview.frames()]
        assert tuple(shown) == built[name].episodes[1].codes


def test_preview_shrinks_what_is_too_large(built: dict[str, Built], tmp_path: Path) -> None:
    episode = open_episode(find_episodes(built["episode_folder"].path)[0])
    mosaic = write_preview(episode, tmp_path / "preview.mp4", long_side=64)
    assert max(mosaic.width, mosaic.height) <= 64
    r = mosaic.cameras["wrist"]
    frames = VideoFile(tmp_path / "preview.mp4").frames()
    shown = [read_barcode(f.rgb[r.y : r.y + r.height, r.x : r.x + r.width]) for f in frames]
    assert tuple(shown) == built["episode_folder"].episodes[0].codes
