"""The command line: reads the arguments, calls the one who does the work, says where the result is.

Progress and messages go to stderr; stdout carries the result's path alone, or with --json one JSON object. Nothing
heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.progress import Progress, Silent
from analyzer.settings import MAX_MINUTES, PARAMETERS, Settings
from foundation.errors import BadInput, LensError, did_you_mean, quoted
from foundation.names import printable

if TYPE_CHECKING:
    from analyzer.budget import Forecast

EXIT_CODES = (
    "exit codes: 0 ok, 1 findings over --fail-on, 2 bad input or usage, 3 policy unavailable, 130 stopped by Ctrl-C"
)

SHEET_SETTINGS = (
    *("policy", "camera", "stride", "input_size", "densify", "recipe", "instruction", "image_fps", "orientation"),
    *("device", "dtype", "batch", "n_eigenvectors", "n_landmarks", "affinity", "mean_affinity", "density"),
    *("n_segments", "palette", "seed"),
)
"""The parameters that shape a sheet; of several cameras it shows the first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        # Closed before anything is said about an error: the message starts on a line of its own.
        with closing(_progress(options)) as progress:
            result: dict[str, Any] = options.command(options, progress)
    except LensError as error:
        # A message quotes paths and names out of recordings: no control character of theirs reaches the terminal.
        print(f"error: {printable(error)}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # of the machine, foreseen nowhere: a path too long, a folder that may not be read
        path = printable(error.filename) if error.filename else options.command.__name__.strip("_")
        print(
            f"error: {path}: {error.strerror or error}. Check the path, the disk and your rights to both.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. {options.after_stop}", file=sys.stderr)
        return 130
    code = int(result.pop("exit_code", 0))
    if options.json:
        _say(json.dumps(result, indent=1))
    elif "text" in result:
        _say(result["text"])
    elif "path" in result:
        _say(result["path"])
    return code


def _say(text: str) -> None:
    """The result on stdout. A path goes out byte for byte; a reader that has seen enough (`| head`) is no error."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except UnicodeEncodeError:
        sys.stdout.buffer.write(os.fsencode(f"{text}\n"))
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more on its way out, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _demo(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.demo import demo

    options.after_stop = "What is finished is kept; the same command goes on from there."
    return demo(options.out, _cache(options), progress)


def _inspect(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.inspection import inspect
    from analyzer.run_summary import is_run, summarise

    if len(options.paths) == 1 and is_run(options.paths[0]):
        return summarise(options.paths[0])
    return inspect(options.paths, options.episodes, _settings(options))


def _run(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer import budget, recordings
    from analyzer.pipeline import run

    if not options.max_minutes > 0:
        raise BadInput(f"--max-minutes is {options.max_minutes}; give minutes above 0, or --yes for no limit.")
    if options.resume and options.out is None:
        raise BadInput("--resume goes on with a run that exists: name its folder with --out.")
    settings = _settings(options)
    found = recordings.find(options.paths, options.episodes)
    out = options.out or _free_name(Path("runs") / found[0].id)
    options.after_stop = f"What is finished is kept; the same command with --resume --out {out} goes on from there."

    def approve(work: budget.Estimate) -> None:
        if options.estimate:
            raise _Foreseen(budget.forecast(work, worth=0))
        budget.approve(
            work,
            max_minutes=options.max_minutes,
            yes=options.yes,
            say=lambda line: None if options.quiet else print(printable(line), file=sys.stderr),
        )

    cache = _cache(options)
    try:
        folder = run(found, settings, out, cache=cache, resume=options.resume, progress=progress, approve=approve)
    except _Foreseen as ahead:
        return asdict(ahead.forecast)
    return {"path": str(folder.path), "episodes": folder.manifest.done, "sites": folder.site_names}


class _Foreseen(Exception):
    """Not an error: the run was only to be estimated."""

    def __init__(self, forecast: Forecast) -> None:
        self.forecast = forecast


def _assess(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.assessment import assess_run
    from analyzer.run_folder import RunFolder

    run = RunFolder.open(options.run)
    episodes = [options.episode] if options.episode else run.manifest.done
    choose = None
    if options.objects is not None:
        from analyzer.pointed_objects import PointedObjects

        episodes = [options.episode or _only(run.manifest.done, options.run)]
        choose = PointedObjects(options.objects, run.manifest.settings)
    options.after_stop = "Findings that were made stay; the others are as they were."
    cases = assess_run(
        run,
        episodes,
        cache=_cache(options),
        instances=options.instances,
        without_policy=options.no_policy,
        progress=progress,
        choose=choose,
    )
    told = [f"{episode}: {printable(case.sentence)}" for episode, found in cases.items() for case in found[:1]]
    return {
        "path": str(run.path),
        "cases": {episode: [asdict(case) for case in found] for episode, found in cases.items()},
        "text": "\n".join(told) or "No case was found.",
    }


def _render(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.render import RenderRequest, render
    from analyzer.run_folder import RunFolder

    run = RunFolder.open(options.run)
    request = RenderRequest(
        style=options.style,
        sites=_names(options.site),
        cameras=_names(options.camera),
        frames=tuple(_numbers(options.frames, "--frames")),
        columns=options.columns,
        paint=options.paint,
        segments=options.segments,
        opacity=options.opacity,
        smooth=options.smooth,
        panel_height=options.panel_height,
        from_preview=options.from_preview,
    )
    episode = options.episode or _only(run.manifest.done, options.run)
    output = options.output or options.run / f"{episode}-{options.style}.mp4"
    shown = 0

    def advance(done: int, total: int) -> None:
        nonlocal shown
        if shown == 0:
            progress.stage("rendering", total, "frame")
        progress.advance(done - shown)
        shown = done

    return {"path": str(render(run, episode, request, output, advance)), "episode": episode}


def _report(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.failures.rules import RULES
    from analyzer.report.gate import Gate
    from analyzer.report.write import ReportRequest, write_report

    request = ReportRequest(
        runs=tuple(options.runs),
        output=options.output or options.runs[0] / "report.html",
        episodes=options.episodes,
        cases=options.cases,
        gates=tuple(Gate.parse(text, RULES) for text in options.fail_on),
        player=options.player,
    )
    told = write_report(request, progress)
    progress.close()
    for why, sentences in (("damaged", told["damaged"]), ("over --fail-on", told["stopped"])):
        for sentence in sentences:
            print(f"{why}: {printable(sentence)}", file=sys.stderr)
    return told


def _view(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.view import view

    options.after_stop = "The page is closed."
    return {
        "exit_code": view(
            options.runs,
            port=options.port,
            address=options.address,
            browser=options.browser,
            recordings=options.recordings or (),
        )
    }


def _compare(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.comparison.write import write_comparison

    told = write_comparison(options.runs, _names(options.episodes), _names(options.sites), options.output)
    # Text out of recordings is shown on the lines it belongs to, its control characters written out.
    return told | ({"text": "\n".join(map(printable, told["text"].splitlines()))} if "text" in told else {})


def _sheet(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.sheet import SheetRequest, sheet

    request = SheetRequest(
        output=options.output,
        site=options.site,
        columns=options.columns,
        paint=options.paint,
        segments=options.segments,
        opacity=options.opacity,
        smooth=options.smooth,
        panel_height=options.panel_height,
        from_preview=options.from_preview,
    )
    options.after_stop = "Features that were read stay in the cache; the same command goes on from there."
    return sheet(
        options.paths,
        options.episodes,
        _settings(options),
        request,
        cache=_cache(options),
        out=options.out,
        progress=progress,
    )


def _doctor(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from analyzer.doctor import examine

    return examine(_cache(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analyzer",
        description="Trajectory Lens: see why a robot policy failed.",
        epilog=EXIT_CODES,
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, does: str, function: Any) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=does, description=does, epilog=EXIT_CODES)
        sub.set_defaults(command=function, after_stop="Nothing was written.")
        sub.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
        sub.add_argument("--quiet", action="store_true", help="no progress on stderr")
        sub.add_argument("--progress-lines", action="store_true", help="progress on stderr as JSON, an object a line")
        return sub

    def cache(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--cache", type=Path, help="folder for features, kept from run to run (default: the user's cache)"
        )

    demo = command("demo", "analyse the bundled failed episode and render its overlay", _demo)
    demo.add_argument("--out", type=Path, default=Path("runs/demo"), help="run folder (default: runs/demo)")
    cache(demo)

    look = command("inspect", "say what recordings hold and lack, or how steady a run is", _inspect)
    look.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="recordings: files, folders, datasets; or one run folder"
    )
    look.add_argument("--episodes", default="", help="which episodes, e.g. 0,3-5,ep_010 (default: all)")
    _add_settings(look, ("image_fps", "orientation"))

    run = command("run", "analyse recordings into a run folder", _run)
    run.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="recordings: files, folders, datasets")
    run.add_argument("--out", type=Path, help="run folder (default: a new one in runs/)")
    run.add_argument("--episodes", default="", help="which episodes, e.g. 0,3-5,ep_010 (default: all)")
    run.add_argument("--resume", action="store_true", help="go on with the run that stands at --out")
    run.add_argument(
        "--max-minutes",
        type=float,
        default=MAX_MINUTES,
        help=f"refuse to run longer than that (default: {MAX_MINUTES:g})",
    )
    run.add_argument("--estimate", action="store_true", help="say what it would take, and stop")
    run.add_argument("--yes", action="store_true", help="run whatever time, disk and memory it takes")
    cache(run)
    _add_settings(run, tuple(PARAMETERS))

    assess = command("assess", "make the findings of a finished run again: confused objects, events, cases", _assess)
    assess.add_argument("run", type=Path, metavar="RUN", help="run folder")
    assess.add_argument("--episode", help="which episode (default: all of the run)")
    _add_settings(assess, ("instances",))
    assess.add_argument(
        "--objects", type=Path, metavar="FILE.json", help="objects that you point at, on top of those that are found"
    )
    assess.add_argument(
        "--no-policy",
        action="store_true",
        help="do not load the policy; raw features and what the actions depend on are not assessed",
    )
    cache(assess)

    render = command("render", "draw a run over its video", _render)
    render.add_argument("run", type=Path, metavar="RUN", help="run folder")
    render.add_argument("--episode", help="which episode (default: the only one)")
    _add_render_options(render)

    report = command("report", "write what was found as a page, Markdown, JSON or CSV; a gate for CI", _report)
    report.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        help=".html, .md, .json or .csv; a folder: an index and a page an episode (default: report.html in the first run)",
    )
    report.add_argument("--episodes", default="", help="ids of episodes, separated by commas (default: all)")
    report.add_argument("--cases", type=int, default=10, metavar="N", help="shown in full on a page (default: 10)")
    report.add_argument("--player", action="store_true", help="put the interactive player into pages")
    report.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="KIND[:SCORE]",
        help="exit with 1 where a case of that kind ('any': of every kind) has at least that score; may be given again",
    )

    show = command("view", "review runs in the browser", _view)
    show.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="run folders, or folders of them (default: runs/)"
    )
    show.add_argument(
        "--recordings",
        action="append",
        type=Path,
        metavar="FOLDER",
        help="folder of recordings that may be analysed from the page; may be given again (default: the samples)",
    )
    show.add_argument("--port", type=int, default=8501, help="default: 8501")
    show.add_argument(
        "--address", default="127.0.0.1", help="who may connect; 0.0.0.0 is everybody (default: 127.0.0.1)"
    )
    show.add_argument("--browser", action="store_true", help="open the page in the browser")

    compare = command("compare", "say how two episodes, two policies or two sites differ", _compare)
    compare.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="one run folder or two")
    compare.add_argument("--episodes", default="", help="one of each side, A,B; or one that both have")
    compare.add_argument("--sites", default="", help="one of each side, A,B; or one for both (default: all)")
    compare.add_argument("-o", "--output", type=Path, help=".html, .md or .json (default: text on stdout)")

    sheet = command("sheet", "lay many clips or pictures side by side at one site, in one joint basis", _sheet)
    sheet.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="recordings, pictures, folders of them; or one run folder"
    )
    sheet.add_argument("-o", "--output", type=Path, required=True, help="the .png")
    sheet.add_argument("--site", help="site to draw (default: the deepest)")
    sheet.add_argument("--episodes", default="", help="which episodes, e.g. 0,3-5,ep_010 (default: all)")
    sheet.add_argument("--columns", type=int, default=4, help="frames of every clip, spread over it (default: 4)")
    sheet.add_argument("--out", type=Path, help="keep the run in this folder (default: keep the features alone)")
    _add_paint_options(sheet, "what is laid over the pictures (default: colors)")
    cache(sheet)
    _add_settings(sheet, SHEET_SETTINGS)

    doctor = command("doctor", "report codecs, devices, disk, versions and what is missing", _doctor)
    cache(doctor)
    return parser


def _add_render_options(render: argparse.ArgumentParser) -> None:
    styles = ("overlay", "segments", "side-by-side", "grid")
    render.add_argument(
        "--site", "--sites", default="", help="site to draw; for grid several, separated by commas (default: all)"
    )
    render.add_argument("--style", choices=styles, default="overlay", help="default: overlay")
    render.add_argument(
        "-o", "--output", type=Path, help=".mp4 for a video, .png for a still (default: a video in the run folder)"
    )
    render.add_argument("--camera", default="", help="cameras, separated by commas (default: all of the run)")
    render.add_argument(
        "--frames", default="", help="frames of a .png, e.g. 0,45,90 (default: spread over the episode)"
    )
    render.add_argument(
        "--columns", type=int, default=6, help="frames of a grid .png where --frames names none (default: 6)"
    )
    _add_paint_options(render, "what side-by-side and grid show (default: colors)")


def _add_paint_options(sub: argparse.ArgumentParser, paint: str) -> None:
    """How colours or segments lie over pictures."""
    sub.add_argument("--paint", choices=("colors", "segments"), default="colors", help=paint)
    sub.add_argument(
        "--segments",
        type=int,
        default=12,
        metavar="K",
        help="how many segments the patches are divided into (default: 12)",
    )
    sub.add_argument("--opacity", type=float, default=0.6, help="of the colours over the video, 0 … 1 (default: 0.6)")
    sub.add_argument(
        "--smooth", action="store_true", help="follow the picture's edges instead of the patches', for the eye only"
    )
    sub.add_argument("--panel-height", type=int, help="height of a camera's picture in pixels (default: comfortable)")
    sub.add_argument(
        "--from-preview", action="store_true", help="take pixels from the run's preview, not the recording"
    )


def _add_settings(sub: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """A flag a parameter, made from its definition."""
    for name in names:
        parameter = PARAMETERS[name]
        if parameter.type is bool:
            sub.add_argument(parameter.flag, dest=name, action="store_true", default=None, help=parameter.help)
            continue
        if parameter.repeated:
            sub.add_argument(parameter.flag, dest=name, action="append", metavar="NAME=VALUE", help=parameter.help)
            continue
        kind = str if parameter.type is tuple else parameter.type
        sub.add_argument(
            parameter.flag, dest=name, type=kind, default=None, help=parameter.help, choices=parameter.choices or None
        )


def _settings(options: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {}
    for name, parameter in PARAMETERS.items():
        value = getattr(options, name, None)
        if value is not None:
            given[name] = tuple(value) if parameter.repeated else _names(value) if parameter.type is tuple else value
    return Settings(**given)


def _cache(options: argparse.Namespace) -> Path:
    from analyzer.features import default_cache

    return options.cache or default_cache()


def _progress(options: argparse.Namespace) -> Progress:
    if options.quiet:
        return Silent()
    if options.progress_lines:
        from analyzer.progress_lines import ProgressLines

        return ProgressLines()
    from analyzer.progress_bar import ProgressBar

    return ProgressBar()


def _free_name(path: Path) -> Path:
    """`path`, or the first of path-2, path-3, … that does not exist: nothing is replaced."""
    number = 1
    candidate = path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def _only(episodes: Sequence[str], run: Path) -> str:
    if len(episodes) == 1:
        return episodes[0]
    if not episodes:
        raise BadInput(f"{run}: the run has no finished episode yet. Go on with it: run … --resume.")
    raise BadInput(f"{run}: holds {len(episodes)} episodes. Choose one with --episode.{did_you_mean('', episodes)}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def _numbers(text: str, flag: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise BadInput(f"{flag} takes whole numbers separated by commas; got {quoted(text)}.") from error
