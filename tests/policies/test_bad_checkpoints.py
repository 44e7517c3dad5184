"""What is wrong with a folder is said plainly; nothing of it is executed and nothing is half loaded."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

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


@pytest.mark.parametrize(
    "changes",
    [
        {"text_config": {"num_hidden_layers": 10**9}},
        {"text_config": {"num_hidden_layers": -1}},
        {"text_config": {"hidden_size": 10**12}},
        {"text_config": {"head_dim": 10**12}},
        {"text_config": {"num_attention_heads": 0}},
        {"text_config": {"vocab_size": -5}},
        {"text_config": {"hidden_act": "import os"}},
        {"text_config": {"rms_norm_eps": None}},
        {"text_config": []},
        {"n_action_bins": 10**12},
        {"n_action_bins": "many"},
        {"pad_to_multiple_of": None},
        {"llm_max_length": {}},
        {"timm_model_ids": 5},
        {"timm_override_act_layers": 5},
        {"use_fused_vision_backbone": False},
    ],
    ids=str,
)
def test_hostile_values_of_a_configuration_are_refused(folder: Path, changes: dict[str, object]) -> None:
    """Sizes without measure, wrong types, numbers that no network has: nothing is built of them."""
    config = json.loads((folder / "config.json").read_text())
    text = changes.get("text_config")
    if isinstance(text, dict):
        changes = {"text_config": config["text_config"] | text}
    change_config(folder, **changes)
    with pytest.raises(PolicyUnavailable) as caught:
        load_policy(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [10**9, -1, "x", "1e3"])
def test_blocks_that_are_not_counted_up_are_refused(folder: Path, number: object) -> None:
    key = f"vision_backbone.featurizer.blocks.{number}.norm1.bias"
    change_tensors(folder, lambda tensors: tensors.update({key: torch.zeros(1)}))
    with pytest.raises(PolicyUnavailable, match="not numbered"):
        load_policy(str(folder))


@pytest.mark.parametrize("stored", [float("nan"), 1e400, [], "x", {}, None])
def test_statistics_are_finite_numbers(folder: Path, stored: object) -> None:
    statistics = json.loads((folder / "dataset_statistics.json").read_text())
    statistics["toy"]["action"]["q01"] = stored if isinstance(stored, (list, dict)) else [stored] * 7
    (folder / "dataset_statistics.json").write_text(json.dumps(statistics))
    with pytest.raises(PolicyUnavailable, match="statistics"):
        load_policy(str(folder))


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "preprocessor_config.json", "dataset_statistics.json"]
)
def test_a_link_out_of_the_folder_is_not_followed(folder: Path, name: str) -> None:
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(folder.parent / "elsewhere")
    with pytest.raises(PolicyUnavailable, match="link out of its folder"):
        load_policy(str(folder))


def test_the_links_of_the_hubs_cache_are_followed(folder: Path, tmp_path: Path) -> None:
    """There, `snapshots/<revision>/name` is a link to `blobs/<digest>`; the folder itself may be a link as well."""
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "1"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for index, path in enumerate(sorted(folder.iterdir())):
        path.rename(blobs / str(index))
        (snapshot / path.name).symlink_to(Path("..", "..", "blobs", str(index)))
    (tmp_path / "mine").symlink_to(snapshot)
    assert load_policy(str(tmp_path / "mine")).run([FRAME], sites=["projector"]).features


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(PolicyUnavailable, match="no plain file"):
        load_policy(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_file_without_measure_is_not_read(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.truncate(2**30)
    with pytest.raises(PolicyUnavailable, match="has 1024 MiB"):
        load_policy(str(folder)).run([FRAME], "go", actions=True)


@pytest.mark.parametrize("weight_map", [[], 7, "x", {"a": "/etc/passwd"}, {"a": ".."}, {"a": "sub/x.safetensors"}])
def test_a_hostile_index_of_shards_is_refused(folder: Path, weight_map: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(PolicyUnavailable, match=r"weight_map|must lie beside it"):
        load_policy(str(folder))


def test_a_type_of_number_that_is_not_known_is_named(folder: Path) -> None:
    change_tensors(folder, lambda tensors: tensors.update(x=torch.zeros(4).to(torch.float8_e4m3fn)))
    with pytest.raises(PolicyUnavailable, match="'x' as 'F8_E4M3'"):
        load_policy(str(folder))


def test_ten_thousand_words_are_too_many(folder: Path) -> None:
    words = ["[UNK]", "<s>", "bowl"]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_truncation(8)  # a tokenizer that would cut it in silence
    tokenizer.save(str(folder / "tokenizer.json"))
    policy = load_policy(str(folder))
    assert policy.run([FRAME], "bowl", actions=True).actions is not None
    with pytest.raises(BadInput, match=r"prompt of 100\d\d tokens; this policy takes at most"):
        policy.run([FRAME], "bowl " * 10_000, actions=True)


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
