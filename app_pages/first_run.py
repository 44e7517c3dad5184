"""Before there is any run: make the demo's, in the background, and say how far it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import streamlit as st

from app_pages.opened import ROOT, opened
from app_pages.wording import plain

_PICTURE = ROOT / "docs" / "pictures" / "bowl_plate.png"


@st.cache_resource
def _started() -> dict[str, subprocess.Popen[bytes]]:
    """The one process that makes the demo, shared by all sessions."""
    return {}


def offer_demo() -> None:
    """A button that analyses the bundled failure, then its progress; shows nothing else."""
    target = opened().named[0] / "demo"
    log = target.with_name(".demo.log")
    process = _started().get("demo")
    words, picture = st.columns([5, 6], gap="large")
    if _PICTURE.is_file():
        picture.image(str(_PICTURE))
    with words:
        st.title("Why did the robot go for the plate?")
        if process is not None and process.poll() is None:
            _progress(log)
            return
        st.write(
            "There is no run here yet. The bundled episode, in which a robot misses a bowl and then takes a plate, is "
            "analysed in two to three minutes on two cores: by a small OpenVLA, which also acts, and by a vision backbone."
        )
        if process is not None and process.poll() != 0:
            st.error(plain("The analysis stopped: " + _tail(log)[-400:]))
        if st.button("Analyse the bundled failure", type="primary"):
            _start(target, log)
            st.rerun()
        st.caption("Or show runs of your own: `python -m analyzer view runs/x`")
        st.caption(plain("Looked for runs in: " + ", ".join(str(folder) for folder in opened().named)))


def _start(target: Path, log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        command = [sys.executable, "-m", "analyzer", "demo", "--out", str(target)]
        _started()["demo"] = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)


@st.fragment(run_every=1.0)
def _progress(log: Path) -> None:
    process = _started().get("demo")
    if process is None or process.poll() is not None:
        st.rerun()
    st.write("Analysing the bundled failure")
    for line in _stages(_tail(log)) or ["starting"]:
        share = re.search(r"(\d+)%", line)
        name, left = line.partition(":")[0], re.search(r"[\d:?]+ left", line)
        words = f"{name}, {left[0]}" if left and share and share[1] != "100" else name
        st.progress(int(share[1]) / 100 if share else 0.0, text=plain(words))
    st.caption("It appears here as soon as it is done. What is finished is kept if the page is closed.")


def _stages(text: str) -> list[str]:
    """The last line of each stage of the work, in order."""
    return list({line.partition(":")[0]: line for line in text.splitlines() if "%" in line}.values())


def _tail(log: Path) -> str:
    """What the command has said so far, a line each time it drew its progress."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip())
