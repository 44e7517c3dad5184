"""The sheet: many clips or pictures at one site, one colour for the same thing in all of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import Command
from fake_policy import FakePolicy, install
from PIL import Image
from takes import BLUE, GREY, RED, field, with_square, write_take

from analyzer.drawing.contact_sheet import Tile, contact_sheet
from analyzer.drawing.look import BACKGROUND
from analyzer.run_folder import RunFolder


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> FakePolicy:
    return install(monkeypatch, FakePolicy())


def sheet(command: Command, *arguments: str | Path) -> Path:
    output = command.home / "sheet.png"
    quick = ("--n-eigenvectors", "4", "--n-segments", "4", "--n-landmarks", "16", "--quiet")
    said = command("sheet", "-o", output, "--cache", command.home / "cache", *quick, *arguments)
    assert said.code == 0, said.err
    assert said.out == f"{output}\n"
    return output


def painted(width: int, *colours: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    return tuple(np.full((40, width, 3), colour, np.uint8) for colour in colours)


def photos(home: Path) -> Path:
    """Three photos of two sizes: a red square at two places, and a blue one."""
    folder = home / "photos"
    folder.mkdir()
    first = with_square(field(), (1, 3), (1, 3), RED)
    Image.fromarray(first).save(folder / "a.png")
    Image.fromarray(with_square(field(), (4, 6), (5, 7), RED)).save(folder / "b.png")
    Image.fromarray(with_square(field(GREY, 64, 64), (4, 6), (2, 4), BLUE)).save(folder / "c.png")
    return folder


def test_a_folder_of_photos_shares_one_basis(command: Command, policy: FakePolicy) -> None:
    kept = command.home / "kept"
    sheet(command, photos(command.home), "--out", kept, "--site", "vision.0")
    run = RunFolder.open(kept)
    assert run.manifest.done == ["a", "b", "c"]
    assert run.site_names == ["vision.0"]
    colors = {id_: run.array(id_, "vision.0", "colors").read(0, 1)[0, 0].astype(int) for id_ in run.manifest.done}
    red, red_elsewhere, blue = colors["a"][2, 2], colors["b"][5, 6], colors["c"][5, 3]
    assert np.abs(red - red_elsewhere).max() <= 2
    assert np.abs(red - blue).max() > 30
    assert np.abs(colors["a"][7, 7] - colors["b"][0, 0]).max() <= 2


def test_what_was_seen_before_is_not_looked_at_again(command: Command, policy: FakePolicy) -> None:
    folder = photos(command.home)
    first = sheet(command, folder).read_bytes()
    seen = policy.frames_seen
    assert sheet(command, folder).read_bytes() == first
    assert policy.frames_seen == seen == 3


def test_only_about_the_shown_frames_of_clips_are_analysed(command: Command, policy: FakePolicy) -> None:
    paths = [write_take(command.home / f"{frames}.mp4", frames) for frames in (13, 14)]
    sheet(command, *paths, "--columns", "3")
    assert policy.frames_seen == 2 * 3
    sheet(command, *paths, "--columns", "3", "--stride", "2")
    assert policy.frames_seen == 2 * 3 + 2 * 7


def test_a_run_is_laid_out_as_it_is(tiny_run: RunFolder, command: Command) -> None:
    said = command("sheet", tiny_run.path, "-o", "sheet.png", "--columns", "2", "--json", "--quiet")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert (told["site"], told["tiles"]) == ("vision.11", 1)
    assert Image.open(command.home / "sheet.png").mode == "RGB"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-o", "sheet.mp4"), "ends in .png"),
        (("-o", "s.png", "--site", "vision.1"), "Did you mean 'vision.11'"),
        (("-o", "s.png", "--columns", "0"), "--columns is 0"),
        (("-o", "s.png", "--opacity", "2"), "--opacity is 2.0"),
        (("-o", "s.png", "--episodes", "tak"), "Did you mean 'take'"),
    ],
)
def test_bad_usage(tiny_run: RunFolder, command: Command, options: tuple[str, ...], told: str) -> None:
    command.refuses(command("sheet", tiny_run.path, *options), 2, told)


def test_nothing_to_show(command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    command.refuses(command("sheet", tmp_path / "empty", "-o", "s.png"), 2, "holds no recording")


def test_every_tile_has_its_pictures_one_above_the_other() -> None:
    tiles = [
        Tile(f"clip {n}", "note", None, painted(width, RED), painted(width, BLUE), ())
        for n, width in enumerate((60, 200))
    ] * 5
    picture = contact_sheet("title", "about", tiles, [])
    red, blue = ((picture == colour).all(-1) for colour in (RED, BLUE))
    assert red.sum() == blue.sum() == 5 * (60 + 200) * 40
    # Below each red pixel, 43 rows further down, is a blue one; nothing is cut off at the edges.
    assert np.array_equal(np.roll(red, 43, axis=0), blue)
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert (edge == BACKGROUND).all()
