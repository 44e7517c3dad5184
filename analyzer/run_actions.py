"""The actions of an analysed episode, as they are drawn: recorded and predicted on the same axes, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.run_folder import EpisodeRecord, RunFolder
from foundation.action_space import ActionSpace
from foundation.errors import RunUnreadable


@dataclass(frozen=True, eq=False)
class RunActions:
    """(steps, D) actions of one meaning, NaN where a step has none; None: there are none."""

    recorded: np.ndarray | None
    predicted: np.ndarray | None
    space: ActionSpace | None
    """Of both; None: there are neither."""

    @classmethod
    def read(cls, run: RunFolder, record: EpisodeRecord) -> RunActions:
        """Predictions that cannot be compared with what was recorded are left out.

        Raises:
            RunUnreadable: the table does not fit the record's steps and names.
        """
        recorded = run.actions(record.id) if record.action_space is not None else None
        predicted = run.actions(record.id, "predicted") if record.predicted_space is not None else None
        if recorded is not None and record.predicted_space != record.action_space:
            predicted = None
        space = record.action_space if recorded is not None else record.predicted_space
        last = max(record.frames if record.frame_steps is None else record.frame_steps)
        for actions in (recorded, predicted):
            if actions is not None and space is not None and (actions.shape[1] != len(space) or last >= len(actions)):
                raise RunUnreadable(
                    f"{run.episode_folder(record.id)}: damaged: actions of shape {actions.shape} for {len(space)} "
                    f"names and steps up to {last}. Analyse the recording again."
                )
        return cls(recorded, predicted, None if recorded is None and predicted is None else space)
