"""OpenVLA (Kim et al. 2024): openvla-7b, its fine-tunes, and the first release with one tower and Vicuna.

Run natively from the checkpoint's own tensors: no code of the checkpoint is ever executed, whatever its `auto_map` says.

Sites: `vision.dino.k` and `vision.siglip.k` (patch tokens after block k; the policy itself goes on from the second-to-
last block, the last one is in the file but idle), `vision.fused` (both towers side by side), `projector`, `llm.0` (the
image tokens as Llama gets them: the projector's output) … `llm.N` (after layer N - 1), `llm.norm`.

Attention is causal and the image stands before the text, so no site depends on the instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foundation.action_space import ActionSpace
from foundation.errors import BadInput
from policies.action_bins import (
    ActionBins,
    ActionStatistics,
    action_space,
    choose_statistics,
    to_recording,
    unchosen,
    unrounded,
)
from policies.attribution import ATTRIBUTED, Attribution, opened_gates
from policies.checkpoint import Checkpoint, digest
from policies.folder_files import read_json
from policies.hooks import capture
from policies.inputs import check_sites, stack_pixels
from policies.openvla_files import common_grid, image_transform, read_statistics
from policies.openvla_network import OpenVlaNetwork, language_flops, llm_layers, vision_sites
from policies.policy import FeatureSite, PolicyOutput
from policies.prompt import TYPICAL_PROMPT, V01, V1, Prompt


class OpenVla:
    """Any checkpoint in OpenVLA's layout."""

    cameras = ("image",)
    state_size: int | None = None

    def __init__(
        self,
        folder: Path,
        *,
        device: torch.device,
        dtype: torch.dtype | None = None,
        unnorm_key: str | None = None,
        recipe: str = "plain",
    ) -> None:
        """Read the headers and the configuration; weights are read when a run needs them.

        Args:
            unnorm_key: dataset whose statistics turn actions into units; None: the only one there is.
            recipe: "plain", or "libero" for the preparation of images of the LIBERO evaluation.

        Raises:
            PolicyUnavailable: files are missing, damaged, pickled, or do not fit together.
            BadInput: an `unnorm_key` that does not exist.
        """
        config = read_json(folder / "config.json")
        checkpoint = Checkpoint(folder)
        self.name = folder.name
        self._network = OpenVlaNetwork(checkpoint, config, device=device, dtype=dtype or checkpoint.default_dtype)
        self._network.check()
        text = self._network.text
        self.transform = image_transform(read_json(folder / "preprocessor_config.json"), recipe)
        self._grid = common_grid(self._network, self.transform.size)
        self._bins = ActionBins(
            text.vocab_size - int(config.get("pad_to_multiple_of", 64)), int(config.get("n_action_bins", 256))
        )
        self._prompt = Prompt(
            folder,
            template=V01 if "vicuna" in str(config.get("llm_backbone_id", "")) else V1,
            vocabulary=text.vocab_size,
            bos=text.bos_token_id,
            limit=int(config.get("llm_max_length", 2048)) - self._grid[0] * self._grid[1],
        )
        self._all_statistics = read_statistics(folder, config)
        key = choose_statistics(self._all_statistics, unnorm_key)
        self._statistics = ActionStatistics.read(key, self._all_statistics[key].get("action")) if key else None
        self.action_space: ActionSpace | None = action_space(self._statistics) if self._statistics else None
        self.sites = _sites(self._network, self._grid)
        self.default_sites = tuple(
            [f"vision.{tower.site}.{tower.used_block}" for tower in self._network.towers]
            + ["projector", f"llm.{text.num_hidden_layers // 2}", f"llm.{text.num_hidden_layers}"]
        )
        self.fingerprint = digest(
            checkpoint.fingerprint(),
            config,
            self._network.dtype,
            self.transform.fingerprint,
            key,
            self._all_statistics.get(key) if key else None,
        )

    @property
    def dtype(self) -> torch.dtype:
        return self._network.dtype

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return self._network.weight_bytes(sites, actions=actions)

    @property
    def action_flops(self) -> float:
        """Operations to predict one frame's action, for a prompt of usual length."""
        text = self._network.text
        tokens = 1 + self._grid[0] * self._grid[1] + TYPICAL_PROMPT + len(self._statistics or ())
        head = 2.0 * text.hidden_size * text.vocab_size * len(self._statistics or ())
        return self.sites["projector"].flops + language_flops(text, tokens, text.num_hidden_layers) + head

    def run(
        self,
        frames: Sequence[np.ndarray],
        instruction: str | np.ndarray | None = None,
        *,
        sites: Sequence[str] = (),
        actions: bool = False,
        state: np.ndarray | None = None,
        seed: int = 0,
    ) -> PolicyOutput:
        """Features and greedily decoded actions of B frames; see `Policy.run`. State and seed change nothing here."""
        check_sites(sites, self.sites)
        tokens = self._action_prompt(instruction) if actions else None
        pixels = stack_pixels(self.transform, frames, len(self.cameras))[:, 0]
        with torch.inference_mode():
            pixels = pixels.to(self._network.device, self._network.dtype)
            features, projected = self._network.look(pixels, sites, deep=actions)
            chosen, probabilities = None, None
            if projected is not None:
                deeper, chosen, probabilities = self._think(projected, sites, tokens)
                features |= deeper
        ordered = {site: features[site].unflatten(-2, self._grid).unsqueeze(1) for site in sites}
        if chosen is None or probabilities is None:
            return PolicyOutput(ordered, None, None)
        return PolicyOutput(ordered, self._in_units(chosen), probabilities.cpu().numpy())

    def _in_units(self, chosen: torch.Tensor) -> np.ndarray:
        """[B, D] tokens -> [B, 1, D] actions of the recording."""
        assert self._statistics is not None
        values = self._bins.values(chosen.cpu().numpy())
        return to_recording(self._statistics.unnormalise(values), self._statistics)[:, None]

    def attribute(
        self,
        frames: Sequence[np.ndarray],
        instruction: str | np.ndarray | None = None,
        *,
        state: np.ndarray | None = None,
        seed: int = 0,
        gates: np.ndarray | None = None,
    ) -> Attribution:
        """See `Attributable.attribute`: of each dimension the mean over its bins, given the tokens chosen before it.

        The tokens are those that are chosen greedily for the picture as it is, whatever the gates.
        """
        tokens = self._action_prompt(instruction)
        network, pixels = self._network, stack_pixels(self.transform, frames, len(self.cameras))[:, 0]
        opened = opened_gates(gates, (len(pixels), 1, *self._grid), network.device)
        with torch.no_grad():
            _, projected = network.look(pixels.to(network.device, network.dtype), (), deep=True)
            assert projected is not None
            _, chosen, _ = self._think(projected, (), tokens)
            assert chosen is not None
            model = network.language_model.model
            text = torch.tensor(tokens, device=network.device).expand(len(pixels), -1)
            words, said = model.embed_tokens(text), model.embed_tokens(chosen[:, :-1])
        with torch.enable_grad():
            gated = projected * opened.flatten(1)[..., None].to(projected.dtype)
            sequence = torch.cat([words[:, :1], gated, words[:, 1:], said], dim=1)
            hidden = model(inputs_embeds=sequence, use_cache=False).last_hidden_state[:, -chosen.shape[1] :]
            values = self._bins.expected(network.language_model.lm_head(hidden))
            assert self._statistics is not None
            factor, offset = (torch.tensor(part).to(values) for part in unrounded(self._statistics))
            return Attribution.of(ATTRIBUTED, values * factor + offset, opened)

    def _action_prompt(self, instruction: str | np.ndarray | None) -> np.ndarray:
        """Tokens to predict an action from, or the reason why that cannot be."""
        if self._statistics is None:
            raise unchosen(self.name, self._all_statistics)
        if instruction is None:
            raise BadInput("An action is predicted for an instruction, and none was given or recorded.")
        tokens = self._prompt.tokens(instruction)
        if len(tokens) < 2:
            raise BadInput(
                "A prompt has at least two tokens: the first, which stands before the image, and one after it."
            )
        return tokens

    def _think(
        self, projected: torch.Tensor, sites: Sequence[str], tokens: np.ndarray | None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor | None, torch.Tensor | None]:
        """The language model on [BOS, image], and, for actions, on the text after it: features, tokens, probabilities.

        The image never sees the text, so features come from a pass over the image alone: the same bits whatever the
        instruction. Actions continue from that pass's keys and values.
        """
        network, model = self._network, self._network.language_model.model
        modules = llm_layers(sites)
        if not modules and tokens is None:
            return {}, None, None
        network.ready_language(sites, actions=tokens is not None)
        bos = torch.tensor([[self._prompt.bos if tokens is None else int(tokens[0])]], device=network.device)
        image = torch.cat([model.embed_tokens(bos).expand(len(projected), -1, -1), projected], dim=1)
        cache = None
        with capture(model, list(modules.values()), stop=tokens is None) as seen:
            cache = model(inputs_embeds=image, use_cache=tokens is not None).past_key_values
        features = {site: seen[module][:, 1:] for site, module in modules.items()}
        if tokens is None:
            return features, None, None
        return (features, *self._decode(cache, tokens, len(projected)))

    def _decode(self, cache: Any, tokens: np.ndarray, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Action tokens, each the likeliest after those before it, [B, D], and bin probabilities [B, D, bins]."""
        assert self._statistics is not None
        model, head = self._network.language_model.model, self._network.language_model.lm_head
        step = torch.tensor(tokens[1:], device=self._network.device).expand(batch, -1)
        chosen, probabilities = [], []
        for _ in range(len(self._statistics)):
            hidden = model(input_ids=step, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
            logits = head(hidden)
            step = logits.argmax(-1, keepdim=True)
            chosen.append(step[:, 0])
            probabilities.append(self._bins.probabilities(logits))
        return torch.stack(chosen, dim=1), torch.stack(probabilities, dim=1)


def load(
    source: Path,
    *,
    device: torch.device,
    dtype: torch.dtype | None,
    unnorm_key: str | None = None,
    recipe: str = "plain",
) -> OpenVla:
    """The catalogue's way in."""
    return OpenVla(source, device=device, dtype=dtype, unnorm_key=unnorm_key, recipe=recipe)


def _sites(network: OpenVlaNetwork, grid: tuple[int, int]) -> dict[str, FeatureSite]:
    """All sites in order of depth."""
    sites = vision_sites(network, grid, depends=False)
    text, reached = network.text, sites["projector"].flops
    layers = [(f"llm.{layer}", layer) for layer in range(1, text.num_hidden_layers + 1)]
    for name, layer in [*layers, ("llm.norm", text.num_hidden_layers)]:
        flops = reached + language_flops(text, 1 + grid[0] * grid[1], layer)
        sites[name] = FeatureSite(name, text.hidden_size, grid, depends_on_instruction=False, flops=flops, causal=True)
    return sites
