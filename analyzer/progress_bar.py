"""Progress on a terminal: one bar a stage, with the time left."""

from __future__ import annotations

import sys

from tqdm import tqdm


class ProgressBar:
    """Draws on stderr. Where that is no terminal (a log file), a line now and then instead of a moving bar."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def stage(self, name: str, total: int, unit: str) -> None:
        self.close()
        self._bar = tqdm(
            total=total,
            desc=name,
            unit=f" {unit}",
            file=sys.stderr,
            mininterval=0.1 if sys.stderr.isatty() else 10.0,
            bar_format="{desc}: {percentage:3.0f}% {bar} {n_fmt}/{total_fmt}{unit}s, {remaining} left",
        )

    def advance(self, amount: int) -> None:
        if self._bar is None:
            return
        self._bar.update(amount)
        if self._bar.n >= (self._bar.total or 0):
            self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()
            self._bar = None
