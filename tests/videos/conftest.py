"""Datasets and clips, written once a session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import BUILDERS, Built, barcode, write_clip

SHARED = Path(__file__).resolve().parents[3] / "shared" / "libero"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """One small dataset of every format. Tests that damage one must copy it first."""
    return {name: build(tmp_path_factory.mktemp(name) / "data") for name, build in BUILDERS.items()}


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Forty barcodes: longer than the groups of pictures the clips are written in."""
    return [barcode(number) for number in range(40)]


@pytest.fixture(scope="session")
def b_frames(tmp_path_factory: pytest.TempPathFactory, pictures: list[np.ndarray]) -> Path:
    """An H.264 clip in which frames are stored in another order than shown."""
    path = tmp_path_factory.mktemp("clips") / "b_frames.mp4"
    return write_clip(path, pictures, options={"bf": "3", "g": "12", "sc_threshold": "0"})


@pytest.fixture(scope="session")
def shared_libero() -> Path:
    """The larger simulated recordings beside the project, which are not part of it."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here: the larger recordings come with the workplace, not with the project.")
    return SHARED
