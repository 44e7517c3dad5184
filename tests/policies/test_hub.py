"""Folders are used as they are; only what looks like a repository is asked of the hub."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from foundation.errors import PolicyUnavailable
from policies.hub import folder_of


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, Any]]:
    """What the hub was asked for; it answers with an empty folder."""
    calls: list[tuple[str, Any]] = []

    def snapshot_download(repository: str, **given: Any) -> str:
        calls.append((repository, given))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return calls


def test_a_folder_is_used_as_it_is(tmp_path: Path, asked: list[tuple[str, Any]]) -> None:
    assert folder_of(str(tmp_path)) == tmp_path
    assert not asked


def test_a_repository_is_fetched_without_code_or_pickles(tmp_path: Path, asked: list[tuple[str, Any]]) -> None:
    assert folder_of("openvla/openvla-7b") == tmp_path
    ((repository, given),) = asked
    assert repository == "openvla/openvla-7b"
    assert not {"*.py", "*.bin", "*"} & set(given["allow_patterns"])


@pytest.mark.parametrize("source", ["./nowhere", "/no/such/folder", "a/b/c", "../x", "owner/", "-x/y", "owner/na me"])
def test_what_is_neither_is_an_error_without_network(source: str, asked: list[tuple[str, Any]]) -> None:
    with pytest.raises(PolicyUnavailable, match="is no folder"):
        folder_of(source)
    assert not asked


def test_a_file_is_no_checkpoint(tmp_path: Path, asked: list[tuple[str, Any]]) -> None:
    (tmp_path / "weights.bin").touch()
    with pytest.raises(PolicyUnavailable, match="is no folder"):
        folder_of(str(tmp_path / "weights.bin"))


def test_a_hub_out_of_reach_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route\nsecond line")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(PolicyUnavailable, match=r"'no route'.*hf download owner/name"):
        folder_of("owner/name")
