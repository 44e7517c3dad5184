"""From a run to a file: every style, the recorded times, and what is said when it cannot be done."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analyzer.drawing import scene as scene_module
from analyzer.drawing.cells import scaled
from analyzer.pixels import recorded_pixels
from analyzer.render import STYLES, RenderRequest, render
from analyzer.run_folder import RunFolder
from foundation.errors import BadInput, EpisodeUnreadable, LensError, OutputUnwritable, RunUnreadable
from videos.video_file import VideoFile

SITE = "vision.11"


def request_of(style: str, **options: object) -> RenderRequest:
    sites = () if style == "grid" else (SITE,)
    return RenderRequest(**{"style": style, "sites": sites, "panel_height": 96, **options})  # type: ignore[arg-type]


def change_record(run: RunFolder, **fields: object) -> None:
    path = run.episode_folder("take") / "episode.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize("smooth", [False, True], ids=["patches", "smooth"])
@pytest.mark.parametrize("style", STYLES)
def test_a_video_has_every_analysed_frame_at_its_recorded_time(
    tiny_run: RunFolder, tmp_path: Path, style: str, smooth: bool
) -> None:
    told: list[tuple[int, int]] = []
    output = tmp_path / "out.mp4"
    render(tiny_run, "take", request_of(style, smooth=smooth), output, lambda done, total: told.append((done, total)))
    video = VideoFile(output)
    assert video.times_s == pytest.approx(tiny_run.episode("take").times_s, abs=1e-4)
    assert len({frame.rgb.tobytes() for frame in video.frames()}) == len(video)
    assert told == [(done, len(video)) for done in range(1, len(video) + 1)]


@pytest.mark.parametrize("paint", ["colors", "segments"])
@pytest.mark.parametrize("style", STYLES)
def test_stills(tiny_run: RunFolder, tmp_path: Path, style: str, paint: str) -> None:
    for name, frames in (("one", (3,)), ("some", (0, 9)), ("chosen", ())):
        output = render(tiny_run, "take", request_of(style, frames=frames, paint=paint), tmp_path / f"{name}.png")
        assert Image.open(output).mode == "RGB"


@pytest.mark.parametrize("style", ["overlay", "segments"])
def test_opacity_0_shows_the_recorded_pixels(tiny_run: RunFolder, tmp_path: Path, style: str) -> None:
    output = render(tiny_run, "take", request_of(style, opacity=0.0, frames=(6,)), tmp_path / "still.png")
    picture = np.asarray(Image.open(output))
    sizes = {0: (96, 128), 1: (96, 96)}
    pixels = next(recorded_pixels(tiny_run, tiny_run.episode("take"), [0, 1], [6]))
    for panel in scaled(pixels, sizes).values():
        windows = np.lib.stride_tricks.sliding_window_view(picture, panel.shape)
        corner = (windows[..., 0, 0, :] == panel[0, 0]).all(axis=-1)
        assert any(np.array_equal(windows[y, x, 0], panel) for y, x in np.argwhere(corner[..., 0]))


def test_equal_input_gives_an_equal_file(tiny_run: RunFolder, tmp_path: Path) -> None:
    files = [render(tiny_run, "take", request_of("grid"), tmp_path / name) for name in ("a.mp4", "b.mp4")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_what_was_not_recorded_is_said(tiny_run: RunFolder, tmp_path: Path) -> None:
    with_actions = render(tiny_run, "take", request_of("overlay"), tmp_path / "with.png")
    (tiny_run.episode_folder("take") / "actions.parquet").unlink()
    change_record(tiny_run, instruction=None, success=None, action_space=None, frame_steps=None)
    without = render(tiny_run, "take", request_of("overlay"), tmp_path / "without.png")
    assert Image.open(without).height < Image.open(with_actions).height


def test_hostile_names_are_drawn(tiny_run: RunFolder, tmp_path: Path) -> None:
    change_record(tiny_run, instruction="\x1b[2J‮" + "把碗 " * 100_000)
    for name in ("a.mp4", "a.png"):
        assert render(tiny_run, "take", request_of("grid"), tmp_path / name).exists()


def test_a_changed_recording_is_refused_and_the_preview_offered(tiny_run: RunFolder, tmp_path: Path) -> None:
    recording = Path(tiny_run.episode("take").source)
    (recording / "agentview.mp4").write_bytes((recording / "wrist.mp4").read_bytes())
    with pytest.raises(EpisodeUnreadable, match=r"agentview.*other content.*--from-preview"):
        render(tiny_run, "take", request_of("overlay"), tmp_path / "out.mp4")
    output = render(tiny_run, "take", request_of("overlay", from_preview=True), tmp_path / "out.mp4")
    assert len(VideoFile(output)) == len(tiny_run.episode("take").frames)


def test_a_missing_recording_is_refused_and_the_preview_offered(tiny_run: RunFolder, tmp_path: Path) -> None:
    recording = Path(tiny_run.episode("take").source)
    recording.rename(recording.with_name("elsewhere"))
    with pytest.raises(EpisodeUnreadable, match="--from-preview"):
        render(tiny_run, "take", request_of("overlay"), tmp_path / "out.mp4")


def test_the_preview_shows_the_same_pictures(tiny_run: RunFolder, tmp_path: Path) -> None:
    pictures = []
    for from_preview in (False, True):
        asked = request_of("overlay", opacity=0.0, frames=(6,), from_preview=from_preview)
        pictures.append(np.asarray(Image.open(render(tiny_run, "take", asked, tmp_path / "out.png"))).astype(int))
    assert np.abs(pictures[0] - pictures[1]).mean() < 3


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tiny_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "out.mp4").write_bytes(b"the old one")
    draw = scene_module.Scene.picture

    def failing(self: scene_module.Scene, index: int, pixels: dict[int, np.ndarray]) -> np.ndarray:
        if index == 2:
            raise EpisodeUnreadable("frame 2 is damaged")
        return draw(self, index, pixels)

    monkeypatch.setattr(scene_module.Scene, "picture", failing)
    with pytest.raises(EpisodeUnreadable, match="frame 2"):
        render(tiny_run, "take", request_of("overlay"), folder / "out.mp4")
    assert [path.name for path in folder.iterdir()] == ["out.mp4"]
    assert (folder / "out.mp4").read_bytes() == b"the old one"


def test_arrays_of_another_shape_are_refused(tiny_run: RunFolder, tmp_path: Path) -> None:
    site = tiny_run.site_folder("take", SITE)
    (site / "eigenvectors.npy").replace(site / "colors.npy")
    with pytest.raises(RunUnreadable, match=r"colors\.npy"):
        render(tiny_run, "take", request_of("overlay"), tmp_path / "out.mp4")


DAMAGED: list[dict[str, object]] = [
    {"frame_steps": [0, 3, 6, 900]},
    {"frames": [0, 3, 6, 900]},
    {"times_s": [0.0]},
    {"cameras": []},
    {"action_space": {"names": ["x"], "units": ["m"]}},
]


@pytest.mark.parametrize("fields", DAMAGED, ids=[next(iter(fields)) for fields in DAMAGED])
def test_a_record_that_contradicts_itself_is_refused(
    tiny_run: RunFolder, tmp_path: Path, fields: dict[str, object]
) -> None:
    change_record(tiny_run, **fields)
    with pytest.raises(RunUnreadable, match="damaged"):
        render(tiny_run, "take", request_of("overlay"), tmp_path / "out.mp4")


BAD: list[tuple[dict[str, object], str]] = [
    ({"style": "overlai"}, "Did you mean 'overlay'"),
    ({"opacity": 1.5}, "--opacity is 1.5; allowed: 0"),
    ({"opacity": float("nan")}, "--opacity"),
    ({"paint": "colours"}, "Did you mean 'colors'"),
    ({"sites": ("vision.1l",)}, "Did you mean 'vision.11'"),
    ({"sites": ("vision.3", "vision.11")}, "--style grid"),
    ({"sites": ()}, "--site: vision.3, vision.11"),
    ({"cameras": ("wirst",)}, "Did you mean 'wrist'"),
    ({"frames": (4,)}, "frame 4 was not analysed; the nearest one that was is 3"),
    ({"frames": (3, 0)}, "rising order"),
    ({"columns": 0}, "--columns"),
    ({"panel_height": 4}, "--panel-height"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_requests_say_what_to_do(
    tiny_run: RunFolder, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        render(tiny_run, "take", request_of(**{"style": "overlay", **options}), tmp_path / "out" / "out.mp4")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_bad_places_say_what_to_do(tiny_run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cases: list[tuple[str, str, type[LensError], str]] = [
        ("take", "out.avi", BadInput, r"\.mp4 \(a video\) or \.png"),
        ("tak", "out.mp4", RunUnreadable, "Did you mean 'take'"),
        ("take", "file/out.mp4", OutputUnwritable, "file/out.mp4"),
        ("take", "file/out.png", OutputUnwritable, "file/out.png"),
    ]
    for episode, name, error, message in cases:
        with pytest.raises(error, match=message):
            render(tiny_run, episode, request_of("overlay"), tmp_path / name)


def test_uppercase_endings_are_fine(tiny_run: RunFolder, tmp_path: Path) -> None:
    assert render(tiny_run, "take", replace(request_of("overlay"), frames=(0,)), tmp_path / "A.PNG").exists()


def test_rendering_starts_without_torch() -> None:
    code = "import sys, analyzer.render; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
