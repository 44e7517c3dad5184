"""Actions and states beside a video: what a table of control steps may look like, and how it is read.

`docs/formats.md` tells users the same in their words.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foundation.action_space import LIBERO, ActionSpace, unnamed
from foundation.errors import EpisodeUnreadable, quoted
from videos.sniff import looks_like

_NOT_ACTIONS = frozenset(
    {"time", "time_s", "timestamp", "t", "frame", "frame_index", "step", "index", "episode_index", "task_index"}
    | {"reward", "done", "success"}
)
_ACTION_PREFIX = "action."
_STATE_PREFIXES = ("state.", "observation.state.")


@dataclass(frozen=True, eq=False)
class RecordedSteps:
    """The control steps of one episode. None: not recorded."""

    actions: np.ndarray | None = None
    """(steps, D) float64."""
    action_space: ActionSpace | None = None
    states: np.ndarray | None = None
    """(steps, S) float64."""
    state_names: tuple[str, ...] | None = None
    frame_steps: np.ndarray | None = None
    """(frames,) int64, the step that each frame shows; None: one step a frame."""


def steps_from_csv(path: Path) -> RecordedSteps:
    """Read a table with a header line; one row a step."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EpisodeUnreadable(f"{path}: cannot be read as CSV ({quoted(error)}).") from error
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise EpisodeUnreadable(f"{path}: a header line and one line a step are expected; found {len(rows)} lines.")
    header = [name.strip() for name in rows[0]]
    columns: dict[str, list[float]] = {name: [] for name in header}
    if len(columns) < len(header):
        raise EpisodeUnreadable(f"{path}: two columns have the same name: {quoted(', '.join(header))}.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise EpisodeUnreadable(f"{path}: line {number} has {len(row)} values, the header has {len(header)}.")
        for name, text in zip(header, row, strict=True):
            if name.lower() in _NOT_ACTIONS:  # times may be written as dates; nothing is read from these columns
                continue
            try:
                columns[name].append(float(text))
            except ValueError:
                raise EpisodeUnreadable(
                    f"{path}: line {number}, column {quoted(name)}: {quoted(text)} is not a number."
                ) from None
    return _steps_from_columns(path, {name: np.array(values) for name, values in columns.items()})


def steps_from_parquet(path: Path) -> RecordedSteps:
    """Read a table with one row a step: number columns, or the lists `action` and `observation.state`."""
    import pyarrow as pa  # takes 0.2 s, which a listing of plain videos should not
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise EpisodeUnreadable(
            f"{path}: cannot be read as Parquet ({quoted(error)}). The file looks like {looks_like(path)}."
        ) from error
    lists, columns = {}, {}
    for name in table.column_names:
        kind = table.schema.field(name).type
        if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
            lists[name] = table.column(name).to_pylist()
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
            columns[name] = table.column(name).to_numpy()
    if lists:
        return steps_from_mapping(path, lists)
    return _steps_from_columns(path, columns)


def _steps_from_columns(path: Path, columns: Mapping[str, np.ndarray]) -> RecordedSteps:
    """Sort named number columns into actions and states; times, rewards and counters are neither."""
    states = {name: values for name, values in columns.items() if name.startswith(_STATE_PREFIXES)}
    marked = {n.removeprefix(_ACTION_PREFIX): v for n, v in columns.items() if n.startswith(_ACTION_PREFIX)}
    rest = {
        name: values
        for name, values in columns.items()
        if name not in states and name.lower() not in _NOT_ACTIONS and not name.startswith("next.")
    }
    actions = marked or rest
    if not actions:
        raise EpisodeUnreadable(
            f"{path}: no column with actions (found: {quoted(', '.join(columns))}). Name one column an action dimension."
        )
    return checked_steps(
        path,
        np.stack(list(actions.values()), axis=1),
        action_names=tuple(actions),
        states=np.stack(list(states.values()), axis=1) if states else None,
        state_names=tuple(name.rpartition("state.")[2] for name in states) or None,
    )


def steps_from_mapping(path: Path, fields: Mapping[str, Any]) -> RecordedSteps:
    """Take the steps out of the fields of an .npz, a JSON object or a Parquet table of lists, read from `path`."""

    def first_of(*names: str) -> Any:
        return next((fields[name] for name in names if name in fields), None)

    return checked_steps(
        path,
        # A disturbed recording keeps both: what was meant (clean) and what the robot was sent (executed).
        first_of("action_executed", "actions", "action", "action_clean"),
        action_names=first_of("action_names"),
        states=first_of("states", "state", "observation.state"),
        state_names=first_of("state_names"),
        frame_steps=first_of("frame_steps", "frame_step"),
    )


def checked_steps(
    path: Path,
    actions: Any,
    *,
    action_names: Sequence[Any] | np.ndarray | None = None,
    states: Any = None,
    state_names: Sequence[Any] | np.ndarray | None = None,
    frame_steps: Any = None,
) -> RecordedSteps:
    """Turn raw values read from `path` into `RecordedSteps`, or say what is wrong with them in that file."""
    action_rows = _rows(path, "actions", actions)
    state_rows = _rows(path, "states", states)
    if action_rows is not None and state_rows is not None and len(action_rows) != len(state_rows):
        raise EpisodeUnreadable(f"{path}: {len(action_rows)} actions, but {len(state_rows)} states.")
    steps = None
    if frame_steps is not None:
        steps = np.asarray(frame_steps)
        if steps.ndim != 1 or not np.issubdtype(steps.dtype, np.integer):
            raise EpisodeUnreadable(
                f"{path}: frame_step must be one whole number a frame; got {steps.shape} {steps.dtype}."
            )
    return RecordedSteps(
        actions=action_rows,
        action_space=None if action_rows is None else space_named(path, action_names, action_rows.shape[1]),
        states=state_rows,
        state_names=_names(path, "states", state_names, None if state_rows is None else state_rows.shape[1]),
        frame_steps=None if steps is None else steps.astype(np.int64),
    )


def space_named(path: Path, names: Sequence[Any] | np.ndarray | None, dimensions: int) -> ActionSpace:
    """The space of actions with these names: LIBERO's where the names are LIBERO's, else names without units."""
    checked = _names(path, "actions", names, dimensions)
    if checked is None:
        return unnamed(dimensions)
    if checked == LIBERO.names:
        return LIBERO
    # Which sign opens the gripper is a convention that names do not tell: it stays "not recorded".
    gripper = checked.index("gripper") if checked.count("gripper") == 1 else None
    return ActionSpace(names=checked, units=("",) * dimensions, gripper=gripper)


def _names(path: Path, what: str, names: Any, dimensions: int | None) -> tuple[str, ...] | None:
    if names is None or dimensions is None:
        return None
    checked = tuple(str(name) for name in names)
    if len(checked) != dimensions:
        raise EpisodeUnreadable(f"{path}: {len(checked)} names for {what} of {dimensions} dimensions.")
    return checked


def _rows(path: Path, what: str, values: Any) -> np.ndarray | None:
    """(steps, D) float64, finite; None stays None."""
    if values is None:
        return None
    try:
        rows = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise EpisodeUnreadable(f"{path}: {what} must be rows of equally many numbers ({quoted(error)}).") from error
    if rows.ndim == 1:
        rows = rows[:, None]
    if rows.ndim != 2 or rows.size == 0:
        raise EpisodeUnreadable(f"{path}: {what} must be (steps, dimensions); got shape {rows.shape}.")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise EpisodeUnreadable(
            f"{path}: {len(bad)} of {len(rows)} rows of {what} hold NaN or infinity, first at step {bad[0]}. "
            f"Mend the recording, or leave the {what} out."
        )
    return rows


def success_from_rewards(rewards: np.ndarray, *, sparse: bool) -> tuple[bool | None, str | None]:
    """Whether the task was done, and a note that says it was concluded. None: the rewards do not tell.

    Args:
        rewards: one a step.
        sparse: the recording is known to reward success alone. Elsewhere zeros may mean that nothing was written.
    """
    if rewards.size == 0 or not np.isin(rewards, (0, 1)).all():  # a shaped reward is positive without success
        return None, None
    if rewards.any():
        return True, "Success is concluded from a reward of 1."
    return (False, "Failure is concluded from rewards that are all 0.") if sparse else (None, None)
