"""How close the policies come to the matrix products they consist of. Run: python benchmarks/policies.py

Each line gives the floor and the ratio to it, both measured in the same run: the floor is the exact operation count
divided by the best rate of a plain matrix product of the layer's own size in the same type.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
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
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def gemm_rate(rows: int, inner: int, columns: int, dtype: torch.dtype) -> float:
    """Operations a second of [rows, inner] @ [inner, columns]^T, weights as a linear layer stores them."""
    x, weight = torch.randn(rows, inner).to(dtype), torch.randn(columns, inner).to(dtype)
    return 2 * rows * inner * columns / best_seconds(lambda: torch.nn.functional.linear(x, weight), 20)


def line(what: str, seconds: float, flops: float, rate: float) -> None:
    floor = flops / rate
    print(
        f"{what:44s} {seconds:7.3f} s  floor {floor:7.3f} s  ratio {seconds / floor:5.2f}  ({rate / 1e9:6.0f} GFLOP/s)"
    )


def dinov2_small(repeats: int) -> None:
    """Seconds a frame of the embedded default at its default size, by type and batch."""
    for dtype in ("float32", "bfloat16"):
        policy = load_policy("dinov2-small", dtype=dtype)
        site = list(policy.sites)[-1]
        rate = gemm_rate(1025, 384, 1536, getattr(torch, dtype))
        for batch in (1, 2, 4, 8):
            frames = list(np.random.default_rng(0).integers(0, 256, (batch, 1, 256, 256, 3), dtype=np.uint8))
            policy.run(frames[:1], sites=[site])
            seconds = best_seconds(partial(policy.run, frames, sites=[site]), repeats) / batch
            line(f"dinov2-small 448 px {dtype} batch {batch}, a frame", seconds, policy.sites[site].flops, rate)


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


def products_alone(module: torch.nn.Module, rows: int) -> tuple[float, float]:
    """(seconds, operations) of the matrix products of every linear layer in `module` over `rows` tokens, nothing else.

    With the module's own weights, one after another: that they must come from memory is part of the floor.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    inputs = {layer.in_features: torch.randn(rows, layer.in_features, dtype=layer.weight.dtype) for layer in layers}

    def run() -> None:
        for layer in layers:
            torch.nn.functional.linear(inputs[layer.in_features], layer.weight)

    run()
    return best_seconds(run, 3), sum(2.0 * rows * layer.weight.numel() for layer in layers)


def openvla(repeats: int) -> None:
    """Memory of a full-size checkpoint, and time of its tower and of language layers against their floors."""
    frames = list(np.random.default_rng(0).integers(0, 256, (1, 1, 256, 256, 3), dtype=np.uint8))
    with tempfile.TemporaryDirectory() as name, torch.inference_mode():
        full_size_openvla(Path(name))
        import transformers.models.llama.modeling_llama  # noqa: F401  (its memory is not the checkpoint's)

        before, start = anonymous_mib(), time.perf_counter()
        policy: Any = load_policy(name)
        print(
            f"load_policy: {time.perf_counter() - start:.1f} s, {anonymous_mib() - before:.0f} MiB of anonymous memory"
        )
        network = policy._network
        policy.run(frames, sites=["vision.fused"])
        fill_with_noise(network)  # zeros could be quicker than numbers
        seconds = best_seconds(partial(policy.run, frames, sites=["vision.fused"]), repeats)
        plain, counted = 0.0, 0.0
        for tower, tokens in ((network.towers[0], 261), (network.towers[1], 256)):
            blocks = network.get_submodule(f"vision_backbone.{tower.key}").blocks[: tower.used_block + 1]
            taken, flops = products_alone(blocks, tokens)
            plain, counted = plain + taken, counted + flops
        line("openvla vision.fused, bfloat16", seconds, policy.sites["vision.fused"].flops, counted / plain)
        depth = 4
        policy.run(frames, sites=["projector", f"llm.{depth}"])
        deep = best_seconds(partial(policy.run, frames, sites=[f"llm.{depth}"]), repeats)
        flat = best_seconds(partial(policy.run, frames, sites=["projector"]), repeats)
        taken, flops = products_alone(network.language_model.model.layers[:depth], 257)
        work = policy.sites[f"llm.{depth}"].flops - policy.sites["projector"].flops
        line(f"openvla prefill of {depth} layers, 257 tokens", deep - flat, work, flops / taken)
        print(
            f"after the runs: {anonymous_mib() - before:.0f} MiB of anonymous memory (towers replaced by noise included)"
        )


def fill_with_noise(network: torch.nn.Module) -> None:
    """Replace the tower's zeros by small random numbers, in memory."""
    for parameter in network.get_submodule("vision_backbone").parameters():
        if not parameter.is_meta:
            parameter.data = torch.empty_like(parameter).normal_(std=0.02)


LIBERO = Path(__file__).resolve().parents[2] / "shared" / "libero" / "episodes"
OBJECTS = (1, 2, 3, 4, 5)
"""Two bowls, cookie box, ramekin, plate."""


def densify(repeats: int) -> None:
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
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in given.names or BENCHMARKS:
        BENCHMARKS[name](given.repeats)


if __name__ == "__main__":
    main()
