"""Any frame by number, exactly: on every codec, at every rate, and never fewer frames than promised."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import barcode, cut, read_barcode, remux, write_clip

from foundation.errors import EpisodeUnreadable
from videos.video_file import VideoFile

CLIPS = {
    "h264-b-frames": ("clip.mp4", "libx264", {"bf": "3", "g": "12", "sc_threshold": "0"}),
    "h264-open-gop": ("clip.mkv", "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=10:scenecut=0"}),
    "h264-transport": ("clip.ts", "libx264", {"bf": "2", "g": "12"}),
    "hevc-open-gop": ("clip.mp4", "libx265", {"x265-params": "log-level=none:keyint=12:open-gop=1:bframes=4"}),
    "vp9-hidden-frames": (
        "clip.webm",
        "libvpx-vp9",
        {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "12", "cpu-used": "8"},
    ),
    "vp8-hidden-frames": (
        "clip.webm",
        "libvpx",
        {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "12", "cpu-used": "8"},
    ),
    "av1-lerobot": ("clip.mp4", "libsvtav1", {"g": "2", "preset": "12", "crf": "30"}),
    "av1-long": ("clip.mp4", "libsvtav1", {"g": "20", "preset": "12", "crf": "30"}),
    "mpeg4-opencv": ("clip.mp4", "mpeg4", {"g": "12"}),
    "mjpeg": ("clip.mov", "mjpeg", {}),
}
VARIABLE = [0, 1500, 3000, 30000, 33000, 33600, 90000, *range(93000, 93000 + 33 * 2100, 2100)]


@pytest.fixture(
    scope="module", params=[(name, rate) for name in CLIPS for rate in ("constant", "variable")], ids="-".join
)
def clip(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pictures: list[np.ndarray]
) -> VideoFile:
    """A clip of every codec, at constant and variable rate."""
    name, rate = request.param
    file, codec, options = CLIPS[name]
    path = tmp_path_factory.mktemp(name) / file
    pts = VARIABLE if rate == "variable" else None
    return VideoFile(
        write_clip(path, pictures, pts, codec, options, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p")
    )


class TestEveryCodec:
    def test_sequence_is_what_was_encoded(self, clip: VideoFile) -> None:
        assert [read_barcode(frame.rgb) for frame in clip.frames()] == list(range(40))
        assert len(clip) == 40

    def test_each_frame_alone_is_the_frame_in_sequence(self, clip: VideoFile) -> None:
        for frame in clip.frames():
            np.testing.assert_array_equal(next(clip.frames([frame.index])).rgb, frame.rgb)

    def test_any_choice_of_frames_is_that_of_the_sequence(self, clip: VideoFile) -> None:
        for chosen in ([3, 4, 5, 30, 31, 39], [0, 39], list(range(0, 40, 13)), [11, 12, 13, 23, 24, 25], []):
            assert [read_barcode(frame.rgb) for frame in clip.frames(chosen)] == chosen

    def test_times_are_those_of_the_file(self, clip: VideoFile) -> None:
        with av.open(str(clip.path)) as container:
            stream = container.streams.video[0]
            seconds = [float(frame.pts * stream.time_base) for frame in container.decode(stream)]
        np.testing.assert_allclose(clip.clock_s, seconds, atol=1e-9)
        np.testing.assert_allclose(clip.times_s, np.array(seconds) - seconds[0], atol=1e-9)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.sets(st.integers(0, 39)))
def test_any_set_of_frames(b_frames: Path, chosen: set[int]) -> None:
    assert [read_barcode(frame.rgb) for frame in VideoFile(b_frames).frames(sorted(chosen))] == sorted(chosen)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_pictures_are_turned_as_the_metadata_says(tmp_path: Path, rotation: int) -> None:
    """The stored pixels are the upright picture turned the other way, as a phone held sideways stores them."""
    upright = barcode(170)
    stored = np.ascontiguousarray(np.rot90(upright, k=-rotation // 90))
    video = VideoFile(write_clip(tmp_path / "turned.mp4", [stored] * 3, rotation=rotation))
    assert video.size == upright.shape[:2]
    assert [read_barcode(frame.rgb) for frame in video.frames()] == [170] * 3


@pytest.mark.parametrize(
    ("height", "width", "codec"), [(47, 63, "libx264"), (49, 65, "libvpx-vp9"), (48, 64, "libx264")]
)
def test_odd_sizes(tmp_path: Path, height: int, width: int, codec: str) -> None:
    pix_fmt = "yuv444p" if codec == "libx264" else "yuv420p"  # x264 writes odd sides only without chroma subsampling
    clip = write_clip(tmp_path / "odd.mkv", [barcode(k, height, width) for k in range(5)], codec=codec, pix_fmt=pix_fmt)
    video = VideoFile(clip)
    assert video.size == (height, width)
    assert [read_barcode(frame.rgb) for frame in video.frames()] == list(range(5))


def test_one_frame(tmp_path: Path) -> None:
    video = VideoFile(write_clip(tmp_path / "one.mp4", [barcode(9)]))
    assert len(video) == 1
    assert video.times_s.tolist() == [0.0]
    assert [read_barcode(frame.rgb) for frame in video.frames()] == [9]


def test_colours_follow_the_tagged_matrix(tmp_path: Path) -> None:
    """The same colour encoded by two matrices and tagged so must come back the same."""
    colour = np.full((48, 64, 3), (200, 60, 30), np.uint8)
    read = []
    for space in (1, 6):  # BT.709, SMPTE 170M
        with av.open(str(tmp_path / f"{space}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.colorspace = space
            frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=space if space == 1 else 5)))
            container.mux(stream.encode(None))
        read.append(next(VideoFile(tmp_path / f"{space}.mp4").frames()).rgb[20, 20].astype(int))
    assert np.abs(read[0] - (200, 60, 30)).max() <= 4
    assert np.abs(read[1] - (200, 60, 30)).max() <= 4


class TestOddTimes:
    def test_frames_that_an_edit_list_cuts_away_do_not_count(self, b_frames: Path, tmp_path: Path) -> None:
        edited = remux(b_frames, tmp_path / "edited.mp4", shift=-3000 * 17, options={"avoid_negative_ts": "disabled"})
        video = VideoFile(edited)
        assert [read_barcode(frame.rgb) for frame in video.frames()] == list(range(17, 40))
        assert [read_barcode(next(video.frames([i])).rgb) for i in range(len(video))] == list(range(17, 40))

    def test_frames_behind_the_end_of_an_edit_list_do_not_count(self, b_frames: Path, tmp_path: Path) -> None:
        content = bytearray(b_frames.read_bytes())
        at = content.index(b"elst") + 12  # after version, flags and the count of entries: the duration of the first
        duration = int.from_bytes(content[at : at + 4], "big")
        content[at : at + 4] = (duration // 2).to_bytes(4, "big")
        path = tmp_path / "ends_early.mp4"
        path.write_bytes(content)
        with av.open(str(path)) as container:
            shown = [read_barcode(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
        assert shown == list(range(len(shown)))
        assert 15 < len(shown) < 25
        assert [read_barcode(frame.rgb) for frame in VideoFile(path).frames()] == shown

    def test_first_time_need_not_be_zero(self, b_frames: Path, tmp_path: Path) -> None:
        late = VideoFile(remux(b_frames, tmp_path / "late.mp4", 90_000 * 5, {"avoid_negative_ts": "disabled"}))
        assert late.times_s[0] == 0
        assert late.clock_s[0] == pytest.approx(5, abs=0.01)
        assert [read_barcode(next(late.frames([i])).rgb) for i in (0, 20, 39)] == [0, 20, 39]

    def test_frames_that_share_a_time_count_once_and_are_reported(
        self, tmp_path: Path, pictures: list[np.ndarray]
    ) -> None:
        clip = write_clip(tmp_path / "clip.mp4", pictures[:10], codec="libx264", options={"bf": "0"})
        doubled = tmp_path / "doubled.mp4"
        with av.open(str(clip)) as reading, av.open(str(doubled), "w") as writing:
            stream = reading.streams.video[0]
            copied = writing.add_stream_from_template(stream)
            for packet in reading.demux(stream):
                if packet.dts is not None:
                    packet.stream = copied
                    packet.pts = 15000 if packet.pts == 12000 else packet.pts
                    writing.mux(packet)
        video = VideoFile(doubled)
        assert [read_barcode(frame.rgb) for frame in video.frames()] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
        assert [read_barcode(next(video.frames([i])).rgb) for i in range(9)] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
        assert "left out 1 frame" in video.notes[0]

    def test_a_clip_that_begins_inside_a_group_of_pictures_counts_what_decodes(
        self, b_frames: Path, tmp_path: Path
    ) -> None:
        """Frames before the first keyframe cannot be decoded: the table must not promise them."""
        headless = tmp_path / "headless.mkv"
        with av.open(str(b_frames)) as reading, av.open(str(headless), "w") as writing:
            stream = reading.streams.video[0]
            copied = writing.add_stream_from_template(stream)
            for packet in list(reading.demux(stream))[5:]:
                if packet.dts is not None:
                    packet.stream = copied
                    writing.mux(packet)
        video = VideoFile(headless)
        shown = [frame.rgb for frame in video.frames()]
        assert 0 < len(shown) == len(video) < 40
        for index, rgb in enumerate(shown):
            np.testing.assert_array_equal(next(video.frames([index])).rgb, rgb)

    def test_a_file_without_times_is_refused(self, tmp_path: Path, pictures: list[np.ndarray]) -> None:
        clip = write_clip(tmp_path / "reordered.avi", pictures, options={"bf": "3"})
        with pytest.raises(EpisodeUnreadable, match=r"reordered\.avi: the file does not say when"):
            VideoFile(clip)


def decoder_notices(path: Path) -> str:
    """What plain PyAV finds wrong with a clip of forty frames; "" where nothing."""
    try:
        with av.open(str(path)) as container:
            frames = list(container.decode(video=0))
    except av.error.FFmpegError:
        return "error"
    if any(frame.is_corrupt for frame in frames):
        return "corrupt frame"
    return "" if len(frames) == 40 else "missing frame"


class TestDamage:
    @pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi"])
    @pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
    def test_a_cut_file_is_refused(self, tmp_path: Path, pictures: list[np.ndarray], suffix: str, keep: float) -> None:
        codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
        whole = write_clip(tmp_path / f"whole{suffix}", pictures, codec=codec)
        assert len(VideoFile(whole)) == 40
        with pytest.raises(EpisodeUnreadable, match=r"07\.\w+: the file is cut short: \d+ of \d+ bytes"):
            VideoFile(cut(whole, tmp_path / f"07{suffix}", keep))

    def test_a_cut_streamable_file_is_refused(self, b_frames: Path, tmp_path: Path) -> None:
        """Its index is at the front, so FFmpeg opens it and promises all frames."""
        fast = remux(b_frames, tmp_path / "fast.mp4", options={"movflags": "+faststart"})
        with pytest.raises(EpisodeUnreadable, match="cut short"):
            VideoFile(cut(fast, tmp_path / "cut.mp4", 0.8))

    def test_damage_that_the_decoder_notices_is_refused(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        noisy = [rng.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(40)]
        whole = write_clip(tmp_path / "whole.mp4", noisy, options={"bf": "3", "g": "12"})
        content = whole.read_bytes()
        outcomes = set()
        for attempt in range(25):
            damaged = bytearray(content)
            at = int(rng.integers(len(content) // 5, len(content) * 4 // 5))
            damaged[at : at + 20] = rng.bytes(20)
            path = tmp_path / f"damaged{attempt}.mp4"
            path.write_bytes(damaged)
            noticed = decoder_notices(path)
            outcomes.add(noticed)
            if noticed:
                with pytest.raises(EpisodeUnreadable, match=path.name):
                    list(VideoFile(path).frames())
            else:
                assert len(list(VideoFile(path).frames())) == 40
        assert outcomes >= {"", "corrupt frame"}

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"", "0 bytes"),
            (b"frames and more frames\n" * 50, "plain text"),
            (b"\x89HDF\r\n\x1a\n" + bytes(900), "HDF5"),
        ],
    )
    def test_what_is_no_video_is_named(self, tmp_path: Path, content: bytes, found: str) -> None:
        path = tmp_path / "07.mp4"
        path.write_bytes(content)
        with pytest.raises(EpisodeUnreadable, match=rf"07\.mp4: .*{found}"):
            VideoFile(path)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(EpisodeUnreadable, match=r"gone\.mp4: cannot be opened"):
            VideoFile(tmp_path / "gone.mp4")

    def test_sound_without_pictures(self, tmp_path: Path) -> None:
        path = tmp_path / "07.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=44100)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 44100
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with pytest.raises(
            EpisodeUnreadable, match=r"07\.mp4: no video stream \(found: 1 audio stream\)\. Is this the right file"
        ):
            VideoFile(path)

    def test_a_playlist_named_video_reads_no_other_file(self, b_frames: Path, tmp_path: Path) -> None:
        """FFmpeg follows playlists to other files and addresses."""
        path = tmp_path / "playlist.mp4"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{b_frames}\n#EXT-X-ENDLIST\n")
        with pytest.raises(EpisodeUnreadable, match="plain text"):
            VideoFile(path)
        concat = tmp_path / "concat.mp4"
        concat.write_text(f"ffconcat version 1.0\nfile '{b_frames}'\n")
        with pytest.raises(EpisodeUnreadable, match="plain text"):
            VideoFile(concat)

    def test_a_size_that_changes_is_refused(self, tmp_path: Path) -> None:
        """MPEG-TS may carry pictures of another size after the first ones."""
        parts = [write_clip(tmp_path / "a.ts", [barcode(k) for k in range(4)]), tmp_path / "b.ts"]
        pts = [3000 * k for k in range(10, 14)]
        write_clip(parts[1], [barcode(k, 96, 128) for k in range(4)], pts)
        both = tmp_path / "both.ts"
        both.write_bytes(parts[0].read_bytes() + parts[1].read_bytes())
        with pytest.raises(EpisodeUnreadable, match="picture size changes"):
            list(VideoFile(both).frames())


def test_memory_does_not_grow_with_the_frames_read(tmp_path: Path) -> None:
    """Python's and NumPy's own allocations; the decoder's are a handful of pictures."""
    picture = barcode(5, 240, 320)
    video = VideoFile(write_clip(tmp_path / "long.mp4", [picture] * 120))
    tracemalloc.start()
    for _ in video.frames():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * picture.nbytes


def test_fingerprint_follows_the_content_and_not_the_name(b_frames: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.mp4"
    renamed.write_bytes(b_frames.read_bytes())
    other = write_clip(tmp_path / "other.mp4", [barcode(1)] * 5)
    assert VideoFile(renamed).fingerprint() == VideoFile(b_frames).fingerprint()
    assert VideoFile(other).fingerprint() != VideoFile(b_frames).fingerprint()
