"""The command line: results on stdout, all else on stderr, exit codes that can be relied on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import Command
from fake_policy import FakePolicy, install
from recordings import plain_videos
from takes import moving_square, write_take

from analyzer.progress_bar import ProgressBar
from analyzer.run_folder import RunFolder
from foundation.action_space import LIBERO

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{HERE}", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> FakePolicy:
    return install(monkeypatch, FakePolicy())


@pytest.fixture
def take(tmp_path: Path) -> Path:
    return write_take(tmp_path / "take.mp4", 3)


# -- results ---------------------------------------------------------------------------------------------------------


def test_run_prints_the_runs_path_alone(command: Command, policy: FakePolicy, take: Path) -> None:
    said = command.run(take)
    assert (said.code, said.out) == (0, f"{command.home / 'out'}\n")
    assert "fake looks at the frames" in said.err
    assert RunFolder.open(command.home / "out").manifest.complete


def test_run_as_json(command: Command, policy: FakePolicy, take: Path) -> None:
    said = command.run(take, "--json", "--sites", "all")
    assert json.loads(said.out) == {
        "path": str(command.home / "out"),
        "episodes": ["take"],
        "sites": ["vision.0", "vision.1", "llm.0"],
    }


def test_quiet_says_nothing_but_the_result(command: Command, policy: FakePolicy, take: Path) -> None:
    assert command.run(take, "--quiet").err == ""


def test_a_run_without_a_name_gets_a_free_one(command: Command, policy: FakePolicy, take: Path) -> None:
    quick = ("--n-eigenvectors", "4", "--n-segments", "3", "--n-landmarks", "16", "--cache", "cache")
    assert command("run", take, *quick).out == "runs/take\n"
    assert command("run", take, *quick).out == "runs/take-2\n"


def test_render_prints_the_videos_path_alone(command: Command, tiny_run: RunFolder) -> None:
    said = command("render", tiny_run.path, "--site", "vision.3", "-o", command.home / "o.mp4")
    assert (said.code, said.out) == (0, f"{command.home / 'o.mp4'}\n")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--site", "vision.12"), "Did you mean 'vision.11'"),
        (("--site", "vision.3", "--episode", "tak"), "Did you mean 'take'"),
        (("--site", "vision.3", "--camera", "wrst"), "Did you mean 'wrist'"),
        (("--site", "vision.3", "--frames", "x"), "--frames takes whole numbers"),
        (("--site", "vision.3", "-o", "/proc/nowhere/o.mp4"), "/proc/nowhere/o.mp4: cannot be written"),
        (("--site", "vision.3", "-o", "o.gif"), "o.gif: the output ends in .mp4"),
    ],
)
def test_render_refuses_by_name(command: Command, tiny_run: RunFolder, flags: tuple[str, ...], told: str) -> None:
    command.refuses(command("render", tiny_run.path, *flags), 2, told)


def test_render_refuses_what_is_no_run(command: Command) -> None:
    command.refuses(command("render", command.home, "--site", "x"), 2, "not a run folder")


@pytest.mark.parametrize("arguments", [(), ("rum",), ("run",), ("run", "x", "--strid", "1.5"), ("render", "--bogus")])
def test_wrong_usage_is_exit_code_2(command: Command, arguments: tuple[str, ...]) -> None:
    said = command(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "usage:" in said.err


def test_resume_asks_for_the_run(command: Command, policy: FakePolicy, take: Path) -> None:
    said = command("run", take, "--resume")
    command.refuses(said, 2, "--resume", "name its folder with --out")


def test_the_demo_ends_in_a_report_a_video_and_a_sheet(
    command: Command, tiny_recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = install(monkeypatch, FakePolicy(action_space=LIBERO, action_flops=1.0))
    monkeypatch.setattr("analyzer.demo.sample", lambda: tiny_recording)  # the real one takes its time
    said = command("demo", "--out", "demo", "--cache", "cache", "--json")
    assert said.code == 0, said.err
    result = json.loads(said.out)
    assert all((command.home / result[name]).is_file() for name in ("path", "sheet", "report"))
    both = [RunFolder.open(command.home / result[name]).manifest.settings for name in ("run", "beside")]
    assert [(settings.policy, settings.actions) for settings in both] == [
        ("openvla-tiny-libero", True),
        ("dinov2-small", False),
    ]
    assert str(result["path"]) in said.err
    seen = policy.frames_seen
    assert command("demo", "--out", "demo", "--cache", "cache").out == f"{result['path']}\n"
    assert policy.frames_seen == seen


# -- inspect ---------------------------------------------------------------------------------------------------------


def test_inspect_tells_what_is_and_what_is_not_recorded(command: Command) -> None:
    data = plain_videos(command.home / "data").path
    said = command("inspect", data / "take1.mkv", "--json")
    (about,) = json.loads(said.out)["episodes"]
    assert (said.code, about["id"], about["instruction"]) == (0, "take1", "open the drawer")
    assert (about["frames"], about["success"], about["control_hz"]) == (5, False, 12.5)
    assert about["cameras"] == {"camera": "64x48"}
    assert about["actions"] == [5, 7]
    text = command("inspect", data / "take0.mp4").out
    assert "instruction   not recorded" in text


def test_inspect_lists_many_without_opening_them(command: Command) -> None:
    for number in range(5):
        (command.home / "data").mkdir(exist_ok=True)
        (command.home / "data" / f"{number}.mp4").write_bytes(b"not opened")
    said = command("inspect", "data")
    assert said.code == 0
    assert "5 episodes" in said.out


def test_inspect_names_the_damaged_one_among_many(command: Command) -> None:
    for number in range(4):
        write_take(command.home / "data" / f"{number}.mp4", 1)
    (command.home / "data" / "broken.hdf5").write_bytes(b"\x89HDF\r\n\x1a\nnothing")
    said = command("inspect", "data")
    assert said.code == 2
    assert "5 episodes" in said.out
    assert "damaged: data/broken.hdf5: cannot be read as an HDF5 recording" in said.out
    listed = json.loads(command("inspect", "data", "--json").out)["episodes"]
    assert [("error" in about) for about in listed] == [False] * 4 + [True]


def test_inspect_describes_the_sound_ones_beside_a_damaged_one(command: Command) -> None:
    write_take(command.home / "data" / "a.mp4", 1)
    (command.home / "data" / "b.mp4").write_bytes(b"")
    said = command("inspect", "data")
    assert said.code == 2
    assert "a" in said.out
    assert "the file is empty (0 bytes)" in said.out


HOSTILE = "lift\x1b]0;owned\x07 it\x9b31m\u202e\r\n\0"


@pytest.mark.parametrize("flags", [(), ("--json",)])
@pytest.mark.parametrize("count", [1, 5])
def test_nothing_a_recording_says_steers_the_terminal(command: Command, flags: tuple[str, ...], count: int) -> None:
    for number in range(count):
        take = write_take(command.home / "data" / f"take\x1b[2J{number}.mp4", 2)
        take.with_suffix(".json").write_text(json.dumps({"instruction": HOSTILE}))
        np.savez(take.with_suffix(".npz"), actions=np.zeros((2, 1)), action_names=np.array(["\x1b[31mred"]))
    said = command("inspect", "data", *flags)
    assert said.code == 0
    assert "lift" in said.out
    assert all(letter == "\n" or letter.isprintable() for letter in said.out)


def test_an_error_about_a_hostile_name_steers_no_terminal(command: Command, policy: FakePolicy) -> None:
    (command.home / "data").mkdir()
    (command.home / "data" / "take\x1b[2J.mp4").write_bytes(b"")
    said = command.run("data", "--quiet")
    assert said.code == 2
    assert said.err.rstrip("\n").isprintable()


def test_a_name_that_is_no_valid_unicode_can_be_analysed(command: Command, policy: FakePolicy) -> None:
    place = os.fsdecode(b"take\xff.mp4")
    write_take(command.home / "plain.mp4", 2).rename(command.home / place)
    assert command.run(place).code == 0
    run = RunFolder.open(command.home / "out")
    assert run.episode(run.manifest.done[0]).source == str(command.home / place)
    assert command("inspect", place).code == 0
    assert command("inspect", place, "--json").code == 0


# -- stops -----------------------------------------------------------------------------------------------------------


def test_ctrl_c_is_exit_code_130_and_says_how_to_go_on(
    command: Command, monkeypatch: pytest.MonkeyPatch, take: Path
) -> None:
    def stop(policy: FakePolicy) -> None:
        raise KeyboardInterrupt

    install(monkeypatch, FakePolicy(on_call=stop))
    said = command.run(take)
    assert (said.code, said.out) == (130, "")
    assert f"--resume --out {command.home / 'out'}" in said.err
    assert "Traceback" not in said.err
    install(monkeypatch, FakePolicy())
    assert command.run(take, "--resume").code == 0


INTERRUPTED = """
import os, signal, sys
import policies.catalog
from fake_policy import FakePolicy
from analyzer.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored
def on_call(policy):
    if len(policy.calls) == 1:
        os.kill(os.getpid(), signal.SIGINT)
policies.catalog.load_policy = lambda name, **options: FakePolicy(on_call=on_call)
sys.exit(main(sys.argv[1:]))
"""


def test_a_real_ctrl_c_leaves_nothing_half_written(command: Command, policy: FakePolicy) -> None:
    write_take(command.home / "take.mp4", moving_square(6))
    quick = ["--n-eigenvectors", "4", "--n-segments", "3", "--n-landmarks", "16", "--batch", "2"]
    arguments = ["run", "take.mp4", "--out", "out", "--cache", "cache", *quick]
    stopped = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        cwd=command.home,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (stopped.returncode, stopped.stdout) == (130, "")
    assert "Traceback" not in stopped.stderr
    assert [path.name for path in (command.home / "out").rglob("*")] == ["run.json"]
    assert command(*arguments, "--resume").code == 0
    assert policy.frames_seen == 4


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`inspect … | head`: the pipe closes before the result is out."""
    (tmp_path / "data").mkdir()
    for number in range(5):
        (tmp_path / "data" / f"{number}.mp4").write_bytes(b"")
    command = [sys.executable, "-m", "analyzer", "inspect", "data"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait() == 0


# -- the progress bar ------------------------------------------------------------------------------------------------


def test_an_error_starts_on_a_line_of_its_own(command: Command, monkeypatch: pytest.MonkeyPatch, take: Path) -> None:
    def spoiled(policy: FakePolicy) -> None:
        raise OSError(5, "Input/output error", "/dev/camera")

    install(monkeypatch, FakePolicy(on_call=spoiled))
    said = command.run(take)
    assert said.code == 2
    assert said.err.splitlines()[-1].startswith("error: ")
    assert "/dev/camera" in said.err.splitlines()[-1]


def test_a_bar_ends_its_line_however_far_it_got(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar()
    bar.stage("looking", 10, "frame")
    bar.advance(4)
    bar.close()
    bar.close()
    shown = capsys.readouterr().err
    assert "4/10 frames" in shown
    assert shown.endswith("\n")
    bar.stage("writing", 2, "part")
    bar.advance(2)
    shown = capsys.readouterr().err
    assert shown.endswith("\n")
    assert "2/2 parts" in shown
