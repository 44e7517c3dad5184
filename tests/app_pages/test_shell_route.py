"""The HTML of a page names what the page will ask for, and nothing of an address becomes markup."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app_pages import shell_route
from app_pages.artifact_route import manifest_address, module_address
from app_pages.compare_route import pair_address
from app_pages.library_route import LIST_ADDRESS
from app_pages.shell_route import PAGES, shell_routes


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=shell_routes()))


@pytest.mark.parametrize("path", list(PAGES))
def test_it_is_streamlits_page_with_a_head_of_our_own(client: TestClient, path: str) -> None:
    text = client.get(path).text
    added = re.search(r"<style>\.stMain.*(?=</head>)", text)
    assert added
    assert text.replace(added[0], "") == shell_route._index()
    assert (f'href="{module_address(PAGES[path] or "")}"' in added[0]) == (PAGES[path] is not None)


def test_what_a_link_shows_is_fetched_from_the_start(client: TestClient) -> None:
    assert f'href="{manifest_address("r", "e")}"' in client.get("/?run=r&episode=e&frame=3").text
    assert "manifest" not in client.get("/?run=r").text
    assert LIST_ADDRESS in client.get("/library").text
    assert pair_address("r", "e", "s", "f") in client.get("/compare?run=r&episode=e&run_b=s&episode_b=f").text
    assert "pair.json" not in client.get("/compare?run=r&episode=e").text


def test_the_files_named_are_there() -> None:
    chunks = shell_route._chunks()
    assert any(name.startswith("BidiComponent.") for name in chunks)
    assert all((shell_route._STATIC / "static" / "js" / name).is_file() for name in chunks)


def test_a_hostile_address_stays_text(client: TestClient) -> None:
    text = client.get("/", params={"run": '"><script>alert(1)</script>', "episode": "<b>"}).text
    assert "<script>alert" not in text
    assert "<b>" not in text
