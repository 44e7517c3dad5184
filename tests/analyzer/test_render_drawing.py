"""Text that is only ever drawn, curves whose cursor is where the step is, a legend that stays inside."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.drawing.curves import ActionCurves
from analyzer.drawing.legend import Entry, Legend
from analyzer.drawing.look import ACCENT, BRIGHT
from analyzer.drawing.text import fitted, line_height, printable, text_width, wrapped, write
from foundation.action_space import LIBERO, unnamed

HOSTILE = [
    "",
    " ",
    "\x00\x1b[31mred\r\n\ttab",
    "‮olleh⁦ ﷽",
    "a" * 1_000_000,
    "<script>alert(1)</script> %s {0} \\n",
    "e" + "\u0301" * 300,
    "把碗放在盘子上 🤖",
    "\ud800 half a character",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_drawn_inside_its_room(text: str) -> None:
    canvas = np.zeros((60, 300, 3), np.uint8)
    width = write(canvas, 20, 10, text, 16, BRIGHT, room=120)
    assert width <= 120
    assert not canvas[:, 142:].any()
    assert not canvas[: 10 - 1].any()
    assert not canvas[10 + line_height(16) :].any()
    assert all(text_width(line, 16) <= 120 for line in wrapped(text, 16, 120, 2))


def test_text_is_one_line_without_controls() -> None:
    assert printable("a\nb\x00\x1b[1m  c\u202e") == "a b[1m c"


def test_cut_text_ends_in_an_ellipsis_and_short_text_is_left_alone() -> None:
    assert fitted("bowl", 16, 100) == "bowl"
    cut = fitted("pick up the black bowl", 16, 100)
    assert cut.endswith("…")
    assert "pick up the black bowl".startswith(cut[:-1])


def test_text_beyond_the_canvas_is_cut_off() -> None:
    canvas = np.zeros((10, 10, 3), np.uint8)
    for x, y in [(-5, -5), (8, 8), (50, 50), (3, -40)]:
        write(canvas, x, y, "bowl", 16, BRIGHT, room=100)
        write(canvas, x, y, "bowl", 16, BRIGHT, room=100, right=True)


@pytest.mark.parametrize("step", [0, 1, 17, 40])
def test_the_cursor_stands_at_its_step(step: int) -> None:
    actions = np.sin(np.arange(41 * 7).reshape(41, 7))
    curves = ActionCurves(actions, LIBERO, 900)
    canvas = np.zeros((curves.height + 10, 920, 3), np.uint8)
    curves.draw_background(canvas, 10, 5)
    assert not (canvas == ACCENT).all(axis=-1).any()
    curves.draw(canvas, 10, 5, step)
    marked = set(np.flatnonzero((canvas == ACCENT).all(axis=-1).sum(axis=0) > 20).tolist())
    assert marked == {10 + curves.cursor_x(d, step) for d in range(7)}
    # The same share of the way between the first and the last cursor as the step is between the first and last step.
    first, last = curves.cursor_x(0, 0), curves.cursor_x(0, 40)
    assert curves.cursor_x(0, step) == pytest.approx(first + (last - first) * step / 40, abs=0.5)


@pytest.mark.parametrize("width", [200, 512, 2000])
@pytest.mark.parametrize("dimensions", [1, 7, 60])
def test_curves_of_any_size_fit(width: int, dimensions: int) -> None:
    actions = np.zeros((1, dimensions))  # one step, and nothing moves
    curves = ActionCurves(actions, unnamed(dimensions), width)
    canvas = np.zeros((curves.height, width, 3), np.uint8)
    curves.draw_background(canvas, 0, 0)
    curves.draw(canvas, 0, 0, 0)
    assert canvas.any()


def test_a_legend_wraps_inside_its_width() -> None:
    legend = Legend([Entry(f"segment {number}", (200, 10, 10)) for number in range(30)], 300)
    canvas = np.zeros((legend.height + 20, 340, 3), np.uint8)
    legend.draw(canvas, 10, 10)
    assert canvas[:, 10:310].any()
    assert not canvas[:, 311:].any()
    assert not canvas[10 + legend.height :].any()
    assert Legend([], 300).height == 0
