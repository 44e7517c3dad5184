"""The recordings that come with the project."""

from __future__ import annotations

from pathlib import Path

from foundation.errors import BadInput, did_you_mean

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
NAMES = ("libero_bowl_plate", "libero_success")
"""A failure (the bowl missed, the plate grasped) and a success, both simulated, neither driven by a policy."""


def sample(name: str = NAMES[0]) -> Path:
    """The folder of a bundled episode.

    Raises:
        BadInput: there is no such sample, or the project was installed without its samples.
    """
    if name not in NAMES:
        raise BadInput(f"There is no sample {name!r}.{did_you_mean(name, NAMES)}")
    folder = SAMPLES / name
    if not folder.is_dir():
        raise BadInput(f"{folder}: the sample is missing. Work in a checkout of the project, which holds it.")
    return folder
