"""Every frame shown is the frame meant: read back from the screen, whatever the recording was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from driving import recorded
from made_runs import make_run
from recordings import lerobot_v30, read_barcode

from analyzer.run_folder import RunFolder
from videos.catalog import find_episodes, open_episode
from videos.episode import Episode

VARYING = [0, 900, 30000, 31000, 60000, 61800, 63600, 90000, 93003, 96006, 100800, 130000]
"""Times of frames in 1/90000 s: bursts and pauses."""

READ = """
  const canvas = document.querySelector('.picture'), context = canvas.getContext('2d');
  const camera = lens.player.episode.cameras[WHICH], scale = canvas.width / lens.player.stage.size.width;
  const [x, y, w, h] = camera.rect.map((side) => side * scale);
  const at = (u, v) => context.getImageData(Math.floor(x + u * w), Math.floor(y + v * h), 1, 1).data;
  const read = () => { let code = 0; for (let bit = 0; bit < 8; bit++) { const [r, g, b] = at((2 * bit + 1) / 16, 0.25);
    const v = (r + g + b) / 3; if (v > 90 && v < 165) return -1; code = 2 * code + (v > 127 ? 1 : 0); }
    const [red, , blue] = at(0.25, 0.75); return red > blue + 80 ? code : -2; };
"""
SEEKS = (
    """async ([count, frames]) => {"""
    + READ.replace("WHICH", "0")
    + """
  const clock = lens.player.clock, wrong = [];
  let state = 7;
  for (let i = 0; i < count; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const wanted = i < frames ? i : Math.floor(state / 65536) % frames;
    clock.seek(wanted);
    while (clock.going !== null || clock.frame !== wanted) await new Promise((go) => setTimeout(go, 2));
    if (read() !== CODES[wanted]) wrong.push([wanted, read()]);
  }
  return wrong; }"""
)
PLAYBACK = (
    """async (rate) => {"""
    + READ.replace("WHICH", "0")
    + """
  const clock = lens.player.clock, seen = [], show = clock.onframe;
  clock.seek(0); while (clock.going !== null || clock.frame !== 0) await new Promise((go) => setTimeout(go, 2));
  clock.onframe = (frame, image) => { show(frame, image); seen.push([frame, read()]); };
  clock.setRate(rate); clock.play();
  while (clock.playing) await new Promise((go) => setTimeout(go, 20));
  while (clock.going !== null) await new Promise((go) => setTimeout(go, 5));
  return seen; }"""
)

Show = Callable[..., "object"]


def sources(folder: Path) -> dict[str, Callable[[], Episode]]:
    """Recordings of all kinds."""
    return {
        "H.264": lambda: recorded(folder / "a.mp4", 40),
        "varying rate": lambda: recorded(folder / "b.mp4", len(VARYING), VARYING),
        "VP9": lambda: recorded(folder / "c.webm", 24, codec="libvpx-vp9"),
        "AV1": lambda: recorded(folder / "d.mp4", 24, codec="libsvtav1"),
        "rotated": lambda: recorded(folder / "e.mp4", 24, turned=True),
        "LeRobot, third episode of a file": lambda: open_episode(
            lerobot_v30(folder / "lerobot").path, find_episodes(folder / "lerobot")[2].id
        ),
    }


@pytest.mark.parametrize("kind", list(sources(Path())))
def test_seeking_shows_the_frame_meant(kind: str, show: Show, tmp_path: Path) -> None:
    episode = sources(tmp_path)[kind]()
    codes = _codes(episode)
    page = show(make_run(tmp_path / "run", episode, with_findings=False))
    page.keyboard.press("o")  # no overlay: the picture alone
    page.evaluate(f"window.CODES = {codes}")
    wrong = page.evaluate(SEEKS, [200 if kind == "H.264" else 80, len(codes)])
    assert wrong == []


@pytest.mark.parametrize("kind", ["H.264", "varying rate"])
def test_playing_shows_the_frame_meant(kind: str, show: Show, tmp_path: Path) -> None:
    episode = sources(tmp_path)[kind]()
    page = show(make_run(tmp_path / "run", episode, with_findings=False))
    page.keyboard.press("o")
    seen = page.evaluate(PLAYBACK, 1)
    assert [(frame, read) for frame, read in seen if frame != read] == []
    assert len({frame for frame, _ in seen}) > episode.frame_count // 4
    assert seen[-1][0] == episode.frame_count - 1


def test_every_camera_of_a_mosaic_shows_the_same_frame(show: Show, two_cameras: RunFolder) -> None:
    page = show(two_cameras)
    page.keyboard.press("o")
    page.evaluate("window.CODES = [...Array(30).keys()]")
    for which in ("0", "1"):
        wrong = page.evaluate(SEEKS.replace("cameras[0]", f"cameras[{which}]"), [40, 30])
        assert wrong == []


def test_a_link_opens_on_its_frame(show: Show, take: Episode, tmp_path: Path) -> None:
    link = "link: {read: (name) => ({frame: '17', mode: 'off'})[name] ?? null, write: () => {}}"
    page = show(make_run(tmp_path / "run", take), options=link, as_opened=True)
    page.wait_for_function("lens.player.clock.frame === 17 && lens.player.clock.going === null")
    assert page.evaluate("() => {" + READ.replace("WHICH", "0") + "return read(); }") == 17


def _codes(episode: Episode) -> list[int]:
    camera = next(iter(episode.cameras.values()))
    return [read_barcode(frame.rgb) for frame in camera.frames()]
