"""Folders of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from recordings import barcode, read_barcode

from foundation.errors import EpisodeUnreadable
from videos.catalog import open_episode
from videos.image_folder import ImageFolder, natural_key
from videos.readers.reader import ReadOptions


def save(path: Path, number: int, **options: object) -> None:
    Image.fromarray(barcode(number)).save(path, **options)


@given(st.lists(st.integers(0, 10**12), unique=True, min_size=2))
def test_numbers_sort_as_numbers(numbers: list[int]) -> None:
    names = [Path(f"frame{n}_left.png") for n in numbers]
    assert sorted(names, key=natural_key) == [Path(f"frame{n}_left.png") for n in sorted(numbers)]


@given(st.lists(st.text(min_size=1).filter(lambda t: "/" not in t and "\0" not in t), unique=True))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    paths = [Path(name) for name in names]
    backwards = paths[::-1]
    assert sorted(paths, key=natural_key) == sorted(backwards, key=natural_key)


def test_every_kind_of_picture_is_read_as_rgb(tmp_path: Path) -> None:
    save(tmp_path / "1.png", 1)
    save(tmp_path / "2.jpg", 2, quality=95)
    save(tmp_path / "3.WEBP", 3, lossless=True)
    save(tmp_path / "4.bmp", 4)
    Image.fromarray(barcode(5)).convert("RGBA").save(tmp_path / "5.png")
    Image.fromarray(barcode(6)).quantize(64).save(tmp_path / "6.png")
    save(tmp_path / ".7.png", 7)  # hidden
    (tmp_path / "notes.txt").write_text("not a picture")
    assert [read_barcode(frame.rgb) for frame in ImageFolder(tmp_path).frames()] == [1, 2, 3, 4, 5, 6]


def test_pictures_are_turned_as_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side: turn by 90° clockwise to show
    Image.fromarray(np.ascontiguousarray(np.rot90(barcode(9)))).save(tmp_path / "1.png", exif=exif)
    images = ImageFolder(tmp_path)
    assert images.size == (48, 64)
    assert read_barcode(next(images.frames()).rgb) == 9


def test_the_assumed_rate_is_said_and_can_be_changed(tmp_path: Path) -> None:
    for k in range(3):
        save(tmp_path / f"{k}.png", k)
    episode = open_episode(tmp_path)
    assert episode.times_s.tolist() == [0, 0.1, 0.2]
    assert any("taken to be 10 a second" in note for note in episode.notes)
    assert open_episode(tmp_path, options=ReadOptions(image_fps=4)).times_s.tolist() == [0, 0.25, 0.5]


def test_damage_is_told_by_the_picture_s_name(tmp_path: Path) -> None:
    save(tmp_path / "1.png", 1)
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:100])
    with pytest.raises(EpisodeUnreadable, match=r"2\.png: cannot be read as a picture"):
        list(ImageFolder(tmp_path).frames())
    Image.fromarray(barcode(2, 24, 32)).save(tmp_path / "2.png")
    with pytest.raises(EpisodeUnreadable, match=r"2\.png: the picture is \(24, 32\)"):
        list(ImageFolder(tmp_path).frames())


def test_a_picture_named_by_itself_is_an_episode_of_one_frame(tmp_path: Path) -> None:
    save(tmp_path / "photo.1.png", 7)
    save(tmp_path / "other.png", 8)
    episode = open_episode(tmp_path / "photo.1.png")
    assert (episode.id, episode.frame_count) == ("photo.1", 1)
    (frame,) = episode.cameras["camera"].frames()
    assert read_barcode(frame.rgb) == 7
    assert not any("a second" in note for note in episode.notes)
    assert (
        episode.cameras["camera"].fingerprint() != open_episode(tmp_path / "other.png").cameras["camera"].fingerprint()
    )


def test_a_damaged_picture_says_so(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"no picture")
    with pytest.raises(EpisodeUnreadable, match="cannot be read as a picture"):
        next(open_episode(tmp_path / "photo.png").cameras["camera"].frames())
