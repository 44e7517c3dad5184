"""OpenVLA-OFT (Kim, Finn, Liang 2025): several cameras, proprioception, chunks of actions by regression.

A checkpoint in OpenVLA's layout, merged, with `action_head--….pt` beside it, and where they were trained
`proprio_projector--….pt` and `vision_backbone--….pt` (FiLM). These files are read as tensors alone (`weights_only`).

The sequence is [BOS] [patches of every camera] [proprioception] [prompt] [empty action slots] [end], and every token
sees every other: the sites behind the language model's first layer depend on the instruction and the state, and with
FiLM those of the towers do too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from foundation.action_space import ActionSpace
from foundation.errors import BadInput
from policies.action_bins import (
    ActionStatistics,
    action_space,
    check_length,
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
from policies.openvla_network import language_flops, llm_layers, vision_sites
from policies.openvla_oft_network import EPSILON, OftNetwork, add_parts
from policies.policy import FeatureSite, PolicyOutput
from policies.prompt import TYPICAL_PROMPT, V1, Prompt

END = 2
"""Llama's end of sequence. It closed every training sequence, and where all see all it must be there."""


@dataclass(frozen=True)
class Platform:
    """What the official code fixes for a kind of robot, and a checkpoint does not say."""

    cameras: tuple[str, ...]
    chunk: int
    """Actions predicted at once."""
    bounds: tuple[str, str]
    """Names of the statistics that became -1 and 1."""


LIBERO = Platform(("image", "wrist"), 8, ("q01", "q99"))
BRIDGE = Platform(("image",), 5, ("q01", "q99"))
ALOHA = Platform(("image", "left_wrist", "right_wrist"), 25, ("min", "max"))


class OpenVlaOft:
    """Any checkpoint of OpenVLA-OFT with a regression head."""

    def __init__(
        self,
        folder: Path,
        *,
        device: torch.device,
        dtype: torch.dtype | None = None,
        unnorm_key: str | None = None,
        recipe: str = "plain",
        views: int | None = None,
        chunk: int | None = None,
    ) -> None:
        """Read the headers and the configuration; weights are read when a run needs them.

        Args:
            unnorm_key: dataset whose statistics turn actions into units; None: the only one there is.
            recipe: "plain", or "libero" for the preparation of images of the LIBERO evaluation.
            views: how many cameras it was trained with, and
            chunk: how many actions it predicts; no file says so. None: as released for its kind of robot (LIBERO: 2
                and 8, Bridge: 1 and 5, ALOHA, known by 14 dimensions: 3 and 25).

        Raises:
            PolicyUnavailable: files are missing, damaged, or do not fit together.
            BadInput: an `unnorm_key` that does not exist, or more views than cameras have names.
        """
        config = read_json(folder / "config.json")
        checkpoint = Checkpoint(folder)
        add_parts(checkpoint, folder)
        self.name = folder.name
        network = OftNetwork(checkpoint, config, device=device, dtype=dtype or checkpoint.default_dtype)
        network.check()
        self._network, text = network, network.text
        statistics = read_statistics(folder, config)
        key = choose_statistics(statistics, unnorm_key)
        platform = _platform(network.dimensions, key)
        if views is not None and not 1 <= views <= len(ALOHA.cameras):
            raise BadInput(f"views is {views}; 1 to {len(ALOHA.cameras)} cameras are supported.")
        self.cameras = (
            platform.cameras if views is None else (*platform.cameras, *ALOHA.cameras[len(platform.cameras) :])[:views]
        )
        self._chunk = chunk or platform.chunk
        self._known = statistics
        self._actions = self._state = None
        if key is not None:
            self._actions = ActionStatistics.read(key, statistics[key].get("action"), platform.bounds, EPSILON)
            if statistics[key].get("proprio"):
                self._state = ActionStatistics.read(key, statistics[key]["proprio"], platform.bounds, EPSILON)
            check_length(self._actions, network.dimensions)
            check_length(self._state, network.state_size)
        self.action_space: ActionSpace | None = action_space(self._actions) if self._actions else None
        self.transform = image_transform(read_json(folder / "preprocessor_config.json"), recipe)
        self._grid = common_grid(self._network, self.transform.size)
        self._prompt = Prompt(
            folder,
            template=V1,
            vocabulary=text.vocab_size,
            bos=text.bos_token_id,
            limit=int(config.get("llm_max_length", 2048)) - self._sequence(0),
        )
        self.sites = self._list_sites()
        self.default_sites = tuple(
            [f"vision.{tower.site}.{tower.used_block}" for tower in self._network.towers]
            + ["projector", f"llm.{text.num_hidden_layers // 2}", f"llm.{text.num_hidden_layers}"]
        )
        self.fingerprint = digest(
            checkpoint.fingerprint(),
            config,
            network.dtype,
            self.transform.fingerprint,
            self.cameras,
            self._chunk,
            key,
            statistics.get(key) if key else None,
        )

    @property
    def dtype(self) -> torch.dtype:
        return self._network.dtype

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return self._network.weight_bytes(sites, actions=actions)

    @property
    def state_size(self) -> int | None:
        """Numbers of proprioception; None for a checkpoint without."""
        return self._network.state_size

    @property
    def action_flops(self) -> float:
        """Operations to predict one frame's chunk, for a prompt of usual length."""
        head = 2.0 * self._chunk * sum(weight.numel() for weight in self._network.action_head.parameters())
        return self.sites["llm.norm"].flops * len(self.cameras) + head

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
        """Features and action chunks of B frames; see `Policy.run`. The seed changes nothing here.

        Args:
            state: [B, S] proprioception in the units of the statistics; already in [-1, 1] where there are none.
        """
        check_sites(sites, self.sites)
        network = self._network
        statistics = self._chosen_statistics() if actions else None
        deep = actions or bool(llm_layers(sites))
        tokens = (
            self._tokens(instruction)
            if deep or any(self.sites[site].depends_on_instruction for site in sites)
            else None
        )
        pixels = stack_pixels(self.transform, frames, len(self.cameras))
        batch, views = pixels.shape[:2]
        with torch.inference_mode():
            pixels = pixels.flatten(0, 1).to(network.device, network.dtype)
            condition = self._condition(tokens, len(pixels))
            features, projected = network.look(pixels, sites, deep=deep, condition=condition)
            features = {site: value.unflatten(0, (batch, views)) for site, value in features.items()}
            chunk = None
            if deep and projected is not None and tokens is not None:
                image = projected.unflatten(0, (batch, views)).flatten(1, 2)
                deeper, chunk = self._think(image, tokens, self._state_tokens(state, batch), sites, actions=actions)
                features |= {site: value.unflatten(1, (views, -1)) for site, value in deeper.items()}
        ordered = {site: features[site].unflatten(2, self._grid) for site in sites}
        if chunk is None or statistics is None:
            return PolicyOutput(ordered, None, None)
        numbers = chunk.float().cpu().numpy().astype(np.float64)
        return PolicyOutput(ordered, to_recording(statistics.unnormalise(numbers), statistics), None)

    def attribute(
        self,
        frames: Sequence[np.ndarray],
        instruction: str | np.ndarray | None = None,
        *,
        state: np.ndarray | None = None,
        seed: int = 0,
        gates: np.ndarray | None = None,
    ) -> Attribution:
        """See `Attributable.attribute`: the first action of the chunk. FiLM's condition does not see the gates."""
        network, statistics = self._network, self._chosen_statistics()
        tokens = self._tokens(instruction)
        pixels = stack_pixels(self.transform, frames, len(self.cameras))
        batch, views = pixels.shape[:2]
        opened = opened_gates(gates, (batch, views, *self._grid), network.device)
        with torch.no_grad():
            pixels = pixels.flatten(0, 1).to(network.device, network.dtype)
            _, projected = network.look(pixels, (), deep=True, condition=self._condition(tokens, len(pixels)))
            assert projected is not None
            numbers = self._state_tokens(state, batch)
        with torch.enable_grad():
            image = projected.unflatten(0, (batch, views)).flatten(1, 2)
            gated = image * opened.flatten(1)[..., None].to(image.dtype)
            _, chunk = self._think(gated, tokens, numbers, (), actions=True)
            assert chunk is not None
            first = chunk[:, 0].to(torch.promote_types(chunk.dtype, torch.float32))
            factor, offset = (torch.tensor(part).to(first) for part in unrounded(statistics))
            return Attribution.of(ATTRIBUTED, first * factor + offset, opened)

    def _chosen_statistics(self) -> ActionStatistics:
        """Those that give actions their units."""
        if self._actions is None:
            raise unchosen(self.name, self._known)
        return self._actions

    def _condition(self, tokens: np.ndarray | None, views: int) -> torch.Tensor | None:
        """[views, C] of FiLM; None for towers without."""
        if not self._network.film or tokens is None:
            return None
        return self._words(tokens).mean(1).expand(views, -1)

    def _tokens(self, instruction: str | np.ndarray | None) -> np.ndarray:
        if instruction is None:
            raise BadInput(
                "Where every token sees every other, features depend on the instruction, and none was given or recorded."
            )
        return self._prompt.tokens(instruction)

    def _words(self, tokens: np.ndarray) -> torch.Tensor:
        """[1, N + 1, C]: the prompt's embeddings with the end of sequence. Their mean is FiLM's condition."""
        embed = self._network.ready("language_model.model.embed_tokens")
        return embed(torch.tensor([[*tokens.tolist(), END]], device=self._network.device))

    def _state_tokens(self, state: np.ndarray | None, batch: int) -> torch.Tensor | None:
        """[B, 1, C], or None for a checkpoint without proprioception."""
        network = self._network
        if network.state_size is None:
            return None
        if state is None or np.shape(state) != (batch, network.state_size):
            given = "none was given or recorded" if state is None else f"got {np.shape(state)}"
            raise BadInput(
                f"{self.name} takes proprioception of ({batch} frames, {network.state_size} numbers); {given}."
            )
        numbers = np.asarray(state, np.float64)
        if not np.isfinite(numbers).all():
            raise BadInput("The proprioception holds numbers that are not finite.")
        if self._state is not None:
            numbers = self._state.normalise(numbers)
        projector = network.ready("proprio_projector")
        return projector(torch.tensor(numbers).to(network.device, network.dtype))[:, None]

    def _think(
        self,
        image: torch.Tensor,
        tokens: np.ndarray,
        state: torch.Tensor | None,
        sites: Sequence[str],
        *,
        actions: bool,
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
        """Llama over the whole sequence, all seeing all: features [B, views * patches, C] and actions [B, chunk, D].

        The actions are still in [-1, 1].
        """
        network = self._network
        modules = llm_layers(sites)
        wanted = {*modules.values(), *(["norm"] if actions else [])}
        network.ready_language(sites, actions=actions)
        words = self._words(tokens).expand(len(image), -1, -1)
        slots = words.new_zeros(len(image), self._chunk * network.dimensions, words.shape[-1])
        sequence = [words[:, :1], image, *([state] if state is not None else []), words[:, 1:-1], slots, words[:, -1:]]
        embedded = torch.cat(sequence, dim=1)
        # Four dimensions pass through as they are; anything less would be made causal.
        mask = torch.ones(1, 1, embedded.shape[1], embedded.shape[1], dtype=torch.bool, device=network.device)
        model = network.language_model.model
        with capture(model, list(wanted), stop=True) as seen:
            model(inputs_embeds=embedded, attention_mask=mask, use_cache=False)
        features = {site: seen[module][:, 1 : 1 + image.shape[1]] for site, module in modules.items()}
        if not actions:
            return features, None
        # The state before a slot speaks for it, as a token before speaks for the next.
        first = embedded.shape[1] - slots.shape[1] - 2
        states = seen["norm"][:, first : first + slots.shape[1]].unflatten(1, (self._chunk, -1)).flatten(2)
        return features, network.ready("action_head.model")(states)

    def _sequence(self, words: int) -> int:
        """Tokens of the whole sequence for a prompt of `words`, BOS included."""
        image = len(self.cameras) * self._grid[0] * self._grid[1]
        state = int(self._network.state_size is not None)
        return image + state + words + self._chunk * self._network.dimensions + 1

    def _list_sites(self) -> dict[str, FeatureSite]:
        """All sites in order of depth; the language model's operations are shared out among the cameras."""
        network, text = self._network, self._network.text
        sites = vision_sites(network, self._grid, depends=network.film)
        reached = sites["projector"].flops
        layers = [(f"llm.{layer}", layer) for layer in range(1, text.num_hidden_layers + 1)]
        state = sum(
            2.0 * weight.numel()
            for name, weight in network.named_parameters()
            if name.startswith("proprio") and weight.ndim == 2
        )
        for name, layer in [*layers, ("llm.norm", text.num_hidden_layers)]:
            language = language_flops(text, self._sequence(TYPICAL_PROMPT), layer) + state
            flops = reached + language / len(self.cameras)
            sites[name] = FeatureSite(name, text.hidden_size, self._grid, depends_on_instruction=True, flops=flops)
        return sites


def load(
    source: Path,
    *,
    device: torch.device,
    dtype: torch.dtype | None,
    unnorm_key: str | None = None,
    recipe: str = "plain",
    views: int | None = None,
    chunk: int | None = None,
) -> OpenVlaOft:
    """The catalogue's way in."""
    return OpenVlaOft(
        source, device=device, dtype=dtype, unnorm_key=unnorm_key, recipe=recipe, views=views, chunk=chunk
    )


def _platform(dimensions: int, key: str | None) -> Platform:
    """The robot a checkpoint was made for, as far as its head and its statistics show."""
    if dimensions == 14:
        return ALOHA
    return BRIDGE if key is not None and key.startswith("bridge") else LIBERO
