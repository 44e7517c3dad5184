"""Results of a long benchmark, kept as they come, so that it can be stopped and gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class Kept:
    """One JSON a line, each under a name of its own, in a file that belongs to one state of the code."""

    def __init__(self, folder: Path, what: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{what}-{state_of_code()}.jsonl"
        self._known: dict[str, Any] = {}
        text = self.path.read_text() if self.path.exists() else ""
        if text and not text.endswith("\n"):
            self.path.write_text(text + "\n")
        for line in text.splitlines():
            try:
                name, result = json.loads(line)
            except ValueError:
                continue  # it was stopped while it wrote this line
            self._known[name] = result

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __getitem__(self, name: str) -> Any:
        return self._known[name]

    def add(self, name: str, result: Any) -> None:
        self._known[name] = result
        with self.path.open("a") as file:
            file.write(json.dumps([name, result]) + "\n")


def state_of_code() -> str:
    """Hex digest of everything that shapes a result: an edit begins a new file."""
    digest = hashlib.sha256()
    for folder in ("analyzer", "policies", "videos", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
