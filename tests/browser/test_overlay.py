"""What is drawn over the picture is at the place, and of the frame and site, that it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from driving import pixels
from made_runs import BOWL, GRID, MODEL, PALETTE, SEGMENTS, SITES, patch_color

from analyzer.run_folder import RunFolder

Show = Callable[..., Any]


def seek(page: Any, frame: int) -> None:
    page.evaluate(f"lens.player.seek({frame})")
    page.wait_for_function(f"lens.player.clock.frame === {frame} && lens.player.clock.going === null")


def look(page: Any, **state: Any) -> np.ndarray:
    page.evaluate("(state) => { lens.view.set(state); lens.player.redraw(); }", state)
    page.wait_for_timeout(60)
    return pixels(page)


def middle(run: RunFolder, camera: int, row: int, column: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """(y, x) on the screen of the middle of a patch, by the record's own geometry and not by the player's."""
    record = run.episode(run.manifest.done[0])
    about = record.cameras[camera]
    (a, _, e), (_, d, f), _ = about.to_recording
    x = a * (column + 0.5) * MODEL[1] / GRID[1] + e
    y = d * (row + 0.5) * MODEL[0] / GRID[0] + f
    left, top, width, height = about.in_preview
    whole = max(c.in_preview[0] + c.in_preview[2] for c in record.cameras)
    scale = shape[1] / whole
    return round((top + y * height / about.height) * scale), round((left + x * width / about.width) * scale)


def test_colours_lie_where_their_patch_is(show: Show, two_cameras: RunFolder) -> None:
    page = show(two_cameras)
    for frame, index in ((0, 0), (12, 4), (13, 4), (14, 5), (29, 9)):  # every third frame is analysed: the nearest
        seek(page, frame)
        for number, site in enumerate(SITES):
            screen = look(page, mode="colors", site=site, opacity=1, outlines=False)
            for camera in range(2):
                for row, column in ((0, 0), (2, 5), (5, 7)):
                    y, x = middle(two_cameras, camera, row, column, screen.shape)
                    wanted = patch_color(number, index, camera, row, column)
                    assert np.abs(screen[y, x, :3].astype(int) - wanted).max() <= 6, (frame, site, camera, row, column)


def test_opacity_0_leaves_the_picture_alone(show: Show, run: RunFolder) -> None:
    page = show(run)
    off = look(page, mode="off", outlines=False)
    assert np.array_equal(look(page, mode="colors", opacity=0), off)
    assert not np.array_equal(look(page, mode="colors", opacity=0.5), off)


def test_segments_merge_as_the_run_says(show: Show, run: RunFolder) -> None:
    page = show(run)
    site = run.site(run.manifest.done[0], SITES[0])
    for wanted in (1, 2, 4, SEGMENTS):
        table = site.ids_at(wanted)
        screen = look(page, mode="segments", segments=wanted, opacity=1, site=SITES[0], outlines=False)
        for column in range(GRID[1]):
            y, x = middle(run, 0, 3, column, screen.shape)
            assert tuple(screen[y, x, :3]) == PALETTE[table[column * SEGMENTS // GRID[1]]]


def test_a_segment_alone_leaves_the_others_dark(show: Show, run: RunFolder) -> None:
    page = show(run)
    alone = {"mode": "segments", "segments": SEGMENTS, "opacity": 1, "solo": {"kind": "segment", "id": 0}}
    screen = look(page, **alone, outlines=False)
    y, x = middle(run, 0, 3, 0, screen.shape)
    assert tuple(screen[y, x, :3]) == PALETTE[0]
    y, x = middle(run, 0, 3, 7, screen.shape)
    assert screen[y, x, :3].max() < 110


def test_what_the_policy_does_not_see_is_dark(show: Show, two_cameras: RunFolder) -> None:
    page = show(two_cameras)
    off = look(page, mode="off", outlines=False)
    on = look(page, mode="colors", opacity=1, outlines=False)
    assert on[4, 4, :3].mean() < 0.6 * off[4, 4, :3].mean() + 12


def test_a_clicked_patch_is_like_its_own_segment_at_every_site(show: Show, run: RunFolder) -> None:
    page = show(run)
    box = page.locator(".marks").bounding_box()
    shape = pixels(page).shape
    y, x = middle(run, 0, 3, 2, shape)
    scale = box["width"] / shape[1]
    page.mouse.click(box["x"] + x * scale, box["y"] + y * scale)
    page.wait_for_function(f"lens.player.painter.similarities.size === {len(SITES)}")
    assert page.evaluate("lens.view.state.patch") == {
        "frame": 0, "camera": 0, "row": 3, "column": 2, "site": SITES[-1]
    }  # fmt: skip
    for site in SITES:
        values = np.array(page.evaluate(f"[...lens.player.painter.similarities.get('{site}')]"))
        values = values.reshape(30, *GRID)
        same = np.arange(GRID[1]) * SEGMENTS // GRID[1] == 2 * SEGMENTS // GRID[1]
        assert (values[:, :, same] == 255).all(), "patches of the same coordinates, in all frames"
        assert values[:, :, ~same].max() < 250


def test_a_click_while_another_is_worked_on_counts(show: Show, run: RunFolder) -> None:
    page = show(run)
    for _ in range(15):
        page.evaluate(
            """() => { for (let i = 0; i < 6; i++) lens.view.set({mode: 'similarity',
            patch: {frame: i, camera: 0, row: i % 5, column: i, site: 'vision.11'}}); }"""
        )
        page.wait_for_function(f"lens.player.painter.similarities.size === {len(SITES)}")
        page.evaluate("lens.view.set({patch: null, mode: 'colors'})")


def test_similarity_is_what_the_analysis_computes(show: Show, run: RunFolder) -> None:
    """Against analyzer.ncut: the same coordinates, the same kernel, the same scale but for the sample it is taken from."""
    import torch

    from analyzer.ncut.prompt import similarity, typical_distance
    from analyzer.site_coordinates import site_coordinates

    episode = run.manifest.done[0]
    with run.array(episode, SITES[0], "eigenvectors") as file:
        placed = site_coordinates(file.read(0, len(file)), run.site(episode, SITES[0]))
    points = torch.from_numpy(placed).flatten(0, 3)
    page = show(run)
    look(page, site=SITES[0])
    patch = {"frame": 4, "camera": 0, "row": 2, "column": 5, "site": SITES[0]}
    page.evaluate("(patch) => lens.view.set({patch, mode: 'similarity'})", patch)
    page.wait_for_function(f"lens.player.painter.similarities.size === {len(SITES)}")
    scale = page.evaluate(f"lens.player.episode.site('{SITES[0]}').scale")
    assert abs(scale - 0.5 * typical_distance(points)) < 0.1 * scale
    clicked = points[4 * GRID[0] * GRID[1] + 2 * GRID[1] + 5]
    wanted = similarity(points, clicked, scale).numpy()
    got = np.array(page.evaluate(f"[...lens.player.painter.similarities.get('{SITES[0]}')]")) / 255
    assert np.abs(got - wanted).max() < 0.006


def test_confusion_colours_the_pair_by_what_was_measured(show: Show, run: RunFolder) -> None:
    page = show(run)
    screen = look(page, mode="confusion", pair=[1, 2], site=SITES[-1], opacity=1, outlines=False)
    height, width = screen.shape[:2]
    bowl, cup = screen[int(height * 0.37), width // 6, :3], screen[int(height * 0.37), width * 5 // 6, :3]
    wanted = page.evaluate("lens.player.episode.confusionAt([1, 2], 'vision.11', 0)")
    assert abs(wanted["value"] - 0.45) < 1e-6
    assert bowl[0] > 120, "a confusion of 0.45 is warm"
    assert bowl[0] > bowl[2]
    assert cup.max() < 150, "who is not of the pair stays dark"


def test_hover_names_instance_and_patch(show: Show, run: RunFolder) -> None:
    page = show(run)
    box = page.locator(".marks").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 6, box["y"] + box["height"] * 0.37)
    text = page.locator(".stage .tip").inner_text()
    assert "bowl" in text
    assert "patch row 2, column 1" in text


def test_shift_click_shows_an_instance_alone(show: Show, run: RunFolder) -> None:
    page = show(run)
    before = look(page, mode="off", outlines=False)
    box = page.locator(".marks").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.click(box["x"] + box["width"] / 6, box["y"] + box["height"] * 0.37)
    page.keyboard.up("Shift")
    assert page.evaluate("lens.view.state.solo") == {"kind": "instance", "id": BOWL}
    after = pixels(page)
    height, width = after.shape[:2]
    assert np.array_equal(after[int(height * 0.37), width // 6], before[int(height * 0.37), width // 6])
    assert after[height - 5, 5, :3].max() < 0.6 * before[height - 5, 5, :3].max() + 12
