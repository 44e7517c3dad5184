"""What belongs to all tests: which of them run side by side, and which run only when asked for."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling


class OneBrowser(LoadFileScheduling):  # type: ignore[misc]
    """With `pytest -n`: a file's tests stay together, since they share what they set up. All that drive a browser do, too:
    two browsers at once would keep each other waiting."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if _drives_a_browser(nodeid) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBrowser:
    config.option.loadscopereorder = False
    return OneBrowser(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What takes longest and has to be done one after another is begun first.
    items.sort(key=lambda item: not _drives_a_browser(item.nodeid))
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


def _drives_a_browser(nodeid: str) -> bool:
    return nodeid.startswith("tests/browser/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")
