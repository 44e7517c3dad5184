"""Operations up to each stage of a network, counted on tensors without contents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from policies.hooks import capture


def flops_by_module(
    model: torch.nn.Module, names: Sequence[str], run: Callable[[torch.nn.Module], Any]
) -> dict[str, float]:
    """Operations from the input up to the end of each named submodule; a multiply-add counts as 2.

    Args:
        model: on the meta device; nothing is computed.
        run: one forward pass; it is cut off behind the deepest of `names`.
    """
    counts: dict[str, float] = {}
    counter = FlopCounterMode(display=False)

    def note(name: str) -> None:
        counts[name] = float(counter.get_total_flops())

    hooks = [
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: note(name)) for name in names
    ]  # set before those of `capture`, whose last one ends the pass
    try:
        # The plain attention is written as matrix products, which the counter knows on every device.
        with sdpa_kernel(SDPBackend.MATH), counter, capture(model, names, stop=True):
            run(model)
    finally:
        for hook in hooks:
            hook.remove()
    return counts
