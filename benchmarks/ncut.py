"""NystromNcut against ncut-pytorch, in one run on the same data: `python -m benchmarks.ncut [--only speed,fidelity,…]`.

Prints every figure that is promised beside its target. Needs ncut-pytorch, which the product does not:

    python -m venv .venv-bench
    .venv-bench/bin/pip install -r requirements.txt ncut-pytorch==3.2.0
    .venv-bench/bin/python -m benchmarks.ncut

Real features come from ../shared/libero, or where that is not there from samples/; the first run spends a few minutes on
the forward passes, later ones find them in the feature cache. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import torch

from benchmarks import ncut_fidelity, ncut_scores, ncut_speed
from benchmarks.ncut_data import CHOOSE_ON, REPORT_ON, Split, takes
from benchmarks.ncut_methods import HOW_TO_GET_IT, peer_is_here
from benchmarks.ncut_table import Table

SECTIONS = ("speed", "gpu", "fidelity", "usefulness", "oracle", "borders", "live")
QUICK = Split(episodes=REPORT_ON.episodes[:2], seeds=REPORT_ON.seeds[:1])
"""Of the episodes reported on, for what takes long on each: the exact vectors of 12,800 rows."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default=",".join(SECTIONS), help=f"sections, separated by commas: {', '.join(SECTIONS)}"
    )
    parser.add_argument(
        "--split", choices=("report", "choose"), default="report", help="choose: what parameters are chosen on"
    )
    options = parser.parse_args()
    wanted = options.only.split(",")
    unknown = set(wanted) - set(SECTIONS)
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    torch.set_num_threads(ncut_speed.THREADS)
    split, quick = (CHOOSE_ON, CHOOSE_ON) if options.split == "choose" else (REPORT_ON, QUICK)
    table = Table()
    if not peer_is_here():
        table.note(HOW_TO_GET_IT)
    sections: dict[str, Callable[[], None]] = {
        "speed": lambda: ncut_speed.speed(table),
        "gpu": lambda: ncut_speed.gpu(table),
        "fidelity": lambda: ncut_fidelity.fidelity(table, takes(quick, table.note)),
        "usefulness": lambda: ncut_scores.usefulness(table, takes(split, table.note)),
        "oracle": lambda: ncut_scores.oracle(table, takes(quick, table.note)),
        "borders": lambda: ncut_fidelity.borders(table, takes(split, table.note)),
        "live": lambda: ncut_fidelity.live(table, split.seeds),
    }
    for name in SECTIONS:
        if name in wanted:
            sections[name]()
    return 1 if table.end() else 0


if __name__ == "__main__":
    sys.exit(main())
