"""What is wrong with a folder is said plainly; nothing of it is executed and nothing is half loaded."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from foundation.errors import BadInput, LensError, PolicyUnavailable
from policies.catalog import load_policy

GOLDEN = Path(__file__).parents[1] / "data" / "openvla_golden"
FRAME = np.zeros((1, 32, 32, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the recorded checkpoint, to be damaged."""
    copy = tmp_path / "checkpoint"
    copy.mkdir()
    for name in ("config.json", "preprocessor_config.json", "dataset_statistics.json", "model.safetensors"):
        shutil.copy(GOLDEN / name, copy / name)
    return copy


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def shard(folder: Path) -> list[str]:
    """Split the weights in two, as large checkpoints are."""
    tensors = load_file(folder / "model.safetensors")
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    halves = [dict(list(tensors.items())[:90]), dict(list(tensors.items())[90:])]
    for name, half in zip(names, halves, strict=True):
        save_file(half, folder / name)
    weight_map = {key: name for name, half in zip(names, halves, strict=True) for key in half}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (folder / "model.safetensors").unlink()
    return names


def test_a_sharded_checkpoint_gives_the_same_features(folder: Path) -> None:
    whole = load_policy(str(folder)).run([FRAME], sites=["llm.3"]).features["llm.3"]
    shard(folder)
    assert torch.equal(load_policy(str(folder)).run([FRAME], sites=["llm.3"]).features["llm.3"], whole)


def test_a_missing_shard_is_named(folder: Path) -> None:
    names = shard(folder)
    (folder / names[1]).unlink()
    with pytest.raises(PolicyUnavailable, match=names[1]):
        load_policy(str(folder))


def test_an_index_cannot_point_outside_its_folder(folder: Path) -> None:
    outside = folder.parent / "secret.safetensors"
    shutil.copy(folder / "model.safetensors", outside)
    index = {"weight_map": {"projector.fc1.weight": "../secret.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(PolicyUnavailable, match="must lie beside it"):
        load_policy(str(folder))


@pytest.mark.parametrize("length", [0, 5, 1000, 900_000])
def test_truncated_weights_are_refused(folder: Path, length: int) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:length])
    with pytest.raises(PolicyUnavailable, match="damaged or cut short"):
        load_policy(str(folder))


def test_pickled_weights_are_not_opened(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "executed"

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (trace,))

    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(PolicyUnavailable, match="pickled weights"):
        load_policy(str(folder))
    assert not trace.exists()


def test_code_beside_the_weights_is_never_run(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    (folder / "modeling_prismatic.py").write_text(f"open({str(trace)!r}, 'w')")
    change_config(folder, auto_map={"AutoModelForVision2Seq": "modeling_prismatic.OpenVLAForActionPrediction"})
    load_policy(str(folder)).run([FRAME], sites=["projector"])
    assert not trace.exists()
    change_config(folder, model_type="something_new")
    with pytest.raises(PolicyUnavailable, match="never executed"):
        load_policy(str(folder))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("projector.fc2.weight"), r"1 missing .*projector\.fc2\.weight"),
        (lambda tensors: tensors.update({"projector.fc9.weight": torch.zeros(1)}), r"not known .*projector\.fc9"),
        (lambda tensors: tensors.update({"projector.fc1.bias": torch.zeros(3)}), r"another shape .*\[3\], not \[320\]"),
        (lambda tensors: tensors.pop("vision_backbone.featurizer.pos_embed"), r"no tensor .*pos_embed"),
    ],
)
def test_tensors_must_fit_exactly(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    change_tensors(folder, change)
    with pytest.raises(PolicyUnavailable, match=message):
        load_policy(str(folder))


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, '"text"'])
def test_a_damaged_configuration_is_named(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(PolicyUnavailable, match=r"config\.json"):
        load_policy(str(folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"text_config": {"model_type": "mistral"}},
        {"text_config": {"hidden_size": "wide"}},
        {"timm_model_ids": []},
        {"timm_override_act_layers": ["quick_gelu", None]},
        {"model_type": 7},
        {"norm_stats": 3},
    ],
)
def test_a_configuration_of_another_model_is_refused(folder: Path, changes: dict[str, object]) -> None:
    (folder / "dataset_statistics.json").unlink()
    change_config(folder, **changes)
    with pytest.raises(PolicyUnavailable):
        load_policy(str(folder))


def test_a_missing_file_or_folder_is_named(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(PolicyUnavailable, match=r"preprocessor_config\.json"):
        load_policy(str(folder))
    with pytest.raises(PolicyUnavailable, match="is no folder"):
        load_policy(str(folder / "nowhere" / "at" / "all"))


def test_an_unnorm_key_that_does_not_exist_gets_a_suggestion(folder: Path) -> None:
    with pytest.raises(BadInput, match="Did you mean 'toy'"):
        load_policy(str(folder), unnorm_key="toys")


def test_several_datasets_ask_for_a_choice_only_when_an_action_is_wanted(folder: Path) -> None:
    statistics = json.loads((folder / "dataset_statistics.json").read_text())
    statistics["other"] = statistics["toy"]
    (folder / "dataset_statistics.json").write_text(json.dumps(statistics))
    policy = load_policy(str(folder))
    policy.run([FRAME], sites=["projector"])
    with pytest.raises(BadInput, match=r"give unnorm_key.*toy, other"):
        policy.run([FRAME], np.array([1, 2, 3]), actions=True)
    chosen = load_policy(str(folder), unnorm_key="other")
    assert chosen.run([FRAME], np.array([1, 2, 3]), actions=True).actions is not None


def test_every_refusal_is_one_message_with_an_exit_code(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(LensError) as caught:
        load_policy(str(folder))
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_the_fingerprint_is_that_of_the_weights(folder: Path) -> None:
    first = load_policy(str(folder)).fingerprint
    assert load_policy(str(folder)).fingerprint == first
    change_tensors(folder, lambda tensors: tensors["projector.fc2.weight"].view(-1)[0].add_(1))
    second = load_policy(str(folder)).fingerprint
    assert second != first
    names = shard(folder)
    assert load_policy(str(folder)).fingerprint == second
    assert names
    assert load_policy(str(folder), dtype="bfloat16").fingerprint != second
