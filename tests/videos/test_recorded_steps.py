"""Tables of actions: what is accepted, what each column is taken for, and what is refused in the table's own name."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recordings import LIBERO_NAMES, barcode, write_clip

from foundation.action_space import LIBERO
from foundation.errors import EpisodeUnreadable
from videos.catalog import open_episode
from videos.recorded_steps import steps_from_csv, steps_from_parquet, success_from_rewards


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "07.mp4", [barcode(k) for k in range(4)])


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


class TestColumns:
    def test_times_rewards_and_states_are_no_actions(self, tmp_path: Path) -> None:
        steps = steps_from_csv(csv_of(tmp_path / "a.csv", "time,x,gripper,state.q,reward,next.done", "noon,1,2,3,4,5"))
        assert steps.action_space is not None
        assert steps.action_space.names == ("x", "gripper")
        assert steps.action_space.gripper == 1
        assert steps.action_space.gripper_open is None  # which value opens is not recorded
        assert steps.actions is not None
        assert steps.actions.tolist() == [[1, 2]]
        assert steps.states is not None
        assert steps.states.tolist() == [[3]]
        assert steps.state_names == ("q",)

    def test_marked_actions_are_the_only_ones(self, tmp_path: Path) -> None:
        steps = steps_from_csv(csv_of(tmp_path / "a.csv", "action.x,torque,action.y", "1,9,2"))
        assert steps.action_space is not None
        assert steps.action_space.names == ("x", "y")

    def test_liberos_names_mean_liberos_space(self, tmp_path: Path) -> None:
        row = ",".join("0" * 7)
        assert steps_from_csv(csv_of(tmp_path / "a.csv", ",".join(LIBERO_NAMES), row)).action_space is LIBERO
        other = steps_from_csv(csv_of(tmp_path / "b.csv", ",".join(LIBERO_NAMES[::-1]), row))
        assert other.action_space is not LIBERO

    def test_parquet_says_the_same_as_csv(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"timestamp": [0.0, 0.1], "x": [1, 2], "state.q": [0.5, 0.25]}), tmp_path / "a.parquet")
        a = steps_from_parquet(tmp_path / "a.parquet")
        b = steps_from_csv(csv_of(tmp_path / "a.csv", "timestamp,x,state.q", "0.0,1,0.5", "0.1,2,0.25"))
        np.testing.assert_array_equal(a.actions, b.actions)
        np.testing.assert_array_equal(a.states, b.states)
        assert a.action_space == b.action_space


class TestBesideAVideo:
    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (["x", "1", "2", "3"], r"07\.csv: 3 actions for the 4 frames of 07\.mp4"),
            (["x", "1", "nan", "3", "4"], r"07\.csv: 1 of 4 rows of actions hold NaN or infinity, first at step 1"),
            (["x", "1", "", "3", "4"], r"07\.csv: line 3 has 0 values|07\.csv: 3 actions"),
            (["x,y", "1,2", "3"], r"07\.csv: line 3 has 1 values, the header has 2"),
            (["x", "1", "fast", "3", "4"], r"07\.csv: line 3, column 'x': 'fast' is not a number"),
            (["time,frame", "0,0", "1,1", "2,2", "3,3"], r"07\.csv: no column with actions"),
            (["x,x", "1,2"], r"07\.csv: two columns have the same name"),
            (["x"], r"07\.csv: a header line and one line a step"),
        ],
    )
    def test_a_bad_table_is_refused_by_its_name(self, video: Path, lines: list[str], message: str) -> None:
        csv_of(video.with_suffix(".csv"), *lines)
        with pytest.raises(EpisodeUnreadable, match=message):
            open_episode(video)

    def test_two_tables_are_one_too_many(self, video: Path) -> None:
        csv_of(video.with_suffix(".csv"), "x", *"1234")
        np.savez(video.with_suffix(".npz"), actions=np.ones((4, 1)))
        with pytest.raises(EpisodeUnreadable, match=r"more than once \(07\.csv, 07\.npz\)"):
            open_episode(video)

    def test_pickles_are_refused_and_not_run(self, video: Path) -> None:
        class Payload:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return (open, (str(video.with_name("ran")), "w"))  # type: ignore[return-value]

        np.savez(video.with_suffix(".npz"), actions=np.array([Payload()], dtype=object))
        with pytest.raises(EpisodeUnreadable, match=r"07\.npz: holds pickled Python objects"):
            open_episode(video)
        video.with_suffix(".npz").write_bytes(pickle.dumps(Payload()))
        with pytest.raises(EpisodeUnreadable, match=r"07\.npz: holds pickled Python objects"):
            open_episode(video)
        assert not video.with_name("ran").exists()

    @pytest.mark.parametrize("suffix", [".npz", ".parquet", ".json"])
    def test_a_damaged_file_is_refused_by_its_name(self, video: Path, suffix: str) -> None:
        np.savez(video.with_suffix(".npz"), actions=np.ones((4, 1)))
        content = video.with_suffix(".npz").read_bytes()
        video.with_suffix(".npz").unlink()
        video.with_suffix(suffix).write_bytes(content[: len(content) // 2])
        with pytest.raises(EpisodeUnreadable, match=rf"07\{suffix}: cannot be read as"):
            open_episode(video)

    def test_frame_step_ties_fewer_frames_to_more_steps(self, video: Path) -> None:
        np.savez(video.with_suffix(".npz"), actions=np.arange(20).reshape(10, 2), frame_step=[0, 3, 6, 9])
        episode = open_episode(video)
        assert episode.frame_steps is not None
        assert episode.frame_steps.tolist() == [0, 3, 6, 9]
        np.savez(video.with_suffix(".npz"), actions=np.ones((9, 2)), frame_step=[0, 3, 6, 9])
        with pytest.raises(EpisodeUnreadable, match="steps outside the 9 recorded actions"):
            open_episode(video)

    def test_json_may_hold_everything(self, video: Path) -> None:
        content = {
            "instruction": "push",
            "success": True,
            "control_hz": 5,
            "actions": [[1], [2], [3], [4]],
            "action_names": ["gripper"],
        }
        video.with_suffix(".json").write_text(json.dumps(content))
        episode = open_episode(video)
        assert (episode.instruction, episode.success, episode.control_hz) == ("push", True, 5.0)
        assert episode.action_space is not None
        assert episode.action_space.names == ("gripper",)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"success": "yes"}, "success must be true or false; got 'yes'"),
            ({"instruction": 3}, "instruction must be text"),
            ({"control_hz": -1}, "control_hz must be a positive number"),
            ({"actions": [[1], [2, 3]]}, "rows of equally many numbers"),
            ({"actions": [[1]] * 4, "action_names": ["a", "b"]}, "2 names for actions of 1 dimensions"),
            ([], "a JSON object"),
        ],
    )
    def test_wrong_kinds_are_told(self, video: Path, content: object, message: str) -> None:
        video.with_suffix(".json").write_text(json.dumps(content))
        with pytest.raises(EpisodeUnreadable, match=message):
            open_episode(video)


@pytest.mark.parametrize(
    ("rewards", "sparse", "success"),
    [
        ([0, 0, 1], False, True),
        ([0, 0, 0], True, False),
        ([0, 0, 0], False, None),  # perhaps never written
        ([0, 0.4, 0.9], True, None),  # shaped: positive without success
        ([], True, None),
    ],
)
def test_success_is_concluded_only_from_clear_rewards(rewards: list[float], sparse: bool, success: bool | None) -> None:
    concluded, note = success_from_rewards(np.array(rewards), sparse=sparse)
    assert concluded is success
    assert (note is None) == (success is None)
