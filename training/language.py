"""Other words for the ten tasks, and a tokenizer in Llama's manner that knows them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors, trainers

from policies.prompt import V1

PLACES = {
    "between the plate and the ramekin": ("between the ramekin and the plate", "in between the plate and the ramekin"),
    "next to the ramekin": ("beside the ramekin", "near the ramekin", "by the ramekin"),
    "from table center": ("in the center of the table", "in the middle of the table", "at the table center"),
    "on the cookie box": ("on top of the cookie box", "lying on the box of cookies", "on the cookies"),
    "in the top drawer of the wooden cabinet": (
        "inside the top drawer of the cabinet",
        "in the wooden cabinet's top drawer",
        "in the open drawer of the wooden cabinet",
    ),
    "on the ramekin": ("on top of the ramekin", "standing on the ramekin"),
    "next to the cookie box": ("beside the cookie box", "near the cookie box", "next to the box of cookies"),
    "on the stove": ("on top of the stove", "standing on the stove"),
    "next to the plate": ("beside the plate", "near the plate", "by the plate"),
    "on the wooden cabinet": ("on top of the wooden cabinet", "on top of the cabinet", "on the cabinet"),
}
"""Where the bowl is, in LIBERO's words -> in others."""
FRAMES = (
    "pick up the black bowl {} and place it on the plate",
    "pick up the bowl {} and put it on the plate",
    "take the black bowl {} and put it on the plate",
    "grasp the black bowl {} and set it down on the plate",
    "move the black bowl {} to the plate",
    "put the black bowl {} on the plate",
    "lift the black bowl {} and place it onto the plate",
    "place the bowl {} on the plate",
)
SPECIAL = ("<unk>", "<s>", "</s>")
BYTES = tuple(f"<0x{value:02X}>" for value in range(256))


def place(instruction: str) -> str:
    """The words of one of the ten instructions that say where the bowl is."""
    head, tail = FRAMES[0].split("{}")
    found = instruction.removeprefix(head).removesuffix(tail)
    if found not in PLACES:
        raise ValueError(f"{instruction!r} is none of the ten tasks.")
    return found


def paraphrase(instruction: str, generator: np.random.Generator) -> str:
    """The instruction itself in half of the cases, else other words for the same."""
    if generator.random() < 0.5:
        return instruction
    own = place(instruction)
    where = (own, *PLACES[own])
    return FRAMES[generator.integers(len(FRAMES))].format(where[generator.integers(len(where))])


def corpus() -> Iterator[str]:
    """Every sentence that training can say, as the prompt has it; LIBERO's own words more often."""
    for own, others in PLACES.items():
        for frame in FRAMES:
            for where in (own, *others):
                weight = 4 if frame is FRAMES[0] and where is own else 1
                yield from [V1.format(frame.format(where).lower())] * weight


def build_tokenizer(size: int) -> Tokenizer:
    """Byte-pair merges over words, 256 bytes to fall back on: any text can be written in `size` tokens.

    As Llama's: <unk>, <s>, </s> are 0, 1, 2, then the bytes; words begin with "▁"; <s> comes first.
    """
    learner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    learner.normalizer = _normalizer()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *BYTES],
        initial_alphabet=[chr(code) for code in range(33, 127)],
        show_progress=False,
    )
    learner.pre_tokenizer = _words()
    learner.train_from_iterator(corpus(), trainer)
    learned = _model_of(learner)
    tokenizer = Tokenizer(models.BPE(*learned, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer, tokenizer.pre_tokenizer = _normalizer(), _words()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def _model_of(tokenizer: Tokenizer) -> tuple[dict[str, int], list[tuple[str, str]]]:
    import json

    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def _normalizer() -> normalizers.Normalizer:
    return normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])


def _words() -> object:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(r"▁?[^▁\s]+|▁|\s"), behavior="isolated")
