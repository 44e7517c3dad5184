"""Two episodes, two policies or two sites side by side, on one clock; first, what to set beside what."""

from __future__ import annotations

import streamlit as st

from analyzer.player import assets
from analyzer.run_folder import EpisodeRecord
from app_pages.artifact_route import module_address
from app_pages.compare_route import pair_address
from app_pages.first_run import offer_demo
from app_pages.loader import LOADER
from app_pages.opened import opened
from app_pages.sides import NAMED, Named, choose, first_named, named, swap
from app_pages.wording import plain
from foundation.errors import RunUnreadable
from foundation.names import printable

_OFFERED = 24
_LOOKED_AT = 400
"""Episodes that are looked into for one to compare with."""


def picker(letter: str, side: Named | None) -> None:
    """Run and episode of one side."""
    runs = list(opened().paths())
    left, right = st.columns([2, 3])
    at = None if side is None else runs.index(side.run_name) if side.run_name in runs else None
    key = f"_run_{letter} {side and side.run_name}"
    left.selectbox(
        f"Run {letter.upper()}", runs, index=at, key=key, label_visibility="collapsed", placeholder=f"{letter.upper()}: run",
        on_change=lambda: choose(letter, st.session_state[key], None),
    )  # fmt: skip
    if side is not None:
        done = side.run.manifest.done
        other = f"_episode_{letter} {side.run_name} {side.episode}"
        right.selectbox(
            f"Episode {letter.upper()}", done, index=done.index(side.episode), key=other, label_visibility="collapsed",
            format_func=printable, on_change=lambda: choose(letter, side.run_name, st.session_state[other]),
        )  # fmt: skip


def pickers(a: Named | None, b: Named | None) -> None:
    left, middle, right = st.columns([6, 1, 6], vertical_alignment="center")
    with left:
        picker("a", a)
    middle.button(
        "⇄", on_click=swap, help="Swap A and B", key="_swap", width="stretch", disabled=a is None or b is None
    )
    with right:
        picker("b", b)


def suggest(a: Named) -> None:
    """What could be compared with A, the most telling first."""
    record = a.run.episode(a.episode)
    st.subheader(f"Compare {plain(a.episode)} with …", anchor=False)
    columns = st.columns(3, gap="large")
    with columns[0]:
        st.markdown("**Itself, at another site**")
        if len(a.run.site_names) > 1:
            st.caption("Where in the network does it begin to go wrong?")
            offer("Two sites of this episode", a.run_name, a.episode)
        else:
            st.caption(plain(f"The run has one site alone ({a.run.site_names[0]}). Analyse it again with --sites."))
    same, alike = others(a, record)
    with columns[1]:
        st.markdown("**The same recording in another run**")
        st.caption("Another policy, checkpoint or input size on the same pictures.")
        for name, episode, told in same:
            offer(told, name, episode)
        if not same:
            st.caption("No other run that is open here has seen this recording.")
    with columns[2]:
        st.markdown("**Another episode**")
        st.caption("Best of the same run: then a colour means the same on both sides.")
        for name, episode, told in alike:
            offer(told, name, episode)
        if not alike:
            st.caption("There is no other episode in the runs that are open here.")


def offer(label: str, run: str, episode: str) -> None:
    st.button(
        plain(label), key=f"_offer {run}/{episode}/{label}", on_click=choose, args=("b", run, episode), width="stretch"
    )


def others(a: Named, record: EpisodeRecord) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """(run, episode, words) of the same recording elsewhere, and of other episodes: the same task and another outcome first."""
    same, alike = [], []
    looked = 0
    for name in sorted(opened().paths(), key=lambda name: name != a.run_name):
        try:
            run = opened().open(name)
        except RunUnreadable:
            continue
        for episode in run.manifest.done:
            if (name, episode) == (a.run_name, a.episode) or looked >= _LOOKED_AT:
                continue
            looked += 1
            try:
                other = run.episode(episode)
            except RunUnreadable:
                continue
            outcome = {True: "success", False: "failure", None: "outcome not recorded"}[other.success]
            if set(other.fingerprints) & set(record.fingerprints):
                same.append((name, episode, f"{name}: {run.manifest.policy.get('name')}, {len(run.site_names)} sites"))
            else:
                worth = (name != a.run_name, other.instruction != record.instruction, other.success == record.success)
                alike.append(
                    (worth, (name, episode, f"{episode} · {outcome}" + ("" if name == a.run_name else f" · {name}")))
                )
    alike.sort(key=lambda one: one[0])
    return same[:_OFFERED], [one for _, one in alike[:_OFFERED]]


def show(a: Named, b: Named) -> None:
    component = st.components.v2.component(
        "trajectory_lens_compare",
        html='<div class="lens-root"></div>',
        css=assets.styles() + assets.asset("compare.css").decode(),
        js=LOADER,
    )
    data = {
        "module": module_address("compare_page.js"),
        "pair": pair_address(a.run_name, a.episode, b.run_name, b.episode),
        **dict(zip(NAMED, (a.run_name, a.episode, b.run_name, b.episode), strict=True)),
    }
    component(key="compare", data=data)


def page() -> None:
    sides: dict[str, Named | None] = {"a": None, "b": None}
    problems = []
    for letter in sides:
        try:
            sides[letter] = named(letter)
        except RunUnreadable as error:
            problems.append(f"{letter.upper()}: {error}")
    a, b = sides["a"], sides["b"]
    if a is None and not problems:
        # Nothing is asked for: what the review page shows then.
        a = first_named()
    pickers(a, b)
    for problem in problems:
        st.error(plain(problem))
    if a is None:
        return
    try:
        if b is None:
            suggest(a)
        elif (a.run_name, a.episode) == (b.run_name, b.episode) and len(a.run.site_names) < 2:
            st.info(
                plain(f"Both sides are the same, and the run has one site alone ({a.run.site_names[0]}).")
                + " Choose another episode or run, or analyse it again with several sites: `--sites vision.3,vision.11`"
            )
        else:
            show(a, b)
    except RunUnreadable as error:
        st.error(plain(error))


if opened().paths():
    page()
else:
    offer_demo()
