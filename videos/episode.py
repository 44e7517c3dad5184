"""One recorded attempt at a task, whatever format it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from foundation.action_space import ActionSpace
from foundation.errors import EpisodeUnreadable, quoted
from videos.frame import Frame


class FrameSource(Protocol):
    """The frames of one camera, in order of presentation. Opening one decodes at most the first picture."""

    @property
    def times_s(self) -> np.ndarray:
        """Presentation times, (frames,) float64, seconds from the first frame, strictly rising."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pictures as they are shown, after rotation metadata."""
        ...

    def __len__(self) -> int: ...

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Frame]:
        """Decode the frames at `indices` (rising; None: all), each once, in constant memory."""
        ...

    def fingerprint(self) -> str:
        """Hex digest of the recorded content: same bytes, same digest, whatever the file is called."""
        ...


@dataclass(frozen=True, eq=False)
class GroundTruthMasks:
    """Which object each pixel belongs to, where the recording (a simulator's) says so."""

    labels: np.ndarray
    """(frames, height, width) uint8 object ids; 0 is background."""
    names: tuple[str, ...]
    """Name of each id, in order; names[0] is "background"."""


class MaskSource(Protocol):
    """Ground truth of one camera, read only when asked for: masks are large."""

    def load(self) -> GroundTruthMasks: ...


@dataclass(frozen=True)
class EpisodeSummary:
    """What a listing shows of an episode, learnt without opening its video. None: not recorded."""

    id: str
    """Name within its source, safe as a file name, stable from one listing to the next."""
    source: Path
    """The file or folder the user named or in which the episode was found."""
    format: str
    """Key of the reader in `videos.catalog`."""
    locator: str
    """Where in `source` the episode is (a demo's name, an index, a relative path); the reader's own words."""
    cameras: tuple[str, ...]
    instruction: str | None = None
    frames: int | None = None
    duration_s: float | None = None
    success: bool | None = None


@dataclass(frozen=True, eq=False)
class Episode:
    """One attempt at a task. What the recording lacks is None, and is shown as "not recorded"; it is never invented."""

    id: str
    source: Path
    format: str
    cameras: Mapping[str, FrameSource]
    """Camera name -> frames. All cameras of an episode have equally many frames, at the same times."""
    instruction: str | None = None
    actions: np.ndarray | None = None
    """(steps, D) float64, in the units of `action_space`. Row t was sent after the observation of step t."""
    action_space: ActionSpace | None = None
    states: np.ndarray | None = None
    """(steps, S) float64 proprioception, observed at step t."""
    state_names: tuple[str, ...] | None = None
    frame_steps: np.ndarray | None = None
    """(frames,) int64: the control step whose observation each frame is. None when there are no actions."""
    success: bool | None = None
    control_hz: float | None = None
    masks: Mapping[str, MaskSource] | None = None
    """Camera name -> ground truth."""
    hand_px: Mapping[str, np.ndarray] | None = None
    """Camera name -> (frames, 2) float64 (x, y) of the robot's hand in that camera's pictures, in pixels with centres at
    +0.5; NaN where it is behind the camera. Only where the recording says it."""
    notes: tuple[str, ...] = ()
    """What the reader found worth telling, one plain sentence each."""

    def __post_init__(self) -> None:
        where = f"{self.source} ({self.id})"
        if not self.cameras:
            raise EpisodeUnreadable(f"{where}: the recording has no camera.")
        counts = {name: len(camera) for name, camera in self.cameras.items()}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
            raise EpisodeUnreadable(f"{where}: the cameras have different numbers of frames ({listed}).")
        frames = next(iter(counts.values()))
        if frames == 0:
            raise EpisodeUnreadable(f"{where}: the recording has no frame.")
        for name, hand in (self.hand_px or {}).items():
            if name not in self.cameras or hand.shape != (frames, 2):
                raise EpisodeUnreadable(
                    f"{where}: positions of the hand in camera {quoted(name)} of shape {hand.shape}."
                )
        if self.actions is None:
            return
        if self.action_space is None or self.actions.ndim != 2 or self.actions.shape[1] != len(self.action_space):
            raise EpisodeUnreadable(f"{where}: actions of shape {self.actions.shape} do not fit their action space.")
        bad = np.flatnonzero(~np.isfinite(self.actions).all(axis=1))
        if len(bad):
            raise EpisodeUnreadable(
                f"{where}: {len(bad)} of {len(self.actions)} actions hold NaN or infinity, first at step {bad[0]}. "
                "Mend the recording, or leave the actions out."
            )
        steps = np.arange(frames) if self.frame_steps is None else self.frame_steps
        if self.frame_steps is None and len(self.actions) != frames:
            raise EpisodeUnreadable(
                f"{where}: {len(self.actions)} actions for {frames} frames, and nothing says which belongs to which. "
                "One action a frame is expected."
            )
        if len(steps) != frames or steps.min() < 0 or steps.max() >= len(self.actions):
            raise EpisodeUnreadable(f"{where}: the frames name steps outside the {len(self.actions)} recorded actions.")

    @property
    def frame_count(self) -> int:
        return len(next(iter(self.cameras.values())))

    @property
    def times_s(self) -> np.ndarray:
        """Presentation times of the first camera, (frames,) seconds."""
        return next(iter(self.cameras.values())).times_s
