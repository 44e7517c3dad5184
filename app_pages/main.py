"""Which pages there are. Runs on every rerun of a session: nothing heavy."""

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="Trajectory Lens", page_icon=str(Path(__file__).parent / "icon.svg"), layout="wide")

st.navigation(
    [
        st.Page("review.py", title="Review", icon=":material/play_circle:", default=True),
        st.Page("library.py", title="Library", icon=":material/view_list:"),
        st.Page("compare.py", title="Compare", icon=":material/compare:"),
        st.Page("analyze.py", title="Analyse", icon=":material/add_circle:"),
    ],
    position="top",
).run()
