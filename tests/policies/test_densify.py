"""A finer grid tells where something is more finely, and says so only where it is true."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import FAMILIES, IDS

from foundation.errors import BadInput
from policies.catalog import load_policy
from policies.densify import Densified, Shift
from policies.policy import FeatureSite, PolicyOutput
from policies.transform import Normalisation, Resize, StepTransform, patch_corners


class Centres:
    """Its features are the brightness in the middle of each patch: what a fine cell must then hold is known."""

    name, cameras, default_sites, action_space, action_flops, fingerprint = (
        "centres",
        ("image",),
        ("vision.0",),
        None,
        0.0,
        "",
    )
    sites = {"vision.0": FeatureSite("vision.0", 1, (4, 4), False, 1.0)}  # noqa: RUF012
    transform = StepTransform((Resize(56, 56),), (Normalisation((0, 0, 0), (1, 1, 1)),))

    def run(self, frames: list[np.ndarray], instruction: object = None, **given: object) -> PolicyOutput:
        pixels = torch.stack([self.transform.pixels(frame[0]) for frame in frames])
        middle = pixels[:, :1].unfold(2, 14, 14).unfold(3, 14, 14)[..., 6:8, 6:8].mean((-1, -2))
        return PolicyOutput({"vision.0": middle[:, 0, None, :, :, None]}, None, None)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_fine_cell_is_read_at_its_own_centre(factor: int) -> None:
    """On a slope of light, brightness is position: every cell must hold that of its own centre."""
    slope = np.tile(np.arange(224, dtype=np.uint8)[None, :, None], (112, 1, 3))[None]
    policy = Densified(Centres(), factor)
    features = policy.run([slope], sites=["vision.0"]).features["vision.0"]
    corners = patch_corners(policy.transform, policy.sites["vision.0"].grid, 112, 224)
    centres = (corners[:-1, :-1, 0] + corners[1:, 1:, 0]) / 2
    inside = slice(1, -1)  # at the edge the picture ends and is continued
    found = features[0, 0, :, :, 0].numpy() * 255 + 0.5
    np.testing.assert_allclose(found[:, inside], centres[:, inside], atol=0.75)


def test_a_shift_shows_what_lies_there_and_continues_the_edge() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    moved = Shift(5, -3).apply(image)
    assert np.array_equal(moved[3:, :-5], image[:-3, 5:])
    assert np.array_equal(moved[:3, :-5], np.repeat(image[:1, 5:], 3, axis=0))
    assert np.array_equal(Shift(0, 0).apply(image), image)


def test_weights_are_shared_by_the_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from policies import backbones

    calls = []
    original = backbones.load_model
    monkeypatch.setattr(backbones, "load_model", lambda *given: calls.append(1) or original(*given))
    FAMILIES["clip"].load(tmp_path)
    policy = load_policy(str(tmp_path), densify=2)
    policy.run([np.zeros((1, 9, 9, 3), np.uint8)], sites=["vision.0"])
    assert len(calls) == 1


def test_sites_behind_the_towers_are_refused(tmp_path: Path) -> None:
    plain = FAMILIES["openvla"].load(tmp_path)
    policy = Densified(plain, 2)
    assert "llm.1" not in policy.sites
    assert policy.sites["vision.fused"].grid == (32, 32)
    frame = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    with pytest.raises(BadInput, match="means nothing"):
        policy.run([frame], sites=["llm.1"])
    actions = policy.run([frame], IDS, actions=True).actions
    assert np.array_equal(actions, plain.run([frame], IDS, actions=True).actions)  # type: ignore[arg-type]


def test_other_factors_are_refused() -> None:
    with pytest.raises(BadInput, match="use 2 or 4"):
        load_policy("dinov2-small", densify=3)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "dinov2-small, twice as dense"])
def test_the_passes_of_every_family_look_at_other_places(family: str, tmp_path: Path) -> None:
    """A point of light in a fine cell shows most in that cell, or in one that shares its patch's pixels."""
    policy = Densified(FAMILIES[family].load(tmp_path), 2)
    site = next(iter(policy.sites.values()))
    plain = np.full((len(policy.cameras), 160, 160, 3), 128, np.uint8)
    corners = patch_corners(policy.transform, site.grid, 160, 160)
    row, col = site.grid[0] // 2, site.grid[1] // 2 - 1
    (left, top), (right, bottom) = corners[row, col], corners[row + 1, col + 1]
    lit = plain.copy()
    lit[:, round(top) : round(bottom), round(left) : round(right)] = (255, 0, 0)
    given = {"instruction": FAMILIES[family].instruction, "state": FAMILIES[family].states(2)}
    features = policy.run([plain, lit], sites=[site.name], **given).features[site.name]  # type: ignore[arg-type]
    change = (features[1] - features[0]).norm(dim=-1)[0]
    found = np.array(divmod(int(change.argmax()), site.grid[1]))
    assert np.abs(found - (row, col)).max() <= 1
    assert (change.unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).std(dim=(1, 3)) > 1e-4 * change.max()).any()
