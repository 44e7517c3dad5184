"""Which pages there are. Runs on every rerun of a session: nothing heavy."""

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="Trajectory Lens", page_icon=str(Path(__file__).parent / "icon.svg"), layout="wide")

# One line of room above the player, none beside it: the picture is what matters.
st.html(
    "<style>.stMainBlockContainer{padding:4.1rem 1.6rem 2rem;max-width:1720px}"
    "header[data-testid='stHeader']{height:3rem}button[kind='primary'] *,span[data-baseweb='tag'] *{color:#1b1405}</style>"
)

st.navigation(
    [
        st.Page("review.py", title="Review", icon=":material/play_circle:", default=True),
        st.Page("library.py", title="Library", icon=":material/view_list:"),
        st.Page("compare.py", title="Compare", icon=":material/compare:"),
        st.Page("analyze.py", title="Analyse", icon=":material/add_circle:"),
    ],
    position="top",
).run()
