"""What holds of every export in the table: whole or not at all, nothing replaced unasked, equal runs give equal files."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import recorded
from made_runs import make_run
from recordings import barcode, write_clip

from analyzer.cli import main
from analyzer.commands import export as command
from analyzer.exports.catalog import EXPORTERS, export, exporter, file_name
from analyzer.exports.exporter import Exporter, ExportRequest, View
from analyzer.findings_folder import FindingsFolder
from analyzer.reviews import EpisodeReviews, Review
from analyzer.run_folder import RunFolder
from foundation.errors import BadInput, LensError, RunUnreadable
from videos.catalog import open_episode

HOSTILE = "=1+cmd|x </script><img src=x onerror=alert(1)> \u202e\n../../.."
NAMES = [kind.name for kind in EXPORTERS]
HAS_RERUN = importlib.util.find_spec("rerun") is not None


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Two episodes with actions and findings, told to come from a LeRobot dataset; names that mean harm."""
    home = tmp_path_factory.mktemp("exported")
    for name in ("one", "two"):
        write_clip(home / name / "agentview.mp4", [barcode(n, 96, 128) for n in range(12)])
        action = np.cos(np.arange(12 * 7).reshape(12, 7))
        np.savez(home / name / "data.npz", action=action)
        about = {"language": HOSTILE, "success": name == "two", "length": 12}
        (home / name / "meta.json").write_text(json.dumps(about))
    made = make_run(
        home / "run", *(open_episode(home / name) for name in ("one", "two")), names=(HOSTILE, "plate", "cup")
    )
    for number, name in enumerate(("one", "two")):
        path = made.episode_folder(name) / "episode.json"
        stored = json.loads(path.read_text())
        path.write_text(
            json.dumps({**stored, "format": "lerobot", "source": str(home), "locator": f"sub set#{4 + number}"})
        )
    return RunFolder.open(made.path)


@pytest.fixture
def bare(tmp_path: Path) -> RunFolder:
    """A video alone: no actions, no findings, from no dataset."""
    return make_run(tmp_path / "bare", recorded(tmp_path / "clip.mp4", 4), with_findings=False)


def of(kind: Exporter) -> Any:
    return pytest.param(kind, id=kind.name, marks=() if kind.name != "rrd" or HAS_RERUN else NO_RERUN)


NO_RERUN = pytest.mark.skip(reason="rerun-sdk is not installed here: pip install -r requirements-extra.txt")
EACH = pytest.mark.parametrize("kind", [of(kind) for kind in EXPORTERS])


def content(kind: Exporter, path: Path) -> Any:
    """What is compared of two files."""
    return path.read_bytes() if kind.exact else rerun_content(path)


def rerun_content(path: Path) -> dict[str, list[Any]]:
    """Every value of a recording, by entity and column, the parts put together whatever order they lie in."""
    from rerun.chunk import RrdReader

    found: dict[str, list[Any]] = {}
    for chunk in RrdReader(str(path)).store().stream().to_chunks():
        batch = chunk.to_record_batch()
        for name in batch.schema.names:
            if "rowid" not in name.lower().replace("_", ""):
                found.setdefault(f"{chunk.entity_path} {name}", []).extend(map(repr, batch.column(name).to_pylist()))
    return {name: sorted(values) for name, values in found.items()}


@EACH
def test_equal_runs_give_equal_files_and_nothing_else_is_left(kind: Exporter, run: RunFolder, tmp_path: Path) -> None:
    request = ExportRequest(run, "one", View(site="vision.7", frame=5))
    first = export(kind.name, request, tmp_path / "a" / f"x{kind.suffix}")
    shutil.copytree(run.path, tmp_path / "moved" / run.path.name)
    again = export(kind.name, request, tmp_path / "b" / f"x{kind.suffix}")
    assert first.stat().st_size > 50
    assert content(kind, first) == content(kind, again)
    assert [path.name for path in first.parent.iterdir()] == [first.name]


@EACH
def test_nothing_is_replaced_unasked(kind: Exporter, run: RunFolder, tmp_path: Path) -> None:
    path = tmp_path / f"x{kind.suffix}"
    path.write_text("mine")
    with pytest.raises(BadInput, match="--force"):
        export(kind.name, ExportRequest(run, "one"), path)
    assert path.read_text() == "mine"
    export(kind.name, ExportRequest(run, "one"), path, force=True)
    assert path.read_bytes() != b"mine"
    folder = tmp_path / f"folder{kind.suffix}"
    folder.mkdir()
    with pytest.raises(BadInput, match="is a folder"):
        export(kind.name, ExportRequest(run, "one"), folder, force=True)


@EACH
def test_what_goes_wrong_leaves_nothing_behind(
    kind: Exporter, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "run"
    shutil.copytree(run.path, damaged)
    (damaged / "episodes" / "one" / "episode.json").write_text("{")
    if kind.about != "run":
        with pytest.raises(RunUnreadable):
            export(kind.name, ExportRequest(RunFolder.open(damaged), "one"), tmp_path / f"x{kind.suffix}")
    path = tmp_path / "kept" / f"x{kind.suffix}"
    path.parent.mkdir()
    path.write_text("before")

    class Stop(Exception):
        pass

    def fails(request: ExportRequest, temporary: Path, progress: object) -> None:
        temporary.write_text("half")
        raise Stop

    import analyzer.exports.catalog as catalog

    broken = tuple(Exporter(**{**one.__dict__, "write": fails}) for one in EXPORTERS)
    monkeypatch.setattr(catalog, "EXPORTERS", broken)
    with pytest.raises(Stop):
        export(kind.name, ExportRequest(run, "one"), path, force=True)
    assert path.read_text() == "before"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@EACH
def test_the_ending_is_the_kind(kind: Exporter, run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=kind.suffix):
        export(kind.name, ExportRequest(run, "one"), tmp_path / "x.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", EXPORTERS, ids=NAMES)
def test_what_cannot_be_had_is_said_before_anything_is_written(kind: Exporter, bare: RunFolder, tmp_path: Path) -> None:
    request = ExportRequest(bare, "clip")
    missing = kind.problem(request)
    path = tmp_path / "out" / f"x{kind.suffix}"
    if missing is None:
        assert export(kind.name, request, path).stat().st_size > 50
        return
    assert missing.endswith((".", "INSTALL")) or "pip install" in missing
    with pytest.raises(LensError):
        export(kind.name, request, path)
    assert not path.parent.exists()


@pytest.mark.parametrize("kind", EXPORTERS, ids=NAMES)
def test_a_file_is_named_after_what_is_in_it_and_stays_in_its_folder(kind: Exporter, run: RunFolder) -> None:
    view = View(site="vision.3", mode="segments", frame=7, case="../../etc/passwd" + HOSTILE)
    name = file_name(kind, ExportRequest(run, "one", view))
    assert name.endswith(kind.suffix)
    assert "/" not in name
    assert not name.startswith(".")
    assert name.isprintable()
    assert len(name.encode()) < 140


def test_the_table_is_what_the_command_line_knows() -> None:
    assert tuple(NAMES) == command.NAMES
    assert len(set(NAMES)) == len(NAMES)
    with pytest.raises(BadInput, match="Did you mean 'case'"):
        exporter("casez")


# -- read(write(x)) = x -------------------------------------------------------------------------------------------------


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_actions_are_read_back(run: RunFolder, tmp_path: Path) -> None:
    rows = table(export("actions", ExportRequest(run, "one"), tmp_path / "a.csv"))
    actions, space = run.actions("one"), run.episode("one").action_space
    assert actions is not None
    assert space is not None
    columns = [
        f"recorded.{name}" + (f" ({unit})" if unit else "") for name, unit in zip(space.names, space.units, strict=True)
    ]
    read = np.array([[float(row[name] or "nan") for name in columns] for row in rows])
    assert np.allclose(read, actions, rtol=1e-6)
    assert [int(row["step"]) for row in rows] == list(range(12))


def test_confusion_is_read_back(run: RunFolder, tmp_path: Path) -> None:
    rows = table(export("confusion", ExportRequest(run, "one"), tmp_path / "c.csv"))
    folder = FindingsFolder.open(run.episode_folder("one"))
    values = folder.confusion()
    read = np.array([[float(row[name] or "nan") for name in ("confusion", "low", "high")] for row in rows])
    assert np.allclose(read, values.reshape(-1, 3), rtol=1e-6, equal_nan=True)
    assert {row["site"] for row in rows} == set(folder.findings.sites)
    assert all(row["a_name"].startswith("'=1+cmd") for row in rows if row["a"] == "1"), "no formula"


def test_cases_are_read_back(run: RunFolder, tmp_path: Path) -> None:
    rows = table(export("cases", ExportRequest(run, "one"), tmp_path / "c.csv"))
    told = {(row["episode"], row["case"]) for row in rows}
    assert told == {(name, f"case-{number}") for name in ("one", "two") for number in (0, 1)}


def test_the_case_page_is_about_its_case_and_runs_nothing_of_others(run: RunFolder, tmp_path: Path) -> None:
    path = export("case", ExportRequest(run, "one", View(case="case-1")), tmp_path / "c.html")
    page = path.read_text()
    assert "(case 1)" in page.split('type="application/json"')[0]
    assert "(case 0)" not in page.split('type="application/json"')[0]
    assert "<img src=x" not in page
    assert "data-player" in page
    with pytest.raises(BadInput, match="There is no case"):
        export("case", ExportRequest(run, "one", View(case="none")), tmp_path / "d.html")


def test_pictures_are_of_the_view(run: RunFolder, tmp_path: Path) -> None:
    import cv2

    from videos.video_file import VideoFile

    looks = (View("vision.3", "colors", 4), View("vision.3", "segments", 4), View("vision.3", "off", 4))
    pictures = [
        cv2.imread(str(export("png", ExportRequest(run, "one", view), tmp_path / f"{view.mode}.png"))) for view in looks
    ]
    assert len({picture.tobytes() for picture in pictures}) == 3
    video = export("mp4", ExportRequest(run, "one", View("vision.3", "off")), tmp_path / "v.mp4")
    assert len(list(VideoFile(video).frames())) == 12
    missing = exporter("png").problem(ExportRequest(run, "one", View(mode="similarity")))
    assert missing is not None
    assert "switch to one of them" in missing


@pytest.mark.parametrize("bad", [{"mode": "x"}, {"segments": 0}, {"opacity": 2.0}])
def test_a_view_that_cannot_be_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        View(**bad)


# -- LeRobot ------------------------------------------------------------------------------------------------------------


def said(run: RunFolder, tmp_path: Path) -> str:
    return export("lerobot", ExportRequest(run, "one"), tmp_path / "flags.sh", force=True).read_text()


def test_flags_are_a_command_of_lerobots_own(run: RunFolder, tmp_path: Path) -> None:
    import shlex

    own = tmp_path / "run"
    shutil.copytree(run.path, own)
    run = RunFolder.open(own)
    text = said(run, tmp_path)
    commands = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(commands) == 1, "whatever the names hold, the rest are comments"
    words = shlex.split(commands[0])
    assert words[0] == "lerobot-edit-dataset"
    told = dict(zip(words[1::2], words[2::2], strict=True))
    assert told["--operation.type"] == "delete_episodes"
    assert json.loads(told["--operation.episode_indices"]) == [4, 5], "both have a case of 0.9"
    assert told["--root"].endswith("/sub set")
    assert told["--new_repo_id"] != told["--repo_id"]

    # A person says that the first is a fault of the analysis, in both of its cases.
    def saved(episode: str, case: str, verdict: str) -> None:
        EpisodeReviews(own, episode).save([(Review(f"{episode}{case}", case, "ann", verdict=verdict), 0)])

    saved("one", "case-0", "artefact")
    saved("one", "case-1", "artefact")
    assert "[5]" in said(run, tmp_path)
    saved("two", "", "artefact")
    assert "lerobot-edit-dataset" not in said(run, tmp_path)
    assert "0 of 2 analysed episodes are flagged" in said(run, tmp_path)
    saved("one", "", "real")
    assert "called real by ann" in said(run, tmp_path)
    assert "[4]" in said(run, tmp_path)


# -- the command line ---------------------------------------------------------------------------------------------------


def test_from_the_command_line(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run.path), "cases", "--quiet"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert main(["export", str(run.path), "cases", "--quiet"]) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert main(["export", str(run.path), "actions", "--quiet"]) == 2
    assert "Choose one with --episode" in capsys.readouterr().err
    assert main(["export", str(run.path), "png", "--episode", "one", "--site", "vision.9", "--quiet"]) == 2
    assert "no site" in capsys.readouterr().err


@pytest.mark.skipif(HAS_RERUN, reason="rerun-sdk is installed here")
def test_without_rerun_the_way_to_install_it_is_said(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run.path), "rrd", "-o", str(tmp_path / "x.rrd"), "--quiet"]) == 2
    assert "pip install -r requirements-extra.txt" in capsys.readouterr().err
    assert not (tmp_path / "x.rrd").exists()


@pytest.mark.skipif(not HAS_RERUN, reason="rerun-sdk is not installed here: pip install -r requirements-extra.txt")
def test_a_rerun_recording_is_read_back(run: RunFolder, tmp_path: Path) -> None:
    found = rerun_content(export("rrd", ExportRequest(run, "one"), tmp_path / "x.rrd"))
    actions = run.actions("two")
    assert actions is not None
    (scalars,) = (values for name, values in found.items() if "/two/actions/recorded/dx " in name and "Scalars" in name)
    read = sorted(json.loads(value)[0] for value in scalars)
    assert np.allclose(read, np.sort(actions[:, 0]))
    entities = {name.rsplit(" ", 1)[0] for name in found}
    for part in ("/one/preview", "/one/sites/vision.7/agentview/colors", "/one/instances/agentview", "/two/cases"):
        assert part in entities, sorted(entities)
    assert not any("log_time" in name or "log_tick" in name for name in found), "no clock"
