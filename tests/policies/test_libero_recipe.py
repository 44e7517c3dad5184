"""The LIBERO recipe against what TensorFlow made of a LIBERO frame (recorded by record_libero_recipe.py)."""

from pathlib import Path

import numpy as np
import pytest

from policies import jpeg
from policies.catalog import load_policy
from policies.libero_recipe import CropAndResize, JpegRoundTrip, LanczosResize, lanczos_weights
from policies.transform import PixelStep

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(DATA / "openvla_libero_recipe.npz") as file:
        return dict(file)


def differences(step: PixelStep, given: np.ndarray, expected: np.ndarray) -> np.ndarray:
    result = step.apply(given)
    assert result.dtype == np.uint8
    return np.abs(result.astype(int) - expected)


@pytest.mark.parametrize(
    ("step", "given", "expected"),
    [(LanczosResize(224, 224), "jpeg", "lanczos"), (CropAndResize(0.9), "lanczos", "crop")],
)
def test_resampling_is_tensorflows(recorded: dict[str, np.ndarray], step: PixelStep, given: str, expected: str) -> None:
    """Up to one level where its float32 and ours round a tie differently: a few of 150,000 values."""
    error = differences(step, recorded[given], recorded[expected])
    assert error.max() <= 1
    assert (error > 0).mean() < 5e-5


def test_compression_is_tensorflows_to_the_bit(recorded: dict[str, np.ndarray]) -> None:
    assert differences(JpegRoundTrip(), recorded["image"], recorded["jpeg"]).max() == 0


@pytest.mark.parametrize("name", ["18x31", "17x23", "1x1"])
def test_compression_is_tensorflows_at_odd_sizes_too(recorded: dict[str, np.ndarray], name: str) -> None:
    height, width = map(int, name.split("x"))
    given = np.ascontiguousarray(recorded["image"][:height, :width])
    assert differences(JpegRoundTrip(), given, recorded[f"jpeg_{name}"]).max() == 0


def test_lanczos_weights_are_a_partition_and_symmetric() -> None:
    for inputs, outputs in [(256, 224), (128, 224), (7, 7)]:
        weights = lanczos_weights(inputs, outputs)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-6)


def test_the_recipe_is_an_option_of_openvla() -> None:
    golden = str(DATA / "openvla_golden")
    frame = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    plain, libero = (load_policy(golden, recipe=recipe) for recipe in ("plain", "libero"))
    assert plain.transform.fingerprint != libero.transform.fingerprint
    a, b = (policy.run([frame], sites=["vision.dino.0"]).features["vision.dino.0"] for policy in (plain, libero))
    assert (a - b).abs().max() > 0.1
    with pytest.raises(Exception, match="Did you mean 'libero'"):
        load_policy(golden, recipe="libera")


@pytest.mark.parametrize("height", [1, 31, 33, 48, 64, 65, 95])
def test_a_picture_done_in_bands_is_the_picture_done_at_once(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pictures are: the numbers on the way take many times the memory of the picture."""
    picture = np.random.default_rng(height).integers(0, 256, (height, 37, 3), dtype=np.uint8)
    whole = jpeg.round_trip(picture, 60)
    monkeypatch.setattr(jpeg, "BAND", 32)
    assert np.array_equal(jpeg.round_trip(picture, 60), whole)
