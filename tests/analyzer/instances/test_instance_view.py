"""Which sites instances are looked for at."""

from __future__ import annotations

import pytest

from analyzer.instances.view import middle_sites


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([f"vision.{block}" for block in range(12)], ["vision.5", "vision.7"]),
        (["vision.3", "vision.5", "vision.7", "vision.9", "vision.11"], ["vision.5", "vision.7"]),
        (["vision.3", "vision.7", "vision.11"], ["vision.3", "vision.7"]),
        (["vision.11"], ["vision.11"]),
        (["vision.dino.22", "vision.siglip.25", "projector", "llm.0"], ["vision.dino.22", "vision.siglip.25"]),
        (["vision.fused", "projector"], ["vision.fused"]),
        (["llm.0", "llm.16", "llm.norm"], ["llm.16"]),
    ],
)
def test_the_middle_of_each_tower(names: list[str], chosen: list[str]) -> None:
    assert middle_sites(names) == chosen
