"""Progress for a program that reads along: one JSON object a line on stderr."""

from __future__ import annotations

import json
import sys
import time

EVERY_S = 0.3


class ProgressLines:
    """{"stage", "unit", "total", "done", "left_s"}: at the beginning and the end of a stage, and now and then between."""

    def __init__(self) -> None:
        self._stage: tuple[str, int, str] | None = None
        self._done = 0
        self._began = self._told = 0.0

    def stage(self, name: str, total: int, unit: str) -> None:
        self.close()
        self._stage, self._done, self._began = (name, total, unit), 0, time.monotonic()
        self._tell()

    def advance(self, amount: int) -> None:
        if self._stage is None:
            return
        self._done += amount
        if self._done >= self._stage[1]:
            self.close()
        elif time.monotonic() - self._told >= EVERY_S:
            self._tell()

    def close(self) -> None:
        if self._stage is not None:
            self._tell()
            self._stage = None

    def _tell(self) -> None:
        if self._stage is None:
            return
        name, total, unit = self._stage
        self._told = time.monotonic()
        left = (self._told - self._began) * (total - self._done) / self._done if self._done else None
        line = {"stage": name, "unit": unit, "total": total, "done": self._done, "left_s": left}
        print(json.dumps(line), file=sys.stderr, flush=True)
