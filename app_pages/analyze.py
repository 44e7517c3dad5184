"""Choose recordings, see what they hold and what an analysis takes, and let it run; the library fills meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import streamlit as st

from analyzer.background import Told
from analyzer.inspection import NOT_RECORDED, inspect
from analyzer.job import Job, Request, command_line, free_name, jobs
from analyzer.settings import MAX_MINUTES, PARAMETERS, Settings
from analyzer.shelf import Shelf
from analyzer.view import RECORDINGS_VARIABLE
from app_pages.opened import ROOT, opened
from app_pages.wording import plain
from foundation.errors import BadInput, LensError, quoted
from foundation.names import printable
from policies.catalog import known_policies, policies_that_act
from videos.samples import SAMPLES

ESTIMATE = "estimate"
FOR_SAMPLES = "openvla-tiny-libero"
"""Policy that is offered first for the bundled episodes, whose scenes it knows."""
EVERY_S = 1.0
_LEAVE = "_show_library"


def shelf() -> Shelf:
    """The folders that were named when the server was started; else the samples."""
    named = [Path(part) for part in os.environ.get(RECORDINGS_VARIABLE, "").split(os.pathsep) if part]
    return Shelf(named or [ROOT / "samples"])


def home() -> Path:
    """Where new runs go."""
    return opened().home_for_new(ROOT / "runs")


def choose() -> list[Path]:
    """What is to be analysed; empty: nothing yet."""
    here = shelf()
    places = here.places()
    if not places:
        st.info("The folders of recordings are gone. Start the page with: python -m analyzer view --recordings FOLDER")
        return []
    st.subheader("1. Recordings", anchor=False)
    labels = {place.path: place.label for place in places}
    folder = st.selectbox("Folder", list(labels), format_func=lambda path: printable(labels[path]), key="_folder")
    entries = here.entries(folder)
    if not entries:
        st.caption("This folder is empty.")
        return []
    picked = st.multiselect(
        "Files and folders", entries, format_func=lambda path: printable(path.name) + ("/" if path.is_dir() else ""),
        key=f"_entries {folder}", placeholder="All of the folder",
    )  # fmt: skip
    return [here.checked(path) for path in picked or [folder]]


@st.cache_data(max_entries=32, show_spinner="Looking at the recordings …")
def looked_at(paths: tuple[str, ...], stamps: tuple[int, ...]) -> dict[str, Any]:
    """What `inspect` says; `stamps`: changes with what lies there."""
    return inspect([Path(path) for path in paths], "", Settings())


def show_recordings(paths: list[Path]) -> list[str] | None:
    """A table of the episodes; None: there are none that can be analysed."""
    try:
        stamps = tuple(path.stat().st_mtime_ns for path in paths)
        found = looked_at(tuple(map(str, paths)), stamps)["episodes"]
    except LensError as error:
        st.error(plain(error))
        return None
    except OSError as error:
        st.error(plain(f"{error.filename}: {error.strerror}."))
        return None
    outcome = {True: "success", False: "failure", None: NOT_RECORDED}
    rows = [
        {
            "episode": printable(one["id"]),
            "instruction": printable(one.get("instruction") or NOT_RECORDED),
            "outcome": outcome.get(one.get("success"), NOT_RECORDED),
            "frames": one.get("frames"),
            "seconds": one.get("duration_s"),
            "cameras": printable(", ".join(one.get("cameras") or ())),
            "problem": printable(one.get("error", "")),
        }
        for one in found
    ]
    damaged = sum(bool(row["problem"]) for row in rows)
    if not damaged:
        rows = [{name: value for name, value in row.items() if name != "problem"} for row in rows]
    st.dataframe(rows, hide_index=True, height=min(38 + 35 * len(rows), 320))
    if damaged:
        st.warning(
            f"{damaged} of {len(rows)} cannot be read. Leave them out under “Episodes”, or the analysis refuses."
        )
    return [str(one["id"]) for one in found]


def settings(paths: list[Path], ids: list[str]) -> Request:
    """What is chosen below the table."""
    st.subheader("2. Policy and sites", anchor=False)
    described = dict(known_policies())
    left, middle, right = st.columns([3, 2, 2])
    bundled = all(path.is_relative_to(SAMPLES) for path in paths)
    policy = left.selectbox(
        "Policy", list(described), index=list(described).index(FOR_SAMPLES if bundled else Settings().policy),
        help=PARAMETERS["policy"].meaning, key=f"_policy {bundled}",
    )  # fmt: skip
    stride = middle.number_input("Every n-th frame", 1, 1000, 1, help=PARAMETERS["stride"].meaning, key="_stride")
    episodes = right.text_input(
        "Episodes", placeholder=f"all {len(ids)}", help="Which of them, e.g. 0,3-5,ep_010.", key="_episodes"
    )
    left.caption(plain(described[policy]))
    actions = policy in policies_that_act() and middle.checkbox(
        "Predict actions", bundled, help=PARAMETERS["actions"].meaning, key=f"_actions {bundled}"
    )
    known = st.session_state.get("_sites_of", {}).get(policy)
    if known:
        every, usual = known
        sites = st.multiselect("Sites", every, default=usual, key=f"_sites {policy}", help=PARAMETERS["sites"].meaning)
        sites = [] if sites == usual else sites
    else:
        sites = []
        st.caption("Sites: the policy's own choice. Estimate first to choose among all of them.")
    name = free_name(home(), ids[0] if len(ids) == 1 else paths[0].name)
    return Request(
        paths=tuple(map(str, paths)), out=str(home() / name), policy=policy, sites=tuple(sites),
        episodes=episodes.strip(), stride=int(stride), actions=actions,
    )  # fmt: skip


def offer(request: Request) -> None:
    """Estimate and start."""
    st.subheader("3. Analysis", anchor=False)
    left, right, _ = st.columns([1, 1, 4])
    if left.button("Estimate", key="_estimate", width="stretch"):
        begin(ESTIMATE, Request(**{**request.__dict__, "estimate": True}))
    if right.button("Analyse", type="primary", key="_analyse", width="stretch"):
        begin(Path(request.out).name, request)
    forecast(request)
    with st.expander("The same on the command line"):
        st.code(printable(command_line(request.arguments())), language=None, wrap_lines=True)


def begin(name: str, request: Request) -> None:
    """Start a job; each session has an estimate of its own."""
    if name == ESTIMATE:
        name = st.session_state.setdefault("_estimate_name", free_name(home(), ESTIMATE))
    try:
        # A job that is gone on with comes out of a file, which may come from anywhere.
        for path in request.paths:
            shelf().checked(Path(path))
        if Path(request.out).parent.resolve() != home().resolve():
            raise BadInput(f"{quoted(request.out)} is outside {quoted(home())}, where new runs go.")
        Job.start(home(), name, request)
        if not request.estimate:
            opened().add(Path(request.out))
    except LensError as error:
        st.error(plain(error))


@st.fragment(run_every=EVERY_S)
def forecast(request: Request) -> None:
    """What the last estimate said, while it is about what is chosen."""
    name = st.session_state.get("_estimate_name")
    found = next((job for job in jobs(home()) if job.name == name), None)
    if found is None:
        return
    told = found.told()
    if told.state == "running":
        st.caption("Estimating: the policy is loaded and this machine measured …")
        return
    if told.result is None:
        st.error(plain(told.words or "The estimate stopped without a word."))
        return
    result = told.result
    known = st.session_state.setdefault("_sites_of", {})
    if found.request.policy not in known and result.get("sites"):
        known[found.request.policy] = (list(result["sites"]), list(result["chosen"]))
        st.rerun()
    asked = Request(**{**request.__dict__, "estimate": True, "out": found.request.out})
    if asked != found.request:
        st.caption("The estimate was about another choice: estimate again.")
        return
    time, frames, disk, memory = st.columns(4)
    took = result["seconds"]
    time.metric(
        "The policy looks for",
        "0 s" if took is None else duration(took),
        help="On this machine as busy as it was at the estimate. Cutting, tracking and drawing come on top.",
    )
    frames.metric("Frames", f"{result['frames']:,}", help="That are not in the cache yet.")
    disk.metric(
        "Disk",
        size(result["disk_bytes"]),
        f"{size(result['free_disk_bytes'])} free",
        delta_color="off",
        delta_arrow="off",
    )
    free = result["free_memory_bytes"]
    room = None if free is None else f"{size(free)} free"
    memory.metric("Memory", size(result["memory_bytes"]), room, delta_color="off", delta_arrow="off")
    if took is not None and took > MAX_MINUTES * 60:
        st.warning(f"More than {MAX_MINUTES:g} minutes are refused. Take fewer frames, or run the command with --yes.")


@st.fragment(run_every=EVERY_S)
def show_jobs() -> None:
    """Everything that runs or ran, the newest state each second."""
    listed = [job for job in jobs(home()) if not job.request.estimate]
    if not listed:
        return
    st.subheader("Analyses", anchor=False)
    for job in listed:
        with st.container(border=True):
            show_job(job, job.told())


def show_job(job: Job, told: Told) -> None:
    """One analysis: how far it is, and what can be done about it."""
    words, act = st.columns([5, 1], vertical_alignment="center")
    sources = ", ".join(Path(path).name for path in job.request.paths[:3])
    words.markdown(f"**{plain(job.name)}** — {plain(sources)}, seen by {plain(job.request.policy)}")
    if told.state == "running":
        stage = told.stages[-1] if told.stages else None
        left = "" if stage is None or stage.left_s is None else f", about {duration(stage.left_s)} left"
        text = "starting" if stage is None else f"{stage.name}: {stage.done} of {stage.total} {stage.unit}s{left}"
        words.progress(0.0 if stage is None else stage.share, text=plain(text))
        if act.button("Stop", key=f"_stop {job.name}", width="stretch", help="What is finished is kept."):
            job.stop()
            st.rerun(scope="fragment")
    elif told.state == "done":
        count = len((told.result or {}).get("episodes") or ())
        words.caption(f"Finished: {count} {'episode' if count == 1 else 'episodes'}.")
        if act.button("Show", key=f"_show {job.name}", width="stretch"):
            if Path(job.request.out).parent.resolve() == home().resolve():
                opened().add(Path(job.request.out))
            st.session_state[_LEAVE] = True
            st.rerun()
    else:
        words.caption(plain(told.words or "It ended without a word: the machine may have run out of memory."))
        if act.button(
            "Go on", key=f"_go_on {job.name}", width="stretch", help="What is in the cache is not done again."
        ):
            begin(job.name, job.resumed())
            st.rerun(scope="fragment")


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


if st.session_state.pop(_LEAVE, False):
    st.switch_page("library.py")  # a fragment that runs by itself cannot be relied on to do it
try:
    show_jobs()
    chosen = choose()
    episodes = show_recordings(chosen) if chosen else None
    if episodes:
        offer(settings(chosen, episodes))
except LensError as problem:
    st.error(plain(problem))
