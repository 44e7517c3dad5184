"""Attribution on a toy whose derivatives are known, and on the recorded OpenVLA in double precision."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from foundation.action_space import LIBERO
from foundation.errors import BadInput
from policies.action_bins import ActionBins, ActionStatistics, to_recording, unrounded
from policies.attribution import Attribution, opened_gates
from policies.catalog import load_policy
from policies.openvla import OpenVla

GOLDEN = Path(__file__).parents[1] / "data" / "openvla_golden"
SHAPE = (2, 1, 3, 4)


@pytest.fixture(scope="module")
def golden() -> OpenVla:
    policy = load_policy(str(GOLDEN), dtype=torch.float64)
    assert isinstance(policy, OpenVla)
    return policy


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    return np.asarray(Image.open(GOLDEN / "frame.png").convert("RGB"))[None]


@pytest.fixture(scope="module")
def ids() -> np.ndarray:
    return load_file(GOLDEN / "recorded.safetensors")["ids"].numpy()


def test_a_linear_action_gets_its_own_terms_and_an_action_that_sees_nothing_gets_zero() -> None:
    tokens = torch.arange(2 * 12, dtype=torch.float64).view(2, 12)
    gates = opened_gates(None, SHAPE, torch.device("cpu"))
    weights = torch.linspace(-1, 1, 12, dtype=torch.float64)
    linear = (tokens * gates.flatten(1) * weights).sum(1)
    blind = torch.tensor([3.0, 4.0], dtype=torch.float64)
    told = Attribution.of("projector", torch.stack([linear, blind], dim=1), gates)
    np.testing.assert_allclose(told.values[..., 0].reshape(2, 12), tokens * weights, rtol=1e-6)
    assert not told.values[..., 1].any()
    np.testing.assert_allclose(told.actions[:, 0], (tokens * weights).sum(1), rtol=1e-6)
    assert told.actions[:, 1].tolist() == [3.0, 4.0]


@pytest.mark.parametrize("wrong", [np.ones((2, 1, 4, 3)), np.full(SHAPE, np.nan)])
def test_gates_that_do_not_fit_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(BadInput, match="Gates are finite"):
        opened_gates(wrong, SHAPE, torch.device("cpu"))


def test_the_golden_gradient_equals_finite_differences(golden: OpenVla, frame: np.ndarray, ids: np.ndarray) -> None:
    """Llama's norms round to float32 whatever the type, which is what is left of a difference (7e-5 was seen)."""
    plain = golden.attribute([frame], ids)
    assert plain.values.shape == (1, 1, 16, 16, 7)
    assert np.isfinite(plain.values).all()
    direction = np.random.default_rng(0).normal(size=(1, 1, 16, 16))
    direction /= np.linalg.norm(direction)

    def acted(step: float) -> np.ndarray:
        return golden.attribute([frame], ids, gates=1 + step * direction).actions[0]

    measured = (8 * (acted(0.2) - acted(-0.2)) - (acted(0.4) - acted(-0.4))) / (12 * 0.2)
    expected = direction.reshape(-1) @ plain.values.reshape(-1, 7)
    np.testing.assert_allclose(measured, expected, rtol=0, atol=5e-4 * np.abs(expected).max())


def test_the_golden_action_is_the_mean_over_its_bins(golden: OpenVla, frame: np.ndarray, ids: np.ndarray) -> None:
    output, told = golden.run([frame], ids, actions=True), golden.attribute([frame], ids)
    assert output.bin_probs is not None
    statistics = golden._statistics
    assert statistics is not None
    means = output.bin_probs[0] @ ActionBins(256).values(255 - np.arange(256))
    np.testing.assert_allclose(told.actions[0], statistics.unnormalise(means), atol=1e-6)


def test_gates_of_zero_blind_the_golden_openvla(golden: OpenVla, frame: np.ndarray, ids: np.ndarray) -> None:
    blind = np.zeros((2, 1, 16, 16))
    # The tokens spoken before are still those of each picture, so only the first dimension sees nothing else.
    acted = golden.attribute([frame, 255 - frame], ids, gates=blind).actions[:, 0]
    seeing = golden.attribute([frame, 255 - frame], ids).actions[:, 0]
    assert acted[0] == pytest.approx(acted[1], abs=1e-6)
    assert abs(seeing[0] - seeing[1]) > 1e-4


@pytest.mark.parametrize("key", ["toy", "libero_spatial"])
def test_the_way_to_units_is_the_same_before_the_gripper_is_rounded(key: str) -> None:
    low, high = np.linspace(-2, -1, 7), np.linspace(1, 3, 7)
    statistics = ActionStatistics(key, low, high, np.array([True] * 6 + [False]), 1e-8)
    values = np.random.default_rng(0).uniform(-1, 1, (5, len(LIBERO)))
    factor, offset = unrounded(statistics)
    soft, hard = values * factor + offset, to_recording(statistics.unnormalise(values), statistics)
    np.testing.assert_allclose(soft[:, :6], hard[:, :6])
    np.testing.assert_allclose(np.sign(soft[:, 6]) if key != "toy" else soft[:, 6], hard[:, 6])
