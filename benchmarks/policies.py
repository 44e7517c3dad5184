"""How close the policies come to the matrix products they consist of. Run: python benchmarks/policies.py

Times stand beside their floors, measured in turns in the same run: the floor is the exact operation count, attention
included, divided by the best rate of plain matrix products in the same type.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analyzer.ncut.kway import kway_labels, kway_rotation
from analyzer.ncut.nystrom import NystromNcut
from policies.catalog import load_policy
from policies.openvla_network import Projector
from policies.vit import VisionTransformer, VitShape


def best_seconds(call: Callable[[], object], repeats: int) -> float:
    """The fastest of `repeats` calls: noise only ever adds."""
    return best_of([call], repeats)[0]


def best_of(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """The fastest of `repeats` calls each, taken in turns: what slows the machine for a while slows all of them."""
    best = [math.inf] * len(calls)
    for _ in range(repeats):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


@dataclass(frozen=True)
class Products:
    """Plain matrix products, nothing else: a floor for what consists of them."""

    what: str
    call: Callable[[], object]
    flops: float


def product(rows: int, inner: int, columns: int, dtype: torch.dtype) -> Products:
    """[rows, inner] @ [inner, columns]^T, weights as a linear layer stores them, at rest in the caches."""
    x, weight = torch.randn(rows, inner).to(dtype), torch.randn(columns, inner).to(dtype)
    flops = 2.0 * rows * inner * columns
    return Products(f"{rows} x {inner} x {columns}", partial(torch.nn.functional.linear, x, weight), flops)


def products_of(layers: Sequence[torch.nn.Linear], rows: Sequence[int]) -> Products:
    """The products of `layers` over so many tokens each, with the layers' own weights, one after another.

    That the weights must come from memory is part of the floor; their biases are not.
    """
    pairs = list(zip(layers, rows, strict=True))
    inputs = {(n, it.in_features): torch.randn(n, it.in_features, dtype=it.weight.dtype) for it, n in pairs}

    def call() -> None:
        for layer, count in pairs:
            torch.nn.functional.linear(inputs[count, layer.in_features], layer.weight)

    return Products("its own products", call, sum(2.0 * count * layer.weight.numel() for layer, count in pairs))


def compare(what: str, call: Callable[[], object], flops: float, floors: Sequence[Products], repeats: int) -> None:
    """Print the time of `call` and how much longer it is than its operations at the rate of each floor."""
    call()
    seconds, *taken = best_of([call, *(floor.call for floor in floors)], repeats)
    print(f"{what}: {seconds:.3f} s, {flops / 1e9:.0f} GFLOP")
    for floor, alone in zip(floors, taken, strict=True):
        rate = floor.flops / alone
        print(f"    {seconds * rate / flops:5.2f} x the floor by {floor.what} ({rate / 1e9:.0f} GFLOP/s)")


def dinov2_small(given: argparse.Namespace) -> None:
    """Seconds of the embedded default at its default size, by batch."""
    policy = load_policy("dinov2-small", dtype=given.dtype)
    site = list(policy.sites)[-1]
    floor = product(1025, 384, 1536, getattr(torch, given.dtype))
    for batch in (1, 2, 4, 8):
        frames = list(np.random.default_rng(0).integers(0, 256, (batch, 1, 256, 256, 3), dtype=np.uint8))
        call, flops = partial(policy.run, frames, sites=[site]), policy.sites[site].flops * batch
        compare(f"dinov2-small 448 px {given.dtype} batch {batch}", call, flops, [floor], given.repeats)


def full_size_openvla(folder: Path) -> None:
    """A checkpoint in the layout and the sizes of openvla-7b: 15 GB that take no disk (a file of holes, all zeros)."""
    from transformers import LlamaConfig, LlamaForCausalLM

    dino = VitShape(1024, 24, 16, 4096, 14, (16, 16), class_token=True, registers=4, layer_scale=True)
    siglip = VitShape(1152, 27, 16, 4304, 14, (16, 16))
    with torch.device("meta"):
        parts = {
            "vision_backbone.featurizer.": VisionTransformer(dino),
            "vision_backbone.fused_featurizer.": VisionTransformer(siglip),
            "projector.": Projector(2176, 4096, fused=True),
            "language_model.": LlamaForCausalLM(LlamaConfig(vocab_size=32064)),
        }
    header: dict[str, object] = {}
    end = 0
    for prefix, module in parts.items():
        for name, tensor in module.state_dict().items():
            start, end = end, end + 2 * tensor.numel()
            header[prefix + name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        file.truncate(8 + len(encoded) + end)
    golden = Path(__file__).parents[1] / "tests" / "data" / "openvla_golden"
    config = json.loads((golden / "config.json").read_text())
    config |= {
        "timm_model_ids": ["vit_large_patch14_reg4_dinov2.lvd142m", "vit_so400m_patch14_siglip_224"],
        "text_config": {"model_type": "llama", "pad_token_id": 32000, "vocab_size": 32064},
    }
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("preprocessor_config.json", "dataset_statistics.json"):
        (folder / name).write_bytes((golden / name).read_bytes())
    print(f"full-size OpenVLA layout: {end / 2e9:.2f} billion parameters, {end / 2**30:.1f} GiB in bfloat16")


def anonymous_mib() -> float:
    """Memory of this process that is no file's, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(row for row in status.splitlines() if row.startswith("RssAnon")).split()[1]) / 1024


def openvla(given: argparse.Namespace) -> None:
    """Memory of a full-size checkpoint, and time of its tower and of language layers against their floors."""
    with tempfile.TemporaryDirectory() as name, torch.inference_mode():
        full_size_openvla(Path(name))
        import transformers.models.llama.modeling_llama  # noqa: F401  (its memory is not the checkpoint's)

        before, start = anonymous_mib(), time.perf_counter()
        mapped: Any = load_policy(name)
        taken, opened = time.perf_counter() - start, anonymous_mib()
        network = mapped._network
        network.checkpoint.fill(network, "", network.device, network.dtype)
        print(
            f"load_policy: {taken:.1f} s, {opened - before:.0f} MiB of anonymous memory; "
            f"with every weight in its place: {anonymous_mib() - before:.0f} MiB"
        )
        del mapped, network
        policy: Any = load_policy(name, dtype=given.dtype)
        for batch in (1, 4):
            towers_and_prefill(policy, batch, given)


def towers_and_prefill(policy: Any, batch: int, given: argparse.Namespace, depth: int = 4) -> None:
    """`vision.fused` from the pixels on, and `depth` language layers over BOS and the image.

    Two floors each: by the products of its own layers, which no program that calls the same library gets below, and by
    a square product that lies in the caches, the best this processor is seen to do.
    """
    frames = list(np.random.default_rng(0).integers(0, 256, (batch, 1, 256, 256, 3), dtype=np.uint8))
    network, model = policy._network, policy._network.language_model.model
    policy.run(frames[:1], sites=["vision.fused"])
    network.ready_language([f"llm.{depth}"], actions=False)
    fill_with_noise(network)  # zeros could be quicker than numbers
    square = product(1024, 1024, 1024, network.dtype)
    linear = [
        (layer, batch * tokens)
        for tower, tokens in zip(network.towers, (261, 256), strict=True)
        for block in network.vision_backbone[tower.key].blocks[: tower.used_block + 1]
        for layer in block.modules()
        if isinstance(layer, torch.nn.Linear)
    ]
    of_towers = products_of([layer for layer, _ in linear], [rows for _, rows in linear])
    label = f"{given.dtype}, batch {batch}, {torch.get_num_threads()} threads"
    flops = policy.sites["vision.fused"].flops * batch
    call = partial(policy.run, frames, sites=["vision.fused"])
    compare(f"openvla vision.fused, {label}", call, flops, [of_towers, square], given.repeats)
    site = f"llm.{depth}"
    layers = [layer for layer in model.layers[:depth].modules() if isinstance(layer, torch.nn.Linear)]
    of_layers = products_of(layers, [batch * 257] * len(layers))
    image = torch.randn(batch, 256, policy.sites[site].dim, dtype=network.dtype)
    flops = (policy.sites[site].flops - policy.sites["projector"].flops) * batch
    call = partial(policy._think, image, [site], None)
    compare(f"openvla prefill of {depth} layers, {label}", call, flops, [of_layers, square], given.repeats)


def fill_with_noise(network: torch.nn.Module) -> None:
    """Replace the zeros of what was read by small random numbers, in memory."""
    for parameter in network.parameters():
        if not parameter.is_meta:
            parameter.data = torch.empty_like(parameter).normal_(std=0.02)


LIBERO = Path(__file__).resolve().parents[2] / "shared" / "libero" / "episodes"
OBJECTS = (1, 2, 3, 4, 5)
"""Two bowls, cookie box, ramekin, plate."""


def densify(_: argparse.Namespace) -> None:
    """What a finer grid brings: best-match IoU of 20-way NCut segments with the masks of LIBERO scenes."""
    frames, masks = libero_frames(episodes=4, per_episode=2)
    settings = [(224, 1), (224, 2), (224, 4), (448, 1), (448, 2)]
    for site in ("vision.7", "vision.11"):
        for size, factor in settings:
            policy = load_policy("dinov2-small", input_size=size, densify=factor)
            start = time.perf_counter()
            features = policy.run(frames, sites=[site]).features[site][:, 0]
            taken = (time.perf_counter() - start) / len(frames)
            vectors = NystromNcut(20).fit_transform(features.flatten(0, 2))
            labels = kway_labels(vectors, kway_rotation(vectors)).view(features.shape[:3]).numpy()
            grid = f"{labels.shape[1]} x {labels.shape[2]}"
            iou = np.mean([best_iou(label, mask) for label, mask in zip(labels, masks, strict=True)])
            print(f"{site:10s} {size} px, densify {factor}: {grid:9s} IoU {iou:.3f}  {taken:.2f} s a frame")


def libero_frames(episodes: int, per_episode: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames as a policy takes them, and their masks of instances, (256, 256) each."""
    frames, masks = [], []
    for folder in sorted(LIBERO.iterdir())[:episodes]:
        with av.open(folder / "agentview.mp4") as video:
            pictures = [picture.to_ndarray(format="rgb24") for picture in video.decode(video=0)]
        with np.load(folder / "seg.npz") as stored:
            truth = stored["agentview"]
        for index in np.linspace(0, len(pictures) // 2, per_episode).astype(int):
            frames.append(pictures[index][None])
            masks.append(truth[index])
    return frames, masks


def best_iou(labels: np.ndarray, mask: np.ndarray) -> float:
    """Mean over the objects in sight of the best overlap that any segment of the frame has with them."""
    rows, cols = (np.arange(side) * cells // side for side, cells in zip(mask.shape, labels.shape, strict=True))
    shown = labels[rows][:, cols]
    scores = []
    for wanted in (mask == number for number in OBJECTS):
        if wanted.sum() >= 100:
            inside = [(shown == segment) for segment in np.unique(shown[wanted])]
            scores.append(max((wanted & it).sum() / (wanted | it).sum() for it in inside))
    return float(np.mean(scores))


BENCHMARKS = {"dinov2-small": dinov2_small, "openvla": openvla, "densify": densify}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which to run; default: all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in given.names or BENCHMARKS:
        BENCHMARKS[name](given)


if __name__ == "__main__":
    main()
