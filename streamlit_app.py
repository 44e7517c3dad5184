"""The page's server: `streamlit run streamlit_app.py [-- RUN …]`, or `python -m analyzer view RUN …`.

Names the runs, adds the route for arrays and videos, and leaves the rest to app_pages.
"""

import importlib
import sys
from pathlib import Path

import streamlit as st

from app_pages.artifact_route import routes
from app_pages.compare_route import compare_routes
from app_pages.export_route import export_routes
from app_pages.library_route import library_routes
from app_pages.lifespan import ready_to_answer
from app_pages.opened import name_folders
from app_pages.pointing import pointing_routes
from app_pages.shell_route import shell_routes

# Streamlit's components do so when the first page is opened, which would wait for it.
importlib.import_module("pandas")

if sys.argv[1:]:
    name_folders([Path(argument) for argument in sys.argv[1:]])

app = st.App(
    Path(__file__).parent / "app_pages" / "main.py",
    routes=[*shell_routes(), *pointing_routes(), *routes(), *library_routes(), *compare_routes(), *export_routes()],
    lifespan=ready_to_answer,
)
