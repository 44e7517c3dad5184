"""How far a long piece of work has got, told to whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """A listener. `stage` opens a stretch of work of `total` units; `advance` reports units done."""

    def stage(self, name: str, total: int, unit: str) -> None: ...

    def advance(self, amount: int) -> None: ...

    def close(self) -> None:
        """Nothing more comes, because all is done or because it failed."""
        ...


class Silent:
    """Nobody wants to know."""

    def stage(self, name: str, total: int, unit: str) -> None:
        pass

    def advance(self, amount: int) -> None:
        pass

    def close(self) -> None:
        pass


def counted(progress: Progress, name: str, unit: str) -> Callable[[int, int], None]:
    """A stage for work that says (done, total) as it goes; it opens with the first word."""
    shown = 0

    def advance(done: int, total: int) -> None:
        nonlocal shown
        if shown == 0:
            progress.stage(name, total, unit)
        progress.advance(done - shown)
        shown = done

    return advance
