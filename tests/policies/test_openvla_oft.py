"""OpenVLA-OFT against tensors recorded from the official implementation, where the recording is at hand."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from oft_checkpoint import write_oft
from safetensors.torch import load_file
from tiny import IDS, oft

from foundation.errors import BadInput, PolicyUnavailable
from policies import openvla_oft
from policies.catalog import load_policy
from policies.openvla_oft_network import merge_adapters

RECORDED = Path(__file__).parents[3] / "shared" / "openvla_oft_golden"
PROMPT = np.array(
    [1, 512, 29901, 1724, 3158, 881, 278, 19964, 2125, 304, 5839, 701, 278, 4628, 12580, 29973, 13, 3744, 29901, 29871]
)
FRAME = np.zeros((2, 20, 20, 3), np.uint8)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="61 MB of recorded tensors are not beside this checkout")
@pytest.mark.parametrize("variant", ["", "_film"])
def test_every_stage_is_as_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str) -> None:
    weights, recorded = (load_file(RECORDED / f"{name}{variant}.safetensors") for name in ("weights", "recorded"))
    config = json.loads((RECORDED / "config.json").read_text())
    policy = load_policy(str(write_oft(tmp_path / "checkpoint", weights, config)), dtype="float32")
    # Pixels were recorded behind the preparation of images.
    monkeypatch.setattr(openvla_oft, "stack_pixels", lambda *_: recorded["px"].unflatten(1, (2, 6)))
    state = recorded["prop"][None].numpy()
    output = policy.run([FRAME], PROMPT, sites=list(policy.sites), actions=True, state=state)

    def error(site: str, expected: torch.Tensor) -> float:
        return float((output.features[site].flatten(1, 3) - expected).abs().max())

    assert error("vision.fused", recorded["vision"]) <= 5e-5
    for layer in range(4):
        assert error(f"llm.{layer}", recorded[f"hidden{layer}"][:, 1:513]) <= 5e-5
    assert error("llm.norm", recorded["hidden4"][:, 1:513]) <= 5e-5
    assert output.actions is not None
    assert np.abs(output.actions[0] - recorded["actions"].numpy()).max() <= 1e-5


def test_the_state_is_scaled_by_its_statistics(tmp_path: Path) -> None:
    folder = Path(oft(tmp_path, film=False)._network.checkpoint.folder)  # type: ignore[attr-defined]
    statistics = json.loads((folder / "config.json").read_text())["norm_stats"]
    plain = load_policy(str(folder)).run([FRAME], IDS, actions=True, state=np.full((1, 8), 0.5)).actions
    statistics["toy"]["proprio"] = {"q01": [10.0] * 8, "q99": [20.0] * 8}
    (folder / "dataset_statistics.json").write_text(json.dumps(statistics))
    policy = load_policy(str(folder))
    scaled, beyond, edge = (
        policy.run([FRAME], IDS, actions=True, state=np.full((1, 8), value)).actions for value in (17.5, 99.0, 20.0)
    )
    np.testing.assert_allclose(scaled, plain, atol=1e-6)  # type: ignore[arg-type]
    np.testing.assert_allclose(beyond, edge, atol=1e-6)  # type: ignore[arg-type]


def test_views_and_chunk_can_be_told(tmp_path: Path) -> None:
    folder = oft(tmp_path, film=False)._network.checkpoint.folder  # type: ignore[attr-defined]
    policy = load_policy(str(folder), views=1, chunk=3)
    assert policy.cameras == ("image",)
    assert policy.run([FRAME[:1]], IDS, actions=True, state=np.zeros((1, 8))).actions.shape == (1, 3, 7)  # type: ignore[union-attr]
    with pytest.raises(BadInput, match="views is 9"):
        load_policy(str(folder), views=9)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    folder = oft(tmp_path, film=False)._network.checkpoint.folder  # type: ignore[attr-defined]
    trace = tmp_path / "executed"

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (trace,))

    torch.save({"fc1.weight": Bomb()}, folder / "proprio_projector--7_checkpoint.pt")
    with pytest.raises(PolicyUnavailable, match="not a file of plain tensors"):
        load_policy(str(folder))
    (folder / "proprio_projector--7_checkpoint.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(PolicyUnavailable, match="not a file of plain tensors"):
        load_policy(str(folder))
    assert not trace.exists()


def test_two_heads_or_a_diffusion_head_are_refused(tmp_path: Path) -> None:
    folder = oft(tmp_path, film=False)._network.checkpoint.folder  # type: ignore[attr-defined]
    second = folder / "action_head--9_checkpoint.pt"
    second.write_bytes((folder / "action_head--7_checkpoint.pt").read_bytes())
    with pytest.raises(PolicyUnavailable, match="2 files of action_head"):
        load_policy(str(folder))
    second.unlink()
    (folder / "noisy_action_projector--7_checkpoint.pt").touch()
    with pytest.raises(PolicyUnavailable, match="diffusion"):
        load_policy(str(folder))


def test_adapters_are_folded_into_their_layers() -> None:
    base, down, up = torch.randn(6, 5), torch.randn(32, 5), torch.randn(6, 32)
    merged = merge_adapters(
        {
            "a.qkv.base_layer.weight": base,
            "a.qkv.base_layer.bias": torch.ones(6),
            "a.qkv.lora_A.default.weight": down,
            "a.qkv.lora_B.default.weight": up,
            "a.norm.weight": torch.ones(5),
        }
    )
    assert set(merged) == {"a.qkv.weight", "a.qkv.bias", "a.norm.weight"}
    x = torch.randn(3, 5)
    torch.testing.assert_close(x @ merged["a.qkv.weight"].T, x @ base.T + 16 / 32 * (x @ down.T @ up.T))
