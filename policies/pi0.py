"""pi0 (Black et al. 2024) through transformers, from a checkpoint of transformers or of LeRobot.

Sites: `vision.siglip.k` (patch tokens after layer k), `vision.siglip.norm` (after the final norm: what the projector
gets), `projector`, `llm.0` (the same tokens as Gemma gets them) … `llm.N` (after layer N - 1), `llm.norm`.

Images and instruction see each other in Gemma: the sites behind its first layer depend on the instruction. Actions are
drawn by flow matching from noise that is the same for every frame, so that equal frames give equal actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foundation.action_space import ActionSpace, unnamed
from foundation.errors import BadInput, PolicyUnavailable, quoted
from policies.attribution import ATTRIBUTED, Attribution, opened_gates
from policies.checkpoint import Checkpoint, digest
from policies.folder_files import read_json
from policies.hooks import capture
from policies.inputs import check_sites, stack_pixels
from policies.lerobot_files import ACTION, STATE, cameras, size_of, statistics
from policies.openvla_network import language_flops, llm_layers
from policies.padding import FitCentred
from policies.policy import FeatureSite, PolicyOutput
from policies.pretrained import config_of, load_model
from policies.prompt import TYPICAL_PROMPT, Prompt
from policies.transform import Normalisation, StepTransform
from policies.vit import VitShape

CAMERAS = ("base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb")
"""pi0's own three views, where the configuration names none."""
VISION = "vision.siglip."
MOST = 1000
"""Actions of a chunk, steps of the flow, numbers of a state: what a configuration may say."""


class Pi0:
    """Any checkpoint of pi0. pi0.5 and pi0-FAST are other networks and are refused."""

    def __init__(self, folder: Path, *, device: torch.device, dtype: torch.dtype | None = None) -> None:
        """Read the configuration and the headers; the weights are read at the first run.

        Raises:
            PolicyUnavailable: files are missing, damaged or pickled, or the checkpoint is of another network.
        """
        self._given = read_json(folder / "config.json")
        kind = self._given.get("model_type", self._given.get("type"))
        if kind != "pi0":
            raise PolicyUnavailable(
                f"{quoted(folder)} is a {quoted(kind)}: transformers has the network of pi0 alone. The vision tower of "
                "a PaliGemma can be looked at as a siglip backbone."
            )
        self._folder = folder
        self._config = _transformers_config(self._given)
        checkpoint = Checkpoint(folder)
        self._device = device
        self.dtype = dtype or checkpoint.default_dtype
        self._weight_bytes = checkpoint.parameters * self.dtype.itemsize if device.type == "cpu" else 0
        self._loaded: list[Any] = []  # shared by copies that look at the picture differently
        self.name = folder.name
        self.cameras = cameras(self._given) or CAMERAS
        vision = self._config.vlm_config.vision_config
        text = self._config.vlm_config.text_config
        stacks = (vision, text, self._config.dit_config)
        checkpoint.check_layers(*(stack.num_hidden_layers for stack in stacks))
        _check_sizes(self._config)
        rows = vision.image_size // vision.patch_size
        self._grid = (rows, rows)
        half = (0.5, 0.5, 0.5)
        self.transform = StepTransform(
            (FitCentred(vision.image_size, vision.image_size),), (Normalisation(half, half),)
        )
        self._prompt = Prompt(
            folder,
            template="{}\n",
            vocabulary=text.vocab_size,
            bos=text.bos_token_id,
            limit=int(self._given.get("tokenizer_max_length", 48)),
            ending=None,
            lower=False,
        )
        self._state, self._action = (statistics(folder, self._given, name) for name in (STATE, ACTION))
        self.state_size: int | None = size_of(self._given, "input_features", STATE) or self._config.max_state_dim
        dimensions = size_of(self._given, "output_features", ACTION) or self._config.max_action_dim
        sizes = (
            (dimensions, self._config.max_action_dim, self._action),
            (
                self.state_size,
                self._config.max_state_dim,
                self._state,
            ),
        )
        if not all(1 <= size <= most and (known is None or len(known) == size) for size, most, known in sizes):
            raise PolicyUnavailable(
                f"{quoted(folder)} contradicts itself: {dimensions} numbers of action and {self.state_size} of state do not "
                "fit its network or its statistics."
            )
        self.action_space: ActionSpace | None = unnamed(dimensions)
        self.sites = _sites(self._config, self._grid, len(self.cameras))
        layers = text.num_hidden_layers
        self.default_sites = (
            f"{VISION}{vision.num_hidden_layers // 2}",
            f"{VISION}norm",
            "projector",
            f"llm.{layers // 2}",
            f"llm.{layers}",
        )
        scales = [(s.offset.tolist(), s.scale.tolist()) if s else None for s in (self._state, self._action)]
        self.fingerprint = digest(checkpoint.fingerprint(), self._given, self.dtype, self.transform.fingerprint, scales)

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return self._weight_bytes  # read whole, whatever is asked

    @property
    def action_flops(self) -> float:
        """Operations to draw one frame's chunk, for a prompt of usual length."""
        config, chunk = self._config.dit_config, self._config.chunk_size + 1
        seen = len(self.cameras) * self._grid[0] * self._grid[1] + TYPICAL_PROMPT + chunk
        layer = (
            language_flops(config, chunk, 1)
            + 4.0 * chunk * (seen - chunk) * config.num_attention_heads * config.head_dim
        )
        steps = self._config.num_inference_steps * config.num_hidden_layers * layer
        return self.sites["llm.norm"].flops * len(self.cameras) + steps

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
        """Features and sampled action chunks of B frames; see `Policy.run`.

        Args:
            state: [B, S] proprioception in the recording's units (already normalised where there are no statistics).
        """
        check_sites(sites, self.sites)
        modules = self._modules(sites)
        deep = actions or any(self.sites[site].depends_on_instruction for site in sites)
        if deep and instruction is None:
            raise BadInput(
                "pi0's deeper features and its actions depend on the instruction, and none was given or recorded."
            )
        numbers = self._state_numbers(state, len(frames)) if actions else None
        tokens = self._prompt.tokens(instruction) if deep and instruction is not None else None
        pixels = stack_pixels(self.transform, frames, len(self.cameras)).to(self._device, self.dtype)
        if not sites and not actions:
            return PolicyOutput({}, None, None)
        with torch.inference_mode():
            model, flow = self._model(), None
            with capture(model, list(modules.values()), stop=not actions) as seen:
                embedded = self._embed(model, self._tokens(model, pixels), tokens)
                flow = self._think(model, embedded, numbers, seed)
        shape = (len(frames), len(self.cameras))
        patches = shape[1] * self._grid[0] * self._grid[1]
        features = {}
        for site in sites:
            value = seen[modules[site]]
            value = (
                value[:, :patches].unflatten(1, (shape[1], -1))
                if site in llm_layers(sites)
                else value.unflatten(0, shape)
            )
            features[site] = value.unflatten(2, self._grid)
        if flow is None or self._action is None:
            return PolicyOutput(features, None, None)
        return PolicyOutput(features, self._action.unnormalise(flow.float().cpu().numpy().astype(np.float64)), None)

    def attribute(
        self,
        frames: Sequence[np.ndarray],
        instruction: str | np.ndarray | None = None,
        *,
        state: np.ndarray | None = None,
        seed: int = 0,
        gates: np.ndarray | None = None,
    ) -> Attribution:
        """See `Attributable.attribute`: the first action of the chunk, for fixed noise, through all steps of the flow."""
        if instruction is None:
            raise BadInput("An action is predicted for an instruction, and none was given or recorded.")
        numbers = self._state_numbers(state, len(frames))
        tokens = self._prompt.tokens(instruction)
        pixels = stack_pixels(self.transform, frames, len(self.cameras)).to(self._device, self.dtype)
        model = self._model()
        with torch.no_grad():
            image = self._tokens(model, pixels)
        opened = opened_gates(gates, (*pixels.shape[:2], *self._grid), self._device)
        with torch.enable_grad():
            embedded = self._embed(model, image * opened.flatten(1)[..., None].to(image.dtype), tokens)
            flow = self._think(model, embedded, numbers, seed)
            assert flow is not None
            assert self._action is not None
            first = flow[:, 0].to(torch.promote_types(flow.dtype, torch.float32))
            scale, offset = (torch.tensor(part).to(first) for part in (self._action.scale, self._action.offset))
            return Attribution.of(ATTRIBUTED, first * scale + offset, opened)

    def _modules(self, sites: Sequence[str]) -> dict[str, str]:
        """Site -> submodule whose output it is."""
        vlm, names = "model.vlm.", {}
        for site in sites:
            if site in ("projector", "llm.0"):
                names[site] = f"{vlm}multi_modal_projector"
            elif site == f"{VISION}norm":
                names[site] = f"{vlm}vision_tower.post_layernorm"
            elif site.startswith(VISION):
                names[site] = f"{vlm}vision_tower.encoder.layers.{site.removeprefix(VISION)}"
        return names | {site: f"{vlm}language_model.{module}" for site, module in llm_layers(sites).items()}

    def _tokens(self, model: Any, pixels: torch.Tensor) -> torch.Tensor:
        """[B, views, 3, H, W] -> [B, views * patches, C]: the images as Gemma gets them."""
        image = model.model.vlm.get_image_features(pixels.flatten(0, 1)).pooler_output
        return image.unflatten(0, pixels.shape[:2]).flatten(1, 2)

    def _embed(self, model: Any, image: torch.Tensor, tokens: np.ndarray | None) -> torch.Tensor:
        """[B, views * patches + N, C]: the images, then the prompt."""
        if tokens is None:
            return image
        words = model.model.vlm.get_input_embeddings()(torch.tensor(tokens, device=self._device))
        return torch.cat([image, words.expand(len(image), -1, -1)], dim=1)

    def _think(self, model: Any, embedded: torch.Tensor, state: torch.Tensor | None, seed: int) -> torch.Tensor | None:
        """Gemma over images and prompt, all seeing all, then the flow from noise to actions (Euler's method).

        Returns:
            [B, chunk, D] normalised actions; None without a `state`: no actions are wanted.
        """
        mask = torch.ones(embedded.shape[:2], dtype=torch.long, device=self._device)
        cache = model.model.vlm(
            inputs_embeds=embedded,
            attention_mask=mask,
            position_ids=mask.cumsum(-1) - 1,
            token_type_ids=torch.zeros_like(mask),
            use_cache=True,
        ).past_key_values
        if state is None:
            return None
        config = self._config
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(1, config.chunk_size, config.max_action_dim, generator=generator)
        flow = noise.to(self._device, self.dtype).expand(len(embedded), -1, -1)
        length, steps = cache.get_seq_length(), config.num_inference_steps
        for step in range(steps):
            time = torch.full((len(embedded),), 1 - step / steps, device=self._device)
            velocity = model(state=state, noise=flow, timestep=time, attention_mask=mask, past_key_values=cache).logits
            cache.crop(length - cache.get_seq_length())  # a step must not see the one before
            flow = flow - velocity / steps
        return flow[..., : len(self.action_space or ())]

    def _state_numbers(self, state: np.ndarray | None, batch: int) -> torch.Tensor:
        """[B, max_state_dim], normalised and filled up with zeros."""
        if self._action is None:
            raise BadInput(
                f"{self.name} has no statistics of its actions, so they would have no units. Use a fine-tune."
            )
        if state is None or np.shape(state) != (batch, self.state_size):
            given = "none was given or recorded" if state is None else f"got {np.shape(state)}"
            raise BadInput(f"{self.name} takes proprioception of ({batch} frames, {self.state_size} numbers); {given}.")
        numbers = np.asarray(state, np.float64)
        if not np.isfinite(numbers).all():
            raise BadInput("The proprioception holds numbers that are not finite.")
        numbers = self._state.normalise(numbers) if self._state is not None else numbers
        padded = np.zeros((batch, self._config.max_state_dim))
        padded[:, : self.state_size] = numbers
        return torch.tensor(padded).to(self._device, self.dtype)

    def _model(self) -> Any:
        if not self._loaded:
            # LeRobot also saves output layers that pi0 does not use, and its own buffers.
            unused = (r".*lm_head\.weight", r"(un)?normalize_(inputs|targets|outputs)\..*")
            with torch.inference_mode(False):  # what is made in that mode could not be differentiated through later
                self._loaded.append(
                    load_model("PI0ForConditionalGeneration", self._config, self._folder, self.dtype, unused).to(
                        self._device
                    )
                )
        return self._loaded[0]


def load(source: Path, *, device: torch.device, dtype: torch.dtype | None) -> Pi0:
    """The catalogue's way in."""
    return Pi0(source, device=device, dtype=dtype)


def _check_sizes(config: Any) -> None:
    """Raise PolicyUnavailable for numbers that no pi0 has, and that would take a run all memory or time there is."""
    for name in ("chunk_size", "num_inference_steps", "max_state_dim", "max_action_dim"):
        value = getattr(config, name)
        if type(value) is not int or not 1 <= value <= MOST:
            raise PolicyUnavailable(f"{name} in config.json is {quoted(value)}; 1 to {MOST} is supported.")


def _transformers_config(given: Mapping[str, Any]) -> Any:
    """The configuration of transformers, also from LeRobot's, which has other names and fixed sizes."""
    if "vlm_config" in given:
        return config_of("PI0Config", given)
    variants = given.get("paligemma_variant", "gemma_2b"), given.get("action_expert_variant", "gemma_300m")
    if variants != ("gemma_2b", "gemma_300m"):
        raise PolicyUnavailable(f"pi0 of the sizes {quoted(variants)} is not supported; only gemma_2b with gemma_300m.")
    names = ("chunk_size", "max_state_dim", "max_action_dim", "min_period", "max_period")
    values = {name: given[name] for name in names if name in given}
    return config_of(
        "PI0Config", values | {"num_inference_steps": given.get("num_inference_steps", given.get("num_steps", 10))}
    )


def _sites(config: Any, grid: tuple[int, int], views: int) -> dict[str, FeatureSite]:
    """All sites in order of depth; Gemma's operations are shared out among the cameras."""
    vision, text = config.vlm_config.vision_config, config.vlm_config.text_config
    shape = VitShape(
        vision.hidden_size, vision.num_hidden_layers, vision.num_attention_heads, vision.intermediate_size,
        vision.patch_size, grid,
    )  # fmt: skip
    patches = grid[0] * grid[1]
    last = shape.flops(grid, shape.depth - 1)
    projected = last + 2.0 * patches * vision.hidden_size * config.vlm_config.projection_dim
    stages = [(f"{VISION}{layer}", shape.dim, shape.flops(grid, layer), False) for layer in range(shape.depth)]
    stages += [(f"{VISION}norm", shape.dim, last, False)]
    stages += [(name, text.hidden_size, projected, False) for name in ("projector", "llm.0")]
    layers = [(f"llm.{layer}", layer) for layer in range(1, text.num_hidden_layers + 1)]
    for name, layer in [*layers, ("llm.norm", text.num_hidden_layers)]:
        language = language_flops(text, views * patches + TYPICAL_PROMPT, layer) / views
        stages.append((name, text.hidden_size, projected + language, True))
    return {name: FeatureSite(name, dim, grid, depends, flops) for name, dim, flops, depends in stages}
