"""Look inside a model while it runs, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch


class _Enough(Exception):
    """Ends a forward pass once everything asked for has been seen. Its argument tells nested captures apart."""


@contextmanager
def capture(model: torch.nn.Module, names: Sequence[str], *, stop: bool = False) -> Iterator[dict[str, torch.Tensor]]:
    """Keep the outputs of the named submodules while the block runs; leave the model as it was, also after an error.

    A module that returns a tuple gives its first element. A module that runs several times gives its last output.

    Args:
        names: as in `model.named_modules()`; an unknown one raises AttributeError before any hook is set.
        stop: end the block's forward pass as soon as every name was seen; what stands after it in the block does
            not run.

    Yields:
        name -> output, filled as the modules run.
    """
    modules = [model.get_submodule(name) for name in names]
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        seen[name] = output[0] if isinstance(output, tuple) else output
        if stop and len(seen) == len(set(names)):
            raise _Enough(seen)

    hooks = [
        module.register_forward_hook(lambda _module, _args, output, name=name: keep(name, output))
        for name, module in zip(names, modules, strict=True)
    ]
    try:
        yield seen
    except _Enough as enough:
        if enough.args[0] is not seen:
            raise
    finally:
        for hook in hooks:
            hook.remove()
