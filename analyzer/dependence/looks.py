"""Pictures of single frames as a policy takes them, and its action for many of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from analyzer.actions import Conversion, convention
from analyzer.features import FeatureRequest, states_of
from foundation.errors import BadInput
from policies.attribution import Attributable, Attribution
from policies.policy import Policy
from videos.episode import Episode


@dataclass(frozen=True, eq=False)
class Looks:
    """A policy before an episode: what it is shown and told at each analysed frame."""

    episode: Episode
    policy: Policy
    cameras: tuple[str, ...]
    """That the action depends on: all of the request's for a policy that takes several, else the first."""
    views: int
    """Cameras of the request."""
    frames: tuple[int, ...]
    """Positions in the recording."""
    states: np.ndarray | None
    """(frames, S) proprioception."""
    conversion: Conversion
    """From the policy's numbers to the recording's."""
    batch: int
    seed: int

    @classmethod
    def of(cls, episode: Episode, policy: Policy, request: FeatureRequest) -> Self:
        if policy.action_space is None:
            raise BadInput(f"{policy.name} has no action to ask for.")
        recorded = episode.action_space if episode.actions is not None else None
        return cls(
            episode,
            policy,
            request.cameras[: len(policy.cameras)],
            len(request.cameras),
            request.frames,
            states_of(episode, request.frames, policy),
            convention(policy.action_space, recorded),
            request.batch,
            request.seed,
        )

    def pictures(self, positions: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Each of the rising positions among the analysed frames, with its [cameras, H, W, 3] pictures."""
        wanted = [self.frames[position] for position in positions]
        streams = [self.episode.cameras[camera].frames(wanted) for camera in self.cameras]
        for position, *shown in zip(positions, *streams, strict=True):
            yield position, np.stack([frame.rgb for frame in shown])

    def acted(self, position: int, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(N, D) the action it would do next for each of N x [cameras, H, W, 3], told what it is at that frame.

        In the recording's numbers.
        """
        first = []
        for at in range(0, len(pictures), self.batch):
            some = list(pictures[at : at + self.batch])
            state = None if self.states is None else np.repeat(self.states[position][None], len(some), axis=0)
            output = self.policy.run(some, self.episode.instruction, actions=True, state=state, seed=self.seed)
            assert output.actions is not None
            first.append(output.actions[:, 0])
        return self.conversion(np.concatenate(first))

    def attributed(self, positions: Sequence[int], pictures: Sequence[np.ndarray]) -> Attribution:
        """What every patch contributes at those frames, one [cameras, H, W, 3] each, in the policy's numbers."""
        assert isinstance(self.policy, Attributable)
        state = None if self.states is None else self.states[list(positions)]
        return self.policy.attribute(list(pictures), self.episode.instruction, state=state, seed=self.seed)
