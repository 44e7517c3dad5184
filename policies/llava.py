"""LLaVA 1.5 (Liu et al. 2023) and LLaVA-NeXT (2024) through transformers: tower, projector and language layers.

They see and speak, and do not act. The image stands behind the words that open every conversation and before the
question, and attention is causal: no site depends on an instruction.

Sites of LLaVA 1.5: `vision.k`, `projector`, `llm.0` … `llm.N`, `llm.norm`. LLaVA-NeXT looks at a picture several times:
once as a whole (`overview.…`, the same names) and once in crops, whose patches are put back where they lie: `vision.k`
and so on are one fine grid over the whole picture. Which crops it takes depends on the picture's aspect; here it is
always those of a square picture, and the picture is resized to them whatever its aspect.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foundation.errors import PolicyUnavailable, quoted
from policies.checkpoint import Checkpoint, digest
from policies.flops import flops_by_module
from policies.folder_files import read_json
from policies.hooks import capture
from policies.inputs import stack_pixels
from policies.looks_only import LooksOnly
from policies.openvla_network import language_flops, llm_layers
from policies.policy import FeatureSite
from policies.pretrained import config_of, load_model
from policies.prompt import Prompt
from policies.transform import OPENAI, Normalisation, Resize, StepTransform

OPENINGS = {"llama": "USER: ", "mistral": "[INST] "}
"""What a conversation begins with, by language model."""
OVERVIEW = "overview."
TOWER = "model.vision_tower.encoder.layers"


class Llava(LooksOnly):
    """Any LLaVA with a CLIP tower."""

    kind = "vision-language model"

    def __init__(
        self, folder: Path, *, device: torch.device, dtype: torch.dtype | None = None, opening: str | None = None
    ) -> None:
        """Read the configuration and the headers; the weights are read at the first run.

        Args:
            opening: words before the image; None: those of the language model's usual conversation. "" needs no
                tokenizer.

        Raises:
            PolicyUnavailable: files are missing, damaged or pickled, or the tower or language model is another one.
        """
        given = read_json(folder / "config.json")
        kind = {"llava": "Llava", "llava_next": "LlavaNext"}[given["model_type"]]
        self._class = f"{kind}ForConditionalGeneration"
        self._config = config_of(f"{kind}Config", given)
        vision, text = self._config.vision_config, self._config.text_config
        if vision.model_type != "clip_vision_model" or text.model_type not in OPENINGS:
            raise PolicyUnavailable(
                f"{quoted(folder)} joins {quoted(vision.model_type)} and {quoted(text.model_type)}; only a CLIP tower with "
                f"{' or '.join(OPENINGS)} is supported."
            )
        if not isinstance(self._config.vision_feature_layer, int):
            raise PolicyUnavailable("This LLaVA joins several layers of its tower; only one is supported.")
        self._folder = folder
        checkpoint = Checkpoint(folder)
        checkpoint.check_layers(vision.num_hidden_layers, text.num_hidden_layers)
        self._device = device
        self.dtype = dtype or checkpoint.default_dtype
        self._weight_bytes = checkpoint.parameters * self.dtype.itemsize if device.type == "cpu" else 0
        self._loaded: list[Any] = []  # shared by copies that look at the picture differently
        self.name = folder.name
        side = vision.image_size
        self._base = (side // vision.patch_size,) * 2
        self._tiles = _square_tiles(self._config.image_grid_pinpoints, side) if kind == "LlavaNext" else 0
        self._fine = tuple(rows * max(1, self._tiles) for rows in self._base)
        normalisation = (Normalisation(*OPENAI),)
        self._whole = StepTransform((Resize(side, side),), normalisation)
        self.transform = StepTransform((Resize(side * max(1, self._tiles), side * max(1, self._tiles)),), normalisation)
        self._opening = self._read_opening(OPENINGS[text.model_type] if opening is None else opening)
        self.sites = self._list_sites()
        layer = self._used_layer() - 1
        depth = text.num_hidden_layers
        self.default_sites = (f"vision.{layer}", "projector", f"llm.{depth // 2}", f"llm.{depth}")
        self.fingerprint = digest(
            checkpoint.fingerprint(), given, self.dtype, self.transform.fingerprint, self._opening.tolist()
        )

    def look(self, frames: Sequence[np.ndarray], sites: Sequence[str]) -> dict[str, torch.Tensor]:
        model, crops = self._model(), self._crops(frames)
        modules = {site: _module(site.removeprefix(OVERVIEW)) for site in sites}
        with capture(model, sorted(set(modules.values())), stop=True) as seen:
            self._call(model, crops.to(self._device, self.dtype))
        return {site: self._place(site, seen[module], len(frames)) for site, module in modules.items()}

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return self._weight_bytes  # read whole, whatever is asked

    def _crops(self, frames: Sequence[np.ndarray]) -> torch.Tensor:
        """[B, crops, 3, side, side]: the whole picture, then for LLaVA-NeXT its crops in raster order."""
        if not self._tiles:
            return stack_pixels(self.transform, frames, 1)
        whole = stack_pixels(self._whole, frames, 1)
        side = self._whole.size[0]
        fine = stack_pixels(self.transform, frames, 1)[:, 0].unfold(2, side, side).unfold(3, side, side)
        return torch.cat([whole, fine.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)], dim=1)

    def _call(self, model: Any, crops: torch.Tensor) -> None:
        """One forward pass: tower, projector, then the language model on [opening] [whole] [crops, row by row]."""
        inner = model.model
        # The tower runs by itself: asking transformers for hidden states would keep all of them.
        with capture(inner.vision_tower, [f"encoder.layers.{self._used_layer() - 1}"], stop=True) as seen:
            inner.vision_tower(pixel_values=crops.flatten(0, 1))
        (tokens,) = seen.values()
        if self._config.vision_feature_select_strategy == "default":
            tokens = tokens[:, 1:]
        patches = inner.multi_modal_projector(tokens).unflatten(0, crops.shape[:2])
        image = patches[:, 0]
        if self._tiles:
            rows = self._join(patches[:, 1:])
            newline = inner.image_newline.expand(*rows.shape[:2], 1, -1)
            image = torch.cat([image, torch.cat([rows, newline], dim=2).flatten(1, 2)], dim=1)
        words = inner.get_input_embeddings()(torch.tensor(self._opening, device=self._device).to(image.device))
        inner.language_model(inputs_embeds=torch.cat([words.expand(len(image), -1, -1), image], dim=1), use_cache=False)

    def _join(self, patches: torch.Tensor) -> torch.Tensor:
        """[B, tiles², patches, C] -> [B, fine rows, fine cols, C]: every crop back in its place."""
        grid = patches.unflatten(2, self._base).unflatten(1, (self._tiles, self._tiles))
        return grid.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def _place(self, site: str, output: torch.Tensor, batch: int) -> torch.Tensor:
        """What a submodule gave -> [B, 1, rows, cols, C] of this site."""
        overview, stage = site.startswith(OVERVIEW), site.removeprefix(OVERVIEW)
        patches = self._base[0] * self._base[1]
        if stage in llm_layers([stage]):
            image = output[:, len(self._opening) :]
            if overview or not self._tiles:
                return image[:, :patches].unflatten(1, self._base).unsqueeze(1)
            lines = image[:, patches:].unflatten(1, (self._fine[0], self._fine[1] + 1))
            return lines[:, :, :-1].unsqueeze(1)
        crops = output[:, -patches:].unflatten(0, (batch, -1))  # without the class token, where it is there
        if overview or not self._tiles:
            return crops[:, 0].unflatten(1, self._base).unsqueeze(1)
        return self._join(crops[:, 1:]).unsqueeze(1)

    def _used_layer(self) -> int:
        """The tower's hidden state that is projected: k is the output of layer k - 1."""
        layer, depth = int(self._config.vision_feature_layer), self._config.vision_config.num_hidden_layers
        return layer if layer >= 0 else depth + 1 + layer

    def _read_opening(self, words: str) -> np.ndarray:
        """Tokens before the image, BOS first."""
        text = self._config.text_config
        prompt = Prompt(
            self._folder,
            template="{}",
            vocabulary=text.vocab_size,
            bos=text.bos_token_id,
            limit=100,
            ending=None,
            lower=False,
        )
        return prompt.tokens(words.rstrip()) if words else np.array([text.bos_token_id])

    def _list_sites(self) -> dict[str, FeatureSite]:
        """All sites in order of depth. Every crop costs: an overview does not come cheaper than its crops."""
        import transformers

        text = self._config.text_config
        stages = [f"vision.{block}" for block in range(self._used_layer())] + ["projector"]
        self._config._attn_implementation = "sdpa"
        with torch.device("meta"):
            model = getattr(transformers, self._class)(self._config).eval()
            blank = torch.zeros(1, 1 + self._tiles**2, 3, *self._whole.size)
        modules = [_module(stage) for stage in stages]
        counted = flops_by_module(model, modules, lambda empty: self._call(empty, blank))
        flops = {stage: counted[module] for stage, module in zip(stages, modules, strict=True)}
        tokens = len(self._opening) + self._base[0] * self._base[1]
        tokens += self._fine[0] * (self._fine[1] + 1) if self._tiles else 0
        flops["llm.0"] = flops["projector"]
        for layer in range(1, text.num_hidden_layers + 1):
            flops[f"llm.{layer}"] = flops["projector"] + language_flops(text, tokens, layer)
        flops["llm.norm"] = flops[f"llm.{text.num_hidden_layers}"]
        sites = {}
        views = [(OVERVIEW, self._base), ("", self._fine)] if self._tiles else [("", self._base)]
        for stage, cost in flops.items():
            width = self._config.vision_config.hidden_size if stage.startswith("vision.") else text.hidden_size
            for view, grid in views:
                causal = stage in llm_layers([stage])
                sites[view + stage] = FeatureSite(view + stage, width, grid, False, cost, causal)
        return sites

    def _model(self) -> Any:
        if not self._loaded:
            self._loaded.append(
                load_model(self._class, self._config, self._folder, self.dtype, (r".*position_ids",)).to(self._device)
            )
        return self._loaded[0]


def load(source: Path, *, device: torch.device, dtype: torch.dtype | None, opening: str | None = None) -> Llava:
    """The catalogue's way in."""
    return Llava(source, device=device, dtype=dtype, opening=opening)


def _module(stage: str) -> str:
    """Stage -> submodule whose output it is."""
    if stage.startswith("vision."):
        return f"{TOWER}.{stage.removeprefix('vision.')}"
    if stage in ("projector", "llm.0"):
        return "model.multi_modal_projector"
    return f"model.language_model.{llm_layers([stage])[stage]}"


def _square_tiles(pinpoints: Sequence[Sequence[int]], side: int) -> int:
    """Crops along one side of a square picture: the largest square of the resolutions it was trained for."""
    squares = [int(height) // side for height, width in pinpoints if height == width and height % side == 0]
    if not squares:
        raise PolicyUnavailable(f"This LLaVA-NeXT was trained for no square picture ({quoted(pinpoints)}).")
    return max(squares)
