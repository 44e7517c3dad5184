"""What is exported, from what, and what an exporter is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analyzer.progress import Progress
from analyzer.run_folder import RunFolder
from foundation.errors import BadInput, RunUnreadable, did_you_mean, quoted

MODES = ("colors", "segments", "similarity", "confusion", "attribution", "off")
"""Of the player."""


@dataclass(frozen=True)
class View:
    """What was looked at in the player. None: as the player would open."""

    site: str | None = None
    mode: str = "colors"
    """One of `MODES`."""
    frame: int | None = None
    """Of the recording."""
    segments: int = 12
    opacity: float = 0.6
    case: str | None = None
    """Id of a case of the episode; None: the first."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadInput(f"There is no way of looking called {quoted(self.mode)}.{did_you_mean(self.mode, MODES)}")
        if not 1 <= self.segments <= 255:
            raise BadInput(f"{self.segments} segments; allowed: 1 to 255.")
        if not 0 <= self.opacity <= 1:
            raise BadInput(f"The opacity is {self.opacity}; allowed: 0 … 1.")


@dataclass(frozen=True, eq=False)
class ExportRequest:
    """An episode of a run, as it was looked at."""

    run: RunFolder
    episode: str
    view: View = View()

    def __post_init__(self) -> None:
        if self.episode not in self.run.manifest.done:
            raise RunUnreadable(
                f"{self.run.path}: there is no analysed episode {quoted(self.episode)}."
                f"{did_you_mean(self.episode, self.run.manifest.done)}"
            )
        site = self.view.site
        if site is not None and site not in self.run.site_names:
            raise BadInput(
                f"{self.run.path}: the run has no site {quoted(site)}.{did_you_mean(site, self.run.site_names)}"
            )

    @property
    def site(self) -> str:
        """The one in view, or the deepest."""
        return self.view.site or self.run.site_names[-1]


@dataclass(frozen=True)
class Exporter:
    """One way to take something out of a run. All of them are in `analyzer.exports.catalog`."""

    name: str
    """As the command line and the page's addresses have it."""
    title: str
    does: str
    """One sentence."""
    about: str
    """ "view", "case", "episode" or "run": how much of what is looked at goes into the file."""
    suffix: str
    media_type: str
    write: Callable[[ExportRequest, Path, Progress], None]
    """Fills a path that nobody reads yet; equal runs give equal files. Raises LensError, having left nothing else behind."""
    problem: Callable[[ExportRequest], str | None]
    """Why it cannot be had of this episode, and what to do; None: it can."""
    exact: bool = True
    """Whether equal runs give equal bytes. False: equal contents, in a container that numbers its parts at random."""


def nothing_missing(request: ExportRequest) -> str | None:
    return None
