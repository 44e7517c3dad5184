"""What is written is what is read back: times, pixels, and a whole file or none."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import barcode, read_barcode

from foundation.errors import OutputUnwritable
from videos.encode import TIME_BASE, write_video
from videos.video_file import VideoFile

TICK = float(TIME_BASE)


@settings(max_examples=30, deadline=None)
@given(gaps=st.lists(st.floats(2 * TICK, 3.0), max_size=12), start=st.floats(-5, 5))
def test_times_survive(tmp_path_factory: pytest.TempPathFactory, gaps: list[float], start: float) -> None:
    times = start + np.concatenate([[0.0], np.cumsum(gaps)])
    path = tmp_path_factory.mktemp("times") / "clip.mp4"
    write_video(path, (barcode(k) for k in range(len(times))), times)
    video = VideoFile(path)
    np.testing.assert_allclose(video.times_s, times - times[0], atol=0.51 * TICK)
    assert [read_barcode(frame.rgb) for frame in video.frames()] == list(range(len(times)))


@pytest.mark.parametrize("fps", [5, 20, 24, 30, 60])
def test_usual_rates_survive_exactly(tmp_path: Path, fps: int) -> None:
    times = np.arange(fps * 2) / fps
    write_video(tmp_path / "clip.mp4", [barcode(k) for k in range(len(times))], times)
    np.testing.assert_allclose(VideoFile(tmp_path / "clip.mp4").times_s, times, atol=1e-12)


def test_each_frame_is_shown_until_the_next(tmp_path: Path) -> None:
    """The last and the only frame too: a browser shows nothing for a duration of zero."""
    for times, whole in (([0.0, 0.5, 0.6, 2.0], 2.5), ([7.0], 0.1)):
        write_video(tmp_path / "clip.mp4", [barcode(k) for k in range(len(times))], times)
        with av.open(str(tmp_path / "clip.mp4")) as container:
            assert container.duration is not None
            assert container.duration / av.time_base == pytest.approx(whole, abs=0.001)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 64), (48, 63), (47, 63), (1, 1)])
def test_odd_sides_are_padded_and_never_stretched(tmp_path: Path, height: int, width: int) -> None:
    picture = np.full((height, width, 3), 40, np.uint8)
    picture[: height // 2, : width // 2] = 220
    write_video(tmp_path / "clip.mp4", [picture], [0.0], quality=0)
    video = VideoFile(tmp_path / "clip.mp4")
    assert video.size == (height + height % 2, width + width % 2)
    read = next(video.frames()).rgb.astype(int)
    assert np.abs(read[:height, :width] - picture).max() <= 3
    assert np.abs(read[-1, -1] - picture[-1, -1]).max() <= 3  # the edge, repeated


def test_colours_survive(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (20, 3))
    pictures = [np.full((32, 32, 3), colour, np.uint8) for colour in colours]
    write_video(tmp_path / "clip.mp4", pictures, np.arange(20) / 10, quality=1)
    read = np.array([frame.rgb[16, 16] for frame in VideoFile(tmp_path / "clip.mp4").frames()], int)
    assert np.abs(read - colours).max() <= 5


def test_browsers_can_play_and_seek_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, [barcode(7)] * 45, np.arange(45) / 20)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert (stream.codec.canonical_name, stream.pix_fmt, stream.start_time) == ("h264", "yuv420p", 0)
        assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
        assert [k for k, packet in enumerate(packets) if packet.is_keyframe] == [0, 10, 20, 30, 40]


def test_equal_input_gives_an_equal_file(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, [barcode(k) for k in range(30)], np.arange(30) / 20)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_any_file_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg takes `take:` for a protocol, and names with % for patterns."""
    monkeypatch.chdir(tmp_path)
    for name in ("take:1.mp4", "take%03d.mp4", "-take 'ä' #1.mp4"):
        write_video(Path(name), [barcode(7)], [0.0])
        assert read_barcode(next(VideoFile(Path(name)).frames()).rgb) == 7


class TestRefusals:
    @pytest.mark.parametrize(
        ("count", "times", "message"),
        [
            (3, [0, 0.1], "more frames than the 2 times"),
            (2, [0, 0.1, 0.2], "2 frames for 3 times"),
            (0, [0], "0 frames for 1 times"),
            (2, [0, 0], "Times must rise"),
            (2, [0, float("nan")], "finite"),
            (0, [], "at least one frame"),
        ],
    )
    def test_frames_and_times_must_fit(self, tmp_path: Path, count: int, times: list[float], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            write_video(tmp_path / "clip.mp4", [barcode(k) for k in range(count)], times)
        assert list(tmp_path.iterdir()) == []

    def test_frames_must_have_one_size(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="Frame 1 is"):
            write_video(tmp_path / "clip.mp4", [barcode(0), barcode(1, 24, 32)], [0, 1])

    def test_an_error_on_the_way_leaves_the_old_file(self, tmp_path: Path) -> None:
        def failing() -> Iterator[np.ndarray]:
            yield barcode(0)
            raise RuntimeError("the policy failed")

        path = tmp_path / "clip.mp4"
        path.write_bytes(b"the old one")
        with pytest.raises(RuntimeError, match="the policy failed"):
            write_video(path, failing(), [0, 1])
        assert path.read_bytes() == b"the old one"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
    def test_a_full_or_closed_disk_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        def refused(*_: object) -> None:
            raise av.error.FFmpegError(number, os.strerror(number))

        monkeypatch.setattr("videos.encode._mux", refused)
        with pytest.raises(OutputUnwritable, match=r"clip\.mp4: cannot be written"):
            write_video(tmp_path / "clip.mp4", [barcode(0)], [0])
        assert list(tmp_path.iterdir()) == []

    def test_a_file_where_a_folder_must_be(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("")
        with pytest.raises(OutputUnwritable, match="a file stands where a folder must be"):
            write_video(tmp_path / "taken" / "clip.mp4", [barcode(0)], [0])
