"""From an instruction to the tokens of a policy's prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from foundation.errors import BadInput, PolicyUnavailable, quoted
from policies.folder_files import MAX_JSON, own_file

V1 = "In: What action should the robot take to {}?\nOut:"
V01 = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions. "
    "USER: What action should the robot take to {}? ASSISTANT:"
)
"""Vicuna's conversation, for the first release."""
TYPICAL_PROMPT = 24
"""Tokens of a usual instruction, for counts of operations."""
SPACE = 29871
"""Llama's token for a lone space. The training data has it before the action, so the prompt must end with it."""


class Prompt:
    """The prompt of one checkpoint: its words, its tokenizer and how long it may get."""

    def __init__(
        self,
        folder: Path,
        *,
        template: str,
        vocabulary: int,
        bos: int,
        limit: int,
        ending: int | None = SPACE,
        lower: bool = True,
    ) -> None:
        """Remember them; the tokenizer is read when it is needed.

        Args:
            folder: may lack `tokenizer.json`; then only ready tokens can be used.
            template: with `{}` for the instruction.
            limit: text tokens, BOS included.
            ending: token that must come last, if the vocabulary has it.
            lower: write the instruction in small letters.
        """
        self.template = template
        self.ending = ending
        self.lower = lower
        self.vocabulary = vocabulary
        self.bos = bos
        self.limit = limit
        self._file = folder / "tokenizer.json"

    def tokens(self, instruction: str | np.ndarray) -> np.ndarray:
        """[N] int64, BOS first.

        Args:
            instruction: text for the template, or ready tokens that are taken as they are.

        Raises:
            BadInput: too long, empty, or tokens outside the vocabulary.
            PolicyUnavailable: text, but no tokenizer.
        """
        ids = self._encode(instruction) if isinstance(instruction, str) else np.asarray(instruction)
        if ids.ndim != 1 or not len(ids) or not np.issubdtype(ids.dtype, np.integer):
            raise BadInput(f"Ready tokens are a 1-D array of integers; got {ids.shape} {ids.dtype}.")
        if ids.min() < 0 or ids.max() >= self.vocabulary:
            raise BadInput(f"Tokens must be in 0 … {self.vocabulary - 1}; got {ids.min()} … {ids.max()}.")
        if len(ids) > self.limit:
            raise BadInput(
                f"The instruction makes a prompt of {len(ids)} tokens; this policy takes at most {self.limit}."
            )
        return ids.astype(np.int64)

    def _encode(self, instruction: str) -> np.ndarray:
        if not self._file.is_file():
            raise PolicyUnavailable(
                f"{quoted(self._file)} is missing, so an instruction cannot be read. Add the checkpoint's "
                "tokenizer.json, or give ready tokens."
            )
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(own_file(self._file, MAX_JSON)))
        except PolicyUnavailable:
            raise
        except Exception as error:  # tokenizers raises bare Exception
            raise PolicyUnavailable(f"{quoted(self._file)} is not a tokenizer: {quoted(error)}.") from error
        tokenizer.no_truncation()  # what is too long is refused, not cut
        tokenizer.no_padding()
        words = instruction.lower() if self.lower else instruction
        ids = list(tokenizer.encode(self.template.format(words)).ids)
        if ids[:1] != [self.bos]:
            ids.insert(0, self.bos)
        if self.ending is not None and ids[-1] != self.ending and self.vocabulary > self.ending:
            ids.append(self.ending)
        return np.array(ids)
