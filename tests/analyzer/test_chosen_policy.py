"""Options of a policy's family, from the command line to its loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command import Command
from fake_policy import FakePolicy
from takes import write_take

from analyzer.chosen_policy import load
from analyzer.run_folder import RunFolder
from analyzer.settings import Settings
from foundation.errors import BadInput

GOLDEN = Path(__file__).parents[1] / "data" / "openvla_golden"


def test_options_reach_the_loader_typed_and_are_kept_in_the_run(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def loaded(name: str, **options: Any) -> FakePolicy:
        given.update(options)
        return FakePolicy()

    monkeypatch.setattr("policies.catalog.load_policy", loaded)
    llava = command.home / "llava"
    llava.mkdir()
    (llava / "config.json").write_text('{"model_type": "llava"}')
    take = write_take(command.home / "take.mp4", 3)
    opening = "A chat, with commas: x=1. USER: "
    said = command.run(take, "--policy", llava, "--policy-option", f"opening={opening}", "--erase-frames", "0")
    assert said.code == 0, said.err
    assert given["opening"] == opening
    assert RunFolder.open(command.home / "out").manifest.settings.policy_option == (f"opening={opening}",)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("views",), "takes NAME=VALUE, e.g. views=1; got 'views'"),
        (("=1",), "takes NAME=VALUE"),
        (("recipe=libero",), "has a flag of its own: --recipe"),
        (("views=1", "views=2"), "'views' is given twice"),
        (("views=1",), "has no option 'views'"),
    ],
)
def test_options_that_cannot_be_are_refused(options: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        load(Settings(policy=str(GOLDEN), policy_option=options))
    assert told in str(refused.value)
