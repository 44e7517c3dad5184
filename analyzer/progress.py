"""How far a long piece of work has got, told to whoever wants to show it."""

from __future__ import annotations

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
