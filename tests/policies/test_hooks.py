"""Watching a model leaves no trace, and stopping it stops it."""

import pytest
import torch
from torch import nn

from policies.hooks import capture


class Counting(nn.Module):
    """Adds one, and counts how often it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return x + 1


@pytest.fixture
def model() -> nn.Sequential:
    return nn.Sequential(Counting(), Counting(), Counting())


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def test_outputs_are_kept_under_their_names(model: nn.Sequential) -> None:
    with capture(model, ["0", "2"]) as seen:
        out = model(torch.zeros(2))
    assert set(seen) == {"0", "2"}
    assert torch.equal(seen["0"], torch.ones(2))
    assert torch.equal(seen["2"], out)


def test_the_first_element_of_a_tuple_is_kept() -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
            return x, None

    model = nn.Sequential(Pair())
    with capture(model, ["0"]) as seen:
        model(torch.ones(1))
    assert torch.equal(seen["0"], torch.ones(1))


def test_no_hook_stays(model: nn.Sequential) -> None:
    with capture(model, ["0", "1"]):
        assert hooks(model) == 2
    assert hooks(model) == 0


def test_no_hook_stays_after_an_error(model: nn.Sequential) -> None:
    with pytest.raises(RuntimeError, match="mid-run"), capture(model, ["0"]):
        raise RuntimeError("mid-run")
    assert hooks(model) == 0


def test_an_unknown_name_fails_before_any_hook_is_set(model: nn.Sequential) -> None:
    with pytest.raises(AttributeError), capture(model, ["0", "9"]):
        pytest.fail("the block ran")
    assert hooks(model) == 0


def test_stopping_skips_what_is_deeper(model: nn.Sequential) -> None:
    with capture(model, ["1"], stop=True) as seen:
        model(torch.zeros(1))
        pytest.fail("the pass went on")
    assert torch.equal(seen["1"], torch.full((1,), 2.0))
    assert [module.runs for module in model] == [1, 1, 0]
    assert hooks(model) == 0


def test_an_inner_capture_does_not_swallow_the_end_of_an_outer_one(model: nn.Sequential) -> None:
    with capture(model, ["0"], stop=True) as outer:
        with capture(model, ["2"], stop=True):
            model(torch.zeros(1))
        pytest.fail("the inner capture went on")
    assert torch.equal(outer["0"], torch.ones(1))
    assert [module.runs for module in model] == [1, 0, 0]
    assert hooks(model) == 0
