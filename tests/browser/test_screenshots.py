"""Pictures of the player in its states, light and dark, kept in .ci/output for a person to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from analyzer.run_folder import RunFolder

Show = Callable[..., Any]
OUTPUT = Path(__file__).resolve().parents[2] / ".ci" / "output" / "screenshots"
STATES = {
    "colours": "lens.view.set({mode: 'colors'})",
    "segments": "lens.view.set({mode: 'segments'})",
    "confusion": "lens.view.set({mode: 'confusion'})",
    "similarity": "lens.view.set({patch: {frame: 5, camera: 0, row: 2, column: 3, site: 'vision.11'}, mode: 'similarity'})",
    "alone": "lens.view.set({solo: {kind: 'instance', id: 2}})",
    "pointing": "lens.view.set({solo: null, mode: 'colors'}); lens.player.point();"
    " lens.player.pointing.touch(0, {row: 2, column: 4}, {x: 70, y: 40})",
    "keys": "lens.player.stage.tool?.stop(); lens.player.help()",
}


OPTIONS = (
    "review: {reviewer: 'me', reviews: [], save: () => {}}, objects: {send: () => {}, renew: async () => null, address:"
    " 'data:application/json,' + encodeURIComponent(JSON.stringify({objects: [{id: 'a', name: 'bowl', frame: 3},"
    " {id: 'b', name: 'a name that is far too long to fit into the line', frame: 9}], version: 2, made: 1,"
    " work: {state: 'running', stage: 'objects of ep', share: 0.4, left_s: 12}}))}"
)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_states_to_look_at(show: Show, two_cameras: RunFolder, theme: str) -> None:
    page = show(two_cameras, as_opened=True, options=OPTIONS)
    page.evaluate(f"lens.setTheme('{theme}')")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, look in STATES.items():
        page.evaluate(f"{look}; 0")
        page.wait_for_timeout(250)
        path = OUTPUT / f"{theme}-{name}.png"
        page.screenshot(path=str(path), full_page=True)
        picture = cv2.imread(str(path))
        light = np.median(picture.mean(axis=2))
        assert light > 200 if theme == "light" and name != "keys" else light < 160
        assert picture.std() > 15, "blank"
