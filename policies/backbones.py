"""Vision backbones through transformers: DINOv2, DINOv3, CLIP, SigLIP, SigLIP 2 and SAM's encoder.

They see and do not act: with them any encoder can be compared with a policy's own on the same episode. Torchvision is
never needed: images are prepared here.

Sites: `vision.k`, the patch tokens after block k without class and register tokens, and, where the model normalises
its patch tokens at the end, `vision.norm`; SAM has `vision.neck` there. The whole picture is seen, its aspect not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from foundation.errors import BadInput, PolicyUnavailable, quoted
from policies.checkpoint import Checkpoint, digest
from policies.flops import flops_by_module
from policies.folder_files import read_json
from policies.hooks import capture
from policies.inputs import stack_pixels
from policies.looks_only import LooksOnly
from policies.policy import FeatureSite
from policies.pretrained import config_of, load_model
from policies.transform import IMAGENET, OPENAI, KeepTopLeft, Normalisation, PixelStep, Resize, StepTransform

HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Layout:
    """Where things are in a family of models."""

    model: str
    """Class of transformers."""
    config: str
    layers: str
    """Path of the list of blocks."""
    end: tuple[str, str] | None
    """(site, path) of what follows the last block and still has patches."""
    constants: tuple[tuple[float, float, float], tuple[float, float, float]]
    """Normalisation, where the checkpoint does not say."""
    prefix: Callable[[Any], int] = lambda config: 0
    """Tokens before the patches."""
    size: int | None = None
    """Side of the input in pixels unless told otherwise; None: the size it was trained for."""
    resizable: str = "free"
    """"free", "asked" (positions are resampled on request) or "fixed"."""
    unused: tuple[str, ...] = ()
    """Tensors of a whole checkpoint that are not of its vision tower."""


TEXT_HALF = (
    r"text_model\..*",
    r"text_projection\..*",
    r"visual_projection\..*",
    r"logit_(scale|bias)",
    r".*position_ids",
)
CLIP = Layout(
    "CLIPVisionModel",
    "CLIPVisionConfig",
    "encoder.layers",
    None,
    OPENAI,
    lambda config: 1,
    resizable="asked",
    unused=TEXT_HALF,
)
SIGLIP = Layout(
    "SiglipVisionModel",
    "SiglipVisionConfig",
    "encoder.layers",
    ("norm", "post_layernorm"),
    HALF,
    resizable="asked",
    unused=TEXT_HALF,
)
SIGLIP2 = Layout(
    "Siglip2VisionModel", "Siglip2VisionConfig", "encoder.layers", ("norm", "post_layernorm"), HALF, unused=TEXT_HALF
)
SAM = Layout(
    "SamVisionModel",
    "SamVisionConfig",
    "vision_encoder.layers",
    ("neck", "vision_encoder.neck"),
    IMAGENET,
    resizable="fixed",
    unused=(r"prompt_encoder\..*", r"mask_decoder\..*", r"shared_image_embedding\..*"),
)
LAYOUTS = {
    "dinov2": Layout(
        "Dinov2Model", "Dinov2Config", "encoder.layer", ("norm", "layernorm"), IMAGENET, lambda config: 1, size=448
    ),
    "dinov2_with_registers": Layout(
        "Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", "encoder.layer", ("norm", "layernorm"), IMAGENET,
        lambda config: 1 + config.num_register_tokens, size=448,
    ),
    "dinov3_vit": Layout(
        "DINOv3ViTModel", "DINOv3ViTConfig", "model.layer", ("norm", "norm"), IMAGENET,
        lambda config: 1 + config.num_register_tokens, size=448,
    ),
    "clip": CLIP,
    "clip_vision_model": CLIP,
    "siglip": SIGLIP,
    "siglip_vision_model": SIGLIP,
    "siglip2": SIGLIP2,
    "siglip2_vision_model": SIGLIP2,
    "sam": SAM,
    "sam_vision_model": SAM,
}  # fmt: skip
"""`model_type` -> layout. A model of two halves has its vision tower under `vision_config`."""


class Backbone(LooksOnly):
    """A vision tower. It looks and does not act."""

    def __init__(
        self, folder: Path, *, device: torch.device, dtype: torch.dtype | None = None, input_size: int | None = None
    ) -> None:
        """Read the configuration and the headers; the weights are read at the first run.

        Args:
            input_size: side of the square the picture is resized to, a multiple of the patch; None: 448 for DINO, the
                size it was trained for otherwise.

        Raises:
            PolicyUnavailable: files are missing, damaged or pickled.
            BadInput: a size the model cannot take.
        """
        given = read_json(folder / "config.json")
        self._layout = LAYOUTS[given["model_type"]]
        self._config = config_of(self._layout.config, given.get("vision_config") or given)
        self._folder = folder
        checkpoint = Checkpoint(folder)
        self._device = device
        self.dtype = dtype or checkpoint.default_dtype
        self._weight_bytes = checkpoint.parameters * self.dtype.itemsize if device.type == "cpu" else 0
        self._loaded: list[Any] = []  # shared by copies that look at the picture differently
        self.name = folder.name
        checkpoint.check_layers(self._config.num_hidden_layers)
        patch = self._config.patch_size
        side = self._side(input_size)
        self._grid = (side // patch, side // patch)
        self.transform = _transform(folder, self._layout, side, patch)
        self.sites = self._list_sites()
        depth = self._config.num_hidden_layers
        self.default_sites = tuple(f"vision.{block}" for block in sorted({depth // 3, 2 * depth // 3, depth - 1}))
        self.fingerprint = digest(checkpoint.fingerprint(), given, self.dtype, self.transform.fingerprint)

    def look(self, frames: Sequence[np.ndarray], sites: Sequence[str]) -> dict[str, torch.Tensor]:
        modules, model = self._modules(sites), self._model()
        pixels = stack_pixels(self.transform, frames, len(self.cameras))
        with capture(model, list(modules.values()), stop=True) as seen:
            self._call(model, pixels.flatten(0, 1).to(self._device, self.dtype))
        return {
            site: self._patches(site, seen[module]).unflatten(0, pixels.shape[:2]) for site, module in modules.items()
        }

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return self._weight_bytes  # read whole, whatever is asked

    def _side(self, asked: int | None) -> int:
        """Side of the input in pixels."""
        patch, layout = self._config.patch_size, self._layout
        trained = getattr(self._config, "image_size", None)
        if trained is None:  # SigLIP 2 knows its number of patches instead
            trained = round(self._config.num_patches**0.5) * patch
        side = asked or layout.size or trained
        if asked is not None and (asked < patch or asked % patch):
            near = max(1, round(asked / patch)) * patch
            raise BadInput(f"input_size is {asked}; this model takes multiples of {patch}, e.g. {near}.")
        if layout.resizable == "fixed" and side != trained:
            raise BadInput(f"input_size is {side}; this model takes {trained} alone.")
        self._resampled = layout.resizable == "asked" and side != trained
        return side

    def _modules(self, sites: Sequence[str]) -> dict[str, str]:
        """Site -> submodule whose output it is."""
        end = dict([self._layout.end] if self._layout.end else [])
        stages = {site: site.removeprefix("vision.") for site in sites}
        return {site: end.get(stage, f"{self._layout.layers}.{stage}") for site, stage in stages.items()}

    def _call(self, model: Any, pixels: torch.Tensor) -> None:
        """One forward pass of [N, 3, H, W]."""
        if self._layout is SIGLIP2:
            patch = self._config.patch_size
            cut = pixels.unfold(2, patch, patch).unfold(3, patch, patch)  # [N, 3, rows, cols, patch, patch]
            flat = cut.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)
            shapes = torch.tensor([self._grid] * len(pixels))
            model(pixel_values=flat, pixel_attention_mask=None, spatial_shapes=shapes)
        elif self._resampled:
            model(pixel_values=pixels, interpolate_pos_encoding=True)
        else:
            model(pixel_values=pixels)

    def _patches(self, site: str, output: torch.Tensor) -> torch.Tensor:
        """What a submodule gave -> [N, rows, cols, C]: tokens, or SAM's maps, whose channels the neck puts first."""
        if output.ndim == 3:
            return output[:, self._layout.prefix(self._config) :].unflatten(1, self._grid)
        return output.permute(0, 2, 3, 1) if site == "vision.neck" else output

    def _list_sites(self) -> dict[str, FeatureSite]:
        """All sites in order of depth, each with its exact operations."""
        import transformers

        names = [f"vision.{block}" for block in range(self._config.num_hidden_layers)]
        names += [f"vision.{self._layout.end[0]}"] if self._layout.end else []
        self._config._attn_implementation = "sdpa"
        with torch.device("meta"):
            model = getattr(transformers, self._layout.model)(self._config).eval()
            blank = torch.zeros(1, 3, *self.transform.size)
        modules = self._modules(names)
        flops = flops_by_module(model, list(modules.values()), lambda empty: self._call(empty, blank))
        widths = dict.fromkeys(names, self._config.hidden_size)
        if "vision.neck" in widths:
            widths["vision.neck"] = self._config.output_channels
        return {name: FeatureSite(name, widths[name], self._grid, False, flops[modules[name]]) for name in names}

    def _model(self) -> Any:
        if not self._loaded:
            layout = self._layout
            self._loaded.append(
                load_model(layout.model, self._config, self._folder, self.dtype, layout.unused).to(self._device)
            )
        return self._loaded[0]


def load(source: Path, *, device: torch.device, dtype: torch.dtype | None, input_size: int | None = None) -> Backbone:
    """The catalogue's way in."""
    return Backbone(source, device=device, dtype=dtype, input_size=input_size)


def _transform(folder: Path, layout: Layout, side: int, patch: int) -> StepTransform:
    """The whole picture to `side` x `side`; normalised as the checkpoint says, or as its family does."""
    path = folder / "preprocessor_config.json"
    given: Mapping[str, Any] = read_json(path) if path.is_file() else {}
    try:
        mean, std = (
            tuple(float(x) for x in given.get(key, known))
            for key, known in zip(("image_mean", "image_std"), layout.constants, strict=True)
        )
        resample = Image.Resampling(given.get("resample", Image.Resampling.BICUBIC))
        normalisation = Normalisation(mean, std)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise PolicyUnavailable(f"{quoted(path)} is not usable: {quoted(error)}.") from error
    covered = side // patch * patch
    steps: tuple[PixelStep, ...] = (Resize(side, side, resample),)
    # A patch that does not fit at the right or the bottom is never looked at.
    return StepTransform(steps if covered == side else (*steps, KeepTopLeft(covered, covered)), (normalisation,))
