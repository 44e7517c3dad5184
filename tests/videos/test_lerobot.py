"""LeRobot datasets: large indexes, several files, hostile and damaged ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recordings import LENGTHS, Built, lerobot_info, lerobot_rows, pictures_of, read_barcode, write_clip

from foundation.errors import EpisodeUnreadable
from videos.catalog import find_episodes, open_episode


@pytest.fixture(params=["lerobot_v21", "lerobot_v30"])
def dataset(request: pytest.FixtureRequest, built: dict[str, Built], tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(built[request.param].path, tmp_path / "dataset"))


def change_info(dataset: Path, **changes: object) -> None:
    path = dataset / "meta" / "info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def a_video(dataset: Path) -> Path:
    return sorted(dataset.glob("videos/**/*.mp4"))[0]


def test_a_thousand_episodes_are_listed_from_the_index_alone(tmp_path: Path) -> None:
    """v3.0 with its hundreds of columns of statistics, in several files; there is no data and no video to open."""
    index = tmp_path / "meta" / "episodes" / "chunk-000"
    index.mkdir(parents=True)
    (tmp_path / "meta" / "info.json").write_text(json.dumps(lerobot_info("v3.0")))
    for part in range(2):
        numbers = list(range(part * 500, part * 500 + 500))
        columns: dict[str, object] = {
            "episode_index": numbers,
            "tasks": [[f"task {n % 7}"] for n in numbers],
            "length": [100 + n for n in numbers],
        }
        columns |= {f"stats/feature{k}/mean": [[0.5] * 7] * 500 for k in range(100)}
        pq.write_table(pa.table(columns), index / f"file-{part:03d}.parquet")
    summaries = find_episodes(tmp_path)
    assert [summary.id for summary in summaries] == [f"episode_{n:06d}" for n in range(1000)]
    assert [summary.frames for summary in summaries] == [100 + n for n in range(1000)]
    assert summaries[999].instruction == "task 5"
    assert summaries[0].duration_s == 5.0


def test_a_thousand_lines_of_v21_are_listed_too(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "info.json").write_text(json.dumps(lerobot_info("v2.1")))
    lines = [json.dumps({"episode_index": n, "tasks": [f"task {n % 7}"], "length": 100 + n}) for n in range(1000)]
    (tmp_path / "meta" / "episodes.jsonl").write_text("\n".join(lines))
    summaries = find_episodes(tmp_path)
    assert [summary.id for summary in summaries] == [f"episode_{n:06d}" for n in range(1000)]


def test_episodes_of_one_video_do_not_share_frames(built: dict[str, Built]) -> None:
    """A wrong cut by even one frame shows the neighbour's barcode."""
    shown = []
    for summary in find_episodes(built["lerobot_v30"].path):
        camera = open_episode(summary).cameras["wrist"]
        shown.append([read_barcode(next(camera.frames([i])).rgb) for i in (0, len(camera) - 1)])
    expected = [[known.codes[0], known.codes[-1]] for known in built["lerobot_v30"].episodes]
    assert shown == expected


def test_action_names_come_from_the_index(dataset: Path) -> None:
    features = json.loads((dataset / "meta" / "info.json").read_text())["features"]
    for names, expected in (
        ([f"motor{k}" for k in range(7)], "motor0"),
        ({"motors": [f"motor{k}" for k in range(7)]}, "motor0"),
        ({f"motor{6 - k}": 6 - k for k in range(7)}, "motor0"),
        (["too", "few"], "action_0"),
        (None, "action_0"),
    ):
        change_info(dataset, features={**features, "action": {"dtype": "float32", "shape": [7], "names": names}})
        space = open_episode(dataset, "episode_000001").action_space
        assert space is not None
        assert space.names[0] == expected
        assert len(space) == 7
        assert space.gripper_open is None


class TestDamage:
    def test_a_missing_video(self, dataset: Path) -> None:
        video = a_video(dataset)
        video.unlink()
        with pytest.raises(EpisodeUnreadable, match=rf"{video.name}: the dataset names this video, but it is missing"):
            open_episode(dataset, "episode_000000")

    def test_a_missing_table(self, dataset: Path) -> None:
        table = sorted(dataset.glob("data/**/*.parquet"))[0]
        table.unlink()
        with pytest.raises(EpisodeUnreadable, match=rf"{table.name}: the file is missing"):
            open_episode(dataset, "episode_000000")

    def test_a_corrupt_table(self, dataset: Path) -> None:
        table = sorted(dataset.glob("data/**/*.parquet"))[0]
        table.write_bytes(table.read_bytes()[:-100])
        with pytest.raises(EpisodeUnreadable, match=rf"{table.name}: cannot be read as Parquet"):
            open_episode(dataset, "episode_000000")

    def test_a_table_that_is_text(self, dataset: Path) -> None:
        table = sorted(dataset.glob("data/**/*.parquet"))[0]
        table.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        with pytest.raises(EpisodeUnreadable, match="Git LFS pointer"):
            open_episode(dataset, "episode_000000")

    def test_a_video_that_is_too_short(self, dataset: Path) -> None:
        write_clip(a_video(dataset), pictures_of(0)[:4], [4500 * k for k in range(4)])
        with pytest.raises(EpisodeUnreadable, match=r"no frame of its own for step 4 at 0\.200 s"):
            open_episode(dataset, "episode_000000")

    def test_a_video_with_frames_to_spare(self, built: dict[str, Built], tmp_path: Path) -> None:
        dataset = Path(shutil.copytree(built["lerobot_v21"].path, tmp_path / "spare"))
        for video in dataset.glob("videos/**/episode_000000.mp4"):
            write_clip(video, [*pictures_of(0), *pictures_of(1)], [4500 * k for k in range(LENGTHS[0] + LENGTHS[1])])
        episode = open_episode(dataset, "episode_000000")
        assert episode.frame_count == LENGTHS[0]
        assert any("5 of its frames belong to no row" in note for note in episode.notes)

    def test_a_video_at_another_rate(self, dataset: Path) -> None:
        write_clip(a_video(dataset), pictures_of(0), [9000 * k for k in range(LENGTHS[0])])
        with pytest.raises(EpisodeUnreadable, match="no frame of its own for step 1"):
            open_episode(dataset, "episode_000000")

    def test_rows_that_do_not_match_the_index(self, dataset: Path) -> None:
        table = sorted(dataset.glob("data/**/*.parquet"))[0]
        rows = pq.read_table(table)
        pq.write_table(rows.slice(1), table)
        with pytest.raises(EpisodeUnreadable, match=rf"{table.name}: 6 rows for episode 0, where the index says 7"):
            open_episode(dataset, "episode_000000")

    def test_actions_that_are_not_numbers(self, dataset: Path) -> None:
        table = sorted(dataset.glob("data/**/*.parquet"))[0]
        rows = lerobot_rows(0)
        rows["action"] = [[float("nan")] * 7, *rows["action"][1:]]
        pq.write_table(pa.table(rows), table)
        with pytest.raises(EpisodeUnreadable, match=rf"{table.name}: 1 of 7 rows of actions hold NaN"):
            open_episode(dataset, "episode_000000")

    @pytest.mark.parametrize("version", ["v1.6", "v4.0", "", None])
    def test_other_versions(self, dataset: Path, version: str | None) -> None:
        change_info(dataset, codebase_version=version)
        with pytest.raises(
            EpisodeUnreadable, match=r"info\.json: a LeRobot dataset of version .*2\.0 to 3\.x can be read"
        ):
            find_episodes(dataset)

    def test_no_index(self, dataset: Path) -> None:
        shutil.rmtree(dataset / "meta" / "episodes", ignore_errors=True)
        (dataset / "meta" / "episodes.jsonl").unlink(missing_ok=True)
        with pytest.raises(EpisodeUnreadable, match="Was the dataset downloaded whole"):
            find_episodes(dataset)


class TestHostility:
    """Metadata comes from the internet: what it points to stays inside the folder the user named."""

    @pytest.mark.parametrize("path", ["../../outside.mp4", "/etc/passwd", "videos/../../../outside.mp4"])
    def test_paths_that_lead_out(self, dataset: Path, path: str) -> None:
        change_info(dataset, video_path=path)
        with pytest.raises(EpisodeUnreadable, match="leads out of the folder you named: refused"):
            open_episode(dataset, "episode_000000")
        change_info(dataset, data_path=path)
        with pytest.raises(EpisodeUnreadable, match="leads out of the folder you named: refused"):
            open_episode(dataset, "episode_000000")

    def test_a_link_that_leads_out(self, dataset: Path, tmp_path: Path) -> None:
        video = a_video(dataset)
        outside = tmp_path / "outside.mp4"
        shutil.move(video, outside)
        video.symlink_to(outside)
        with pytest.raises(EpisodeUnreadable, match="leads out of the folder you named: refused"):
            open_episode(dataset, "episode_000000")
        # Who names the folder above has allowed it.
        assert open_episode(tmp_path, "dataset.episode_000000").frame_count == LENGTHS[0]

    @pytest.mark.parametrize(
        "template", ["{video_key.__class__}", "{video_key!r}", "{episode_index:999999999d}", "{chunk}"]
    )
    def test_templates_reach_no_objects(self, dataset: Path, template: str) -> None:
        change_info(dataset, video_path=template)
        with pytest.raises(EpisodeUnreadable):
            open_episode(dataset, "episode_000000")

    @pytest.mark.parametrize(
        "changes",
        [
            {"fps": 0},
            {"fps": "20"},
            {"fps": True},
            {"features": []},
            {"features": {"action": 3}},
            {"data_path": None},
            {"chunks_size": 0},
            {"features": {"action": {"dtype": "float32", "shape": [7]}}},
        ],
    )
    def test_values_of_the_wrong_kind(self, dataset: Path, changes: dict[str, object]) -> None:
        change_info(dataset, **changes)
        with pytest.raises(EpisodeUnreadable):
            find_episodes(dataset)


def test_depth_is_left_out_and_said(dataset: Path) -> None:
    features = json.loads((dataset / "meta" / "info.json").read_text())["features"]
    depth = {"dtype": "video", "shape": [48, 64, 3], "info": {"video.is_depth_map": True}}
    change_info(dataset, features={**features, "observation.images.depth": depth})
    episode = open_episode(dataset, "episode_000000")
    assert tuple(episode.cameras) == ("front", "wrist")
    assert any("observation.images.depth" in note for note in episode.notes)
    assert np.isfinite(episode.times_s).all()
