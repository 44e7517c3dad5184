"""From words to tokens, with a tokenizer small enough to count by hand."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from foundation.errors import BadInput, PolicyUnavailable
from policies.prompt import SPACE, V01, V1, Prompt

WORDS = [
    "<unk>",
    "<s>",
    "In",
    ":",
    "What",
    "action",
    "should",
    "the",
    "robot",
    "take",
    "to",
    "?",
    "Out",
    "open",
    "drawer",
]


def folder(path: Path, *, adds_bos: bool) -> Path:
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.save(str(path / "tokenizer.json"))
    return path


@pytest.mark.parametrize("adds_bos", [True, False])
def test_a_prompt_begins_with_bos_and_ends_with_a_space(tmp_path: Path, adds_bos: bool) -> None:
    prompt = Prompt(folder(tmp_path, adds_bos=adds_bos), template=V1, vocabulary=32064, bos=1, limit=100)
    expected = ["<s>", "In", ":", "What", "action", "should", "the", "robot", "take", "to", "open", "drawer"]
    ids = prompt.tokens("Open drawer")  # in small letters, as in training
    assert ids.tolist() == [*(WORDS.index(word) for word in [*expected, "?", "Out", ":"]), SPACE]


def test_the_first_release_has_vicunas_words() -> None:
    assert V01.format("x").startswith("A chat between a curious user")
    assert V01.format("x").endswith("USER: What action should the robot take to x? ASSISTANT:")
    assert "  " not in V01


def test_ready_tokens_are_taken_as_they_are(tmp_path: Path) -> None:
    prompt = Prompt(tmp_path, template=V1, vocabulary=50, bos=1, limit=10)
    assert prompt.tokens(np.array([1, 7, 49], np.int32)).tolist() == [1, 7, 49]


def test_an_instruction_of_ten_thousand_words_is_refused(tmp_path: Path) -> None:
    prompt = Prompt(folder(tmp_path, adds_bos=True), template=V1, vocabulary=32064, bos=1, limit=1792)
    with pytest.raises(BadInput, match="at most 1792"):
        prompt.tokens("open drawer " * 5000)


def test_braces_in_an_instruction_are_words(tmp_path: Path) -> None:
    prompt = Prompt(folder(tmp_path, adds_bos=True), template=V1, vocabulary=32064, bos=1, limit=100)
    assert len(prompt.tokens("open {drawer} {0.__class__}")) > 10


def test_a_missing_or_damaged_tokenizer_is_named(tmp_path: Path) -> None:
    prompt = Prompt(tmp_path, template=V1, vocabulary=32064, bos=1, limit=100)
    with pytest.raises(PolicyUnavailable, match=r"tokenizer\.json"):
        prompt.tokens("open")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(PolicyUnavailable, match="is not a tokenizer"):
        prompt.tokens("open")
