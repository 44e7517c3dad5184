"""`run RECORDING --policy FOLDER --actions` with a checkpoint in OpenVLA's layout: words in, actions and findings out.

The checkpoint is the recorded one (tests/data/openvla_golden), which has no tokenizer; here it gets one of whole words.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import Command
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from analyzer.findings_folder import FindingsFolder
from analyzer.run_folder import RunFolder
from policies.catalog import load_policy
from videos.catalog import open_episode

GOLDEN = Path(__file__).parents[1] / "data" / "openvla_golden"
WORDS = "<unk> <s> </s> in : what action should the robot take to ? out put bowl on plate lift stove"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """OpenVLA's files, a tokenizer of a few words, and statistics of LIBERO, so that actions have units."""
    folder = tmp_path / "openvla-with-words"
    folder.mkdir()
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        shutil.copy(GOLDEN / name, folder)
    statistics = json.loads((GOLDEN / "dataset_statistics.json").read_text())
    (folder / "dataset_statistics.json").write_text(json.dumps({"libero_spatial": statistics["toy"]}))
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS.split())}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_words_become_actions(command: Command, checkpoint: Path, tiny_recording: Path) -> None:
    flags = ("--policy", checkpoint, "--actions", "--sites", "vision.dino.2,llm.1", "--stride", "3")
    few = ("--erase-frames", "2", "--attribution-frames", "2")
    said = command.run(tiny_recording, *flags, *few)
    assert said.code == 0, said.err
    run = RunFolder.open(command.home / "out")
    predicted = run.actions("take", "predicted")
    assert predicted is not None
    told = np.isfinite(predicted).all(axis=1)
    assert np.flatnonzero(told).tolist() == [0, 3, 6, 9]
    uncertainty, difference = run.actions("take", "uncertainty"), run.actions("take", "difference")
    assert uncertainty is not None
    assert difference is not None
    assert ((uncertainty[told] > 0) & (uncertainty[told] <= 8)).all()
    recorded = run.actions("take")
    assert recorded is not None
    np.testing.assert_allclose(difference[told, :6], (predicted - recorded)[told, :6])
    assert np.isnan(difference[:, 6]).all()  # which value opens the recorded gripper is not told
    findings = FindingsFolder.open(run.episode_folder("take"))
    dependence = findings.findings.dependence
    assert dependence is not None
    assert dependence.attribution_site == "projector"
    assert len(dependence.attribution_frames) == 2
    attribution = findings.attribution()
    assert attribution is not None
    assert attribution.shape == (4, 1, 16, 16, 7)
    assert np.isfinite(attribution[list(dependence.attribution_frames)]).all()
    # The same words through the library give the same action: the prompt's template, in small letters.
    policy = load_policy(str(checkpoint))
    picture = next(iter(open_episode(tiny_recording).cameras["agentview"].frames([3]))).rgb[None]
    ids = np.array([1, *range(3, 5), *range(5, 12), 14, 8, 15, 16, 8, 17, 12, 13, 4])
    heard = []
    for instruction in ("put the bowl on the plate", "Put the BOWL on the plate", ids):
        output = policy.run([picture], instruction, actions=True)
        assert output.actions is not None
        assert np.array_equal(output.actions[0, 0], predicted[3])
        heard.append(output.bin_probs)
    assert np.array_equal(heard[0], heard[1])
    assert np.array_equal(heard[0], heard[2])
    assert not np.array_equal(heard[0], policy.run([picture], "lift the stove", actions=True).bin_probs)


def test_without_a_tokenizer_words_are_refused(command: Command, checkpoint: Path, tiny_recording: Path) -> None:
    (checkpoint / "tokenizer.json").unlink()
    said = command.run(tiny_recording, "--policy", checkpoint, "--actions", "--sites", "projector")
    command.refuses(said, 3, "tokenizer.json", "is missing", "an instruction cannot be read")
