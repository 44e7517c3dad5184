"""The analyse page: what it offers, what it starts, what it says; with the work itself left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from driving import recorded
from streamlit.testing.v1 import AppTest

from analyzer import job as jobs_module
from analyzer.background import Process, Stage, Told
from analyzer.job import Job, Request
from analyzer.view import RECORDINGS_VARIABLE
from app_pages import opened
from videos.samples import SAMPLES

PAGE = Path(__file__).resolve().parents[2] / "app_pages" / "analyze.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server on an empty folder of runs, with a folder of two recordings, one of them damaged."""
    (tmp_path / "takes").mkdir()
    recorded(tmp_path / "takes" / "good_![x](a).mp4", 4)
    (tmp_path / "takes" / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "runs").mkdir()
    monkeypatch.setenv(RECORDINGS_VARIABLE, str(tmp_path / "takes"))
    monkeypatch.setenv("TRAJECTORY_LENS_RUNS", "")
    opened.name_folders([tmp_path / "runs"])
    return tmp_path


def page() -> AppTest:
    return AppTest.from_file(str(PAGE), default_timeout=30).run()


def test_recordings_are_shown_with_what_is_wrong(home: Path) -> None:
    shown = page()
    assert not shown.exception
    assert [select.label for select in shown.selectbox] == ["Folder", "Policy"]
    assert len(shown.dataframe[0].value) == 2
    assert "1 of 2 cannot be read" in shown.warning[0].value


def test_what_is_chosen_is_what_is_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Path, str, Request]] = []
    monkeypatch.setattr(Job, "start", lambda home, name, request: started.append((home, name, request)))
    shown = page()
    shown.multiselect[0].select(next(o for o in shown.multiselect[0].options if "good" in o)).run()
    shown.number_input[0].set_value(3).run()
    shown.button("_analyse").click().run()
    assert not shown.exception
    ((where, name, request),) = started
    assert where == home / "runs"
    assert [Path(path).parent for path in request.paths] == [home / "takes"]
    assert (request.stride, request.estimate, Path(request.out)) == (3, False, home / "runs" / name)
    assert (request.policy, request.actions) == ("dinov2-small", False)


def test_the_bundled_episodes_are_offered_a_policy_that_acts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Request] = []
    monkeypatch.setattr(Job, "start", lambda home, name, request: started.append(request))
    monkeypatch.setenv(RECORDINGS_VARIABLE, str(SAMPLES))
    shown = page()
    shown.button("_analyse").click().run()
    shown.selectbox[1].set_value("dinov2-small").run()
    assert not shown.checkbox, "it only sees"
    shown.button("_analyse").click().run()
    assert not shown.exception
    assert [(request.policy, request.actions) for request in started] == [
        ("openvla-tiny-libero", True),
        ("dinov2-small", False),
    ]


def test_states_of_a_job(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(("a<b>.mp4",), str(home / "runs" / "x"), "dinov2-small")
    told: list[Told] = [Told("running", (Stage("looks", "frame", 10, 4, 30.0),), "", None)]
    stopped: list[str] = []
    monkeypatch.setattr(Job, "told", lambda self: told[0])
    monkeypatch.setattr(Job, "stop", lambda self: stopped.append(self.name))
    job = Job(home / "runs" / ".jobs" / "x", request, Process(1, "1"))
    monkeypatch.setattr(jobs_module, "jobs", lambda home: [job])
    shown = page()
    assert not shown.exception
    shown.button("_stop x").click().run()
    assert stopped == ["x"]
    told[0] = Told("stopped", (), "error: ![x](http://a)", None)
    shown = page()
    assert shown.button("_go_on x")
    assert any("\\!\\[x\\]" in caption.value for caption in shown.caption)
    told[0] = Told("done", (), "", {"episodes": ["a"]})
    shown = page()
    assert any("Finished: 1 episode." in caption.value for caption in shown.caption)


def test_folders_that_are_gone_are_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RECORDINGS_VARIABLE, str(home / "none"))
    shown = page()
    assert not shown.exception
    assert "--recordings" in shown.info[0].value


@pytest.mark.parametrize("change", [{"paths": ("/etc/passwd",)}, {"out": "/elsewhere/x"}])
def test_a_job_out_of_a_file_leads_nowhere_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    inside = Request((str(home / "takes"),), str(home / "runs" / "x"), "dinov2-small")
    started: list[Request] = []
    monkeypatch.setattr(Job, "start", lambda home, name, request: started.append(request))
    for request, number in ((inside, 1), (replace(inside, **change), 1)):
        job = Job(home / "runs" / ".jobs" / "x", request, Process(0, ""))
        monkeypatch.setattr(jobs_module, "jobs", lambda home, job=job: [job])
        shown = page()
        shown.button("_go_on x").click().run()
        assert len(started) == number
