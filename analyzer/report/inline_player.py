"""The interactive player inside a report: the same as in the app, with an episode's files in the page itself."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence

from markupsafe import Markup

from analyzer.player import assets
from analyzer.player.artifacts import Artifact
from analyzer.player.manifest import as_json, manifest
from analyzer.report.plots.svg import element
from analyzer.run_folder import RunFolder

ROOM = 8_000_000
"""Bytes that all players of one page may take together: with the pictures of ten cases a page stays under 10 MB."""
_MOUNT = """\
"use strict";
for (const box of document.querySelectorAll("[data-player]")) {
  const manifest = JSON.parse(document.getElementById(box.dataset.player).textContent);
  const lens = TrajectoryLens.mount(box, manifest, { theme: "auto", keys: box });
  for (const button of document.querySelectorAll(`[data-shows="${CSS.escape(box.id)}"]`)) {
    button.hidden = false;
    button.addEventListener("click", () => {
      lens.view.set({ case: button.dataset.case, frame: Number(button.dataset.frame) });
      box.scrollIntoView({ block: "start" });
    });
  }
}
"""


def player_of(run: RunFolder, episode: str, anchor: str) -> Markup:
    """The player of one episode with everything it shows but eigenvectors, which would be most of the page.

    Raises:
        RunUnreadable: the run is damaged.
    """
    content = as_json(manifest(run, episode, _inline))
    # `as_json` leaves nothing in it that could end the script.
    data = element("script", Markup(content), type="application/json", id=f"{anchor}-manifest")
    return data + element("div", id=player_anchor(anchor), class_="player", data_player=f"{anchor}-manifest")


def player_anchor(episode_anchor: str) -> str:
    return f"{episode_anchor}-player"


def scripts() -> Sequence[str]:
    """The player, and what starts it in every place made for it."""
    return assets.bundle(), _MOUNT


def styles() -> str:
    return assets.styles()


def _inline(artifact: Artifact) -> dict[str, str] | None:
    if "eigenvectors" in artifact.name:
        return None
    data = artifact.read()
    if artifact.name.endswith(".npy"):
        # No time in its header: equal arrays give equal pages.
        return {"gzip": base64.b64encode(gzip.compress(data, mtime=0)).decode()}
    return {"base64": base64.b64encode(data).decode()}
