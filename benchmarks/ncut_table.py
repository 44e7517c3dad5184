"""Figures beside their targets."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    """One line a figure; a line with a target ends in ok or MISSED."""

    missed: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        print(f"\n## {text}\n", flush=True)

    def note(self, text: str) -> None:
        print(text, flush=True)

    def figure(
        self, what: str, value: float, target: float | None = None, *, at_least: bool = False, of: str = ""
    ) -> None:
        """`of` says where the figure comes from, e.g. "0.9 s against 9.1 s"."""
        line = f"{what:<58} {_number(value):>9}  "
        if target is not None:
            met = value >= target if at_least else value <= target
            line += f"{'≥' if at_least else '≤'} {_number(target):<8} {'ok' if met else 'MISSED':<7}"
            if not met:
                self.missed.append(f"{what}: {_number(value)}, target {'≥' if at_least else '≤'} {_number(target)}")
        else:
            line += " " * 18
        print(f"{line} {of}".rstrip(), flush=True)

    def end(self) -> int:
        """How many targets were missed, after naming them."""
        self.title("Missed" if self.missed else "All targets met")
        for line in self.missed:
            print(line)
        return len(self.missed)


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
