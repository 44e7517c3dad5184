"""Pixels and geometry of a transform agree."""

import numpy as np
import pytest
import torch
from PIL import Image

from foundation.errors import BadInput
from policies.densify import Shift
from policies.libero_recipe import libero_steps
from policies.padding import FitCentred
from policies.transform import (
    IMAGENET,
    CentreCrop,
    Normalisation,
    PixelStep,
    Resize,
    StepTransform,
    patch_corners,
    patches_inside,
)

GREY = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
STEPS: dict[str, tuple[PixelStep, ...]] = {
    "resize": (Resize(70, 70),),
    "to a wide input": (Resize(42, 98),),
    "crop, then resize": (CentreCrop(0.5), Resize(70, 70)),
    "seen from elsewhere": (Resize(70, 70), Shift(-3.5, 5.25)),
    "LIBERO's evaluation": libero_steps(70, 70),
    "fit into a square": (FitCentred(70, 70),),
    "resize, crop, resize back": (Resize(100, 100), CentreCrop(0.81), Resize(70, 70, Image.Resampling.BILINEAR)),
}
RECORDINGS = [(180, 240), (75, 31), (480, 640)]


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize(("height", "width"), RECORDINGS)
def test_a_painted_patch_lights_that_patch_alone(steps: tuple[PixelStep, ...], height: int, width: int) -> None:
    """Paint, in the recording, where the geometry says that a patch lies: the model must see it there."""
    transform = StepTransform(steps, (GREY,))
    rows, cols = transform.size[0] // 14, transform.size[1] // 14
    corners = patch_corners(transform, (rows, cols), height, width)
    points = corners[:-1, :-1], corners[1:, 1:]
    whole = np.argwhere((points[0] > -0.5).all(-1) & (points[1] < (width + 0.5, height + 0.5)).all(-1))
    for row, col in whole[[0, len(whole) // 2, -1]]:
        (left, top), (right, bottom) = corners[row, col], corners[row + 1, col + 1]
        frame = np.zeros((height, width, 3), np.uint8)
        frame[round(top) : round(bottom), round(left) : round(right)] = 255
        light = transform.pixels(frame)[0].unfold(0, 14, 14).unfold(1, 14, 14).mean((2, 3))
        assert light[row, col] > 0.6
        others = light.clone()
        others[row, col] = 0
        assert others.max() < 0.4 * light[row, col]


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_the_centre_of_light_is_where_the_matrix_says(steps: tuple[PixelStep, ...]) -> None:
    """To a tenth of a model pixel: half-pixel slips, the usual mistake, show as 0.5."""
    transform = StepTransform(steps, (GREY,))
    frame = np.zeros((200, 260, 3), np.uint8)
    frame[90:120, 100:140] = 255
    light = transform.pixels(frame)[0].numpy()
    y, x = (np.arange(side) + 0.5 for side in transform.size)
    seen = np.array([(light.sum(0) * x).sum(), (light.sum(1) * y).sum()]) / light.sum()
    matrix = transform.to_recording(200, 260)
    scale = matrix[[0, 1], [0, 1]]
    assert np.abs((matrix @ [*seen, 1])[:2] - (120, 105)).max() < 0.1 * scale.max()


def test_a_resized_picture_is_covered_to_its_edges() -> None:
    corners = patch_corners(StepTransform((Resize(28, 28),), (GREY,)), (2, 2), 180, 240)
    assert corners[0, 0].tolist() == [0, 0]
    assert corners[1, 1].tolist() == [120, 90]
    assert corners[2, 2].tolist() == [240, 180]


def test_patches_outside_the_recording_are_known() -> None:
    class Padding:
        size = (28, 28)
        fingerprint = ""

        def to_recording(self, height: int, width: int) -> np.ndarray:
            return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -14.0], [0.0, 0.0, 1.0]])

        def pixels(self, frame: np.ndarray) -> torch.Tensor:
            raise NotImplementedError

    assert patches_inside(Padding(), (2, 2), 14, 28).tolist() == [[False, False], [True, True]]


def test_pixels_are_normalised_channel_by_channel() -> None:
    transform = StepTransform((Resize(14, 14),), (Normalisation(*IMAGENET), GREY))
    frame = np.full((20, 20, 3), (51, 102, 204), np.uint8)
    pixels = transform.pixels(frame)
    assert pixels.shape == (6, 14, 14)
    expected = [(51 / 255 - 0.485) / 0.229, (102 / 255 - 0.456) / 0.224, (204 / 255 - 0.406) / 0.225, 0.2, 0.4, 0.8]
    assert torch.allclose(pixels[:, 5, 5], torch.tensor(expected))


def test_every_constant_is_in_the_fingerprint() -> None:
    base = StepTransform((Resize(14, 14),), (GREY,))
    others = [
        StepTransform((Resize(28, 14),), (GREY,)),
        StepTransform((Resize(14, 14, Image.Resampling.BILINEAR),), (GREY,)),
        StepTransform((CentreCrop(0.9), Resize(14, 14)), (GREY,)),
        StepTransform((Resize(14, 14),), (Normalisation((0.1, 0, 0), (1, 1, 1)),)),
    ]
    assert len({transform.fingerprint for transform in [base, *others]}) == 5
    assert base.fingerprint == StepTransform((Resize(14, 14),), (GREY,)).fingerprint


@pytest.mark.parametrize(("height", "width"), [(1, 1), (6000, 8000)])
def test_any_size_of_picture_goes_in(height: int, width: int) -> None:
    transform = StepTransform((Resize(28, 28),), (GREY,))
    assert transform.pixels(np.full((height, width, 3), 255, np.uint8)).eq(1).all()


@pytest.mark.parametrize("frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_not_a_picture_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(BadInput, match="uint8"):
        StepTransform((Resize(28, 28),), (GREY,)).pixels(frame)
