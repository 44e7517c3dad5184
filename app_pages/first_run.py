"""Before there is any run: make the demo's, in the background, and say how far it is."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import streamlit as st

from app_pages.opened import ROOT, opened

_DEMO = ROOT / "runs" / "demo"
_LAST_LINES = 3


@st.cache_resource
def _started() -> dict[str, subprocess.Popen[bytes]]:
    """The one process that makes the demo, shared by all sessions."""
    return {}


def offer_demo() -> None:
    """A button that analyses the bundled failure, then its progress; shows nothing else."""
    st.title("Trajectory Lens")
    log = ROOT / "runs" / ".demo.log"
    process = _started().get("demo")
    if process is not None and process.poll() is None:
        _progress(log)
        return
    folders = ", ".join(f"`{folder}`" for folder in opened().named)
    st.write(
        f"There is no run in {folders} yet. The bundled episode, in which the robot misses a bowl and then takes "
        "a plate, is analysed in about two minutes."
    )
    if process is not None and process.poll() != 0:
        st.error("The analysis of the bundled episode stopped: " + _tail(log)[-300:])
    if st.button("Analyse the bundled failure", type="primary"):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            command = [sys.executable, "-m", "analyzer", "demo", "--out", str(_DEMO)]
            _started()["demo"] = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        st.rerun()
    st.caption("Or point it at runs of your own: `python -m analyzer view runs/x`.")


@st.fragment(run_every=1.0)
def _progress(log: Path) -> None:
    process = _started().get("demo")
    if process is None or process.poll() is not None:
        time.sleep(0.2)
        st.rerun()
    with st.status("Analysing the bundled failure", state="running", expanded=True):
        st.text(_tail(log) or "starting")


def _tail(log: Path) -> str:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])
