"""Train the embedded policy and write its checkpoint. Run: python -m training.train --data ../shared/libero_train

May be stopped at any time and started again with the same command: it goes on from the last state in `--work`. Only the
number of steps and the shares of the last ones may be others then, as long as the rate has not begun to fall.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from policies.action_bins import ActionBins, ActionStatistics
from policies.catalog import BUNDLED
from policies.prompt import V1, Prompt
from policies.transform import IMAGENET
from training import demonstrations, objective, teacher
from training.attention import quick_attention
from training.checkpoint_folder import write_checkpoint, write_texts
from training.demonstrations import Demonstrations
from training.language import paraphrase
from training.muon import Muon
from training.network import EDGES, TrainedOpenVla
from training.pictures import keep, teacher_at, view
from training.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SPLIT = Path(__file__).resolve().parent / "split.json"
LONGEST = 48
"""Text tokens of a training prompt at most."""
LATE = ("steps", "decay", "whole", "whole_every", "whole_from", "validation_from")
"""Settings that shape nothing before the rate falls."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """Everything that batches are drawn from."""

    data: Demonstrations
    rows: np.ndarray
    """Training rows, then those of validation."""
    chances: np.ndarray
    """How often a row is drawn, against others."""
    trained: int
    """How many of `rows` are training rows."""
    places: np.ndarray
    """(n, 7) right bins."""
    side: np.ndarray
    taught_rows: np.ndarray
    taught: list[np.ndarray]
    median: np.ndarray
    prompt: Prompt
    bins: ActionBins
    statistics: ActionStatistics


@dataclass(frozen=True, eq=False)
class Batch:
    pixels: torch.Tensor
    """[B, 3, side, side] on the scale 0 … 1."""
    kept: torch.Tensor
    """[B, K]"""
    text: torch.Tensor
    """[B, N] prompt and the first six action tokens, BOS first, filled at the end."""
    ends: torch.Tensor
    """[B] place of the prompt's last token in `text`."""
    places: torch.Tensor
    side: torch.Tensor
    phase: torch.Tensor
    taught: list[torch.Tensor]
    """Per block [T, rows * rows, C], of the first T pictures."""


def prepare(data_folder: Path, settings: Settings, work: Path, *, write: bool = False) -> Lessons:
    """Read the data; with `write` also put what lies beside the weights into `work`, where the tokenizer is read from."""
    parts = demonstrations.read_split(SPLIT, data_folder, settings.seed)
    data = demonstrations.read(data_folder, sorted(chain(*parts.values())), work)
    rows = data.rows(parts["train"])
    actions = objective.openvla_actions(data.actions)
    entry = objective.action_statistics(actions[rows], len(parts["train"]))
    if write:
        write_texts(work / "checkpoint", settings, {settings.statistics: entry})
    statistics = ActionStatistics.read(settings.statistics, entry["action"])
    bins = ActionBins(settings.text_tokens + EDGES, EDGES)
    turns = np.flatnonzero((np.diff(data.actions[:, 6]) != 0) & (np.diff(data.episode) == 0))
    taught_rows = rows[:: settings.teacher_every]
    usable = np.concatenate([rows, data.rows(parts["validation"])])
    near = np.isin(usable, (turns[:, None] + np.arange(-4, 6)).ravel())
    return Lessons(
        data=data,
        rows=usable,
        chances=np.where(near, settings.near_turns, 1.0),
        trained=len(rows),
        places=objective.places(actions, statistics),
        side=objective.side_targets(data, settings),
        taught_rows=taught_rows,
        taught=teacher.lesson(data.frames, taught_rows, settings, work) if settings.taught else [],
        median=np.median(data.frames[rows[::97]], axis=0).astype(np.uint8),
        prompt=Prompt(
            work / "checkpoint",
            template=V1,
            vocabulary=settings.text_tokens + EDGES + settings.padding,
            bos=1,
            limit=LONGEST,
        ),
        bins=bins,
        statistics=statistics,
    )


def batch_at(step: int, rank: int, lessons: Lessons, settings: Settings, kept_count: int) -> Batch:
    """One process's part of the batch of a step: a function of seed, step and rank, so that a resumed run sees the same."""
    generator = np.random.default_rng([settings.seed, step, rank])
    size, known = settings.batch // settings.processes, settings.taught // settings.processes
    taught = generator.choice(len(lessons.taught_rows), known, replace=False)
    count = lessons.trained if step < settings.validation_from else len(lessons.rows)
    chances = lessons.chances[:count] / lessons.chances[:count].sum()
    others = generator.choice(lessons.rows[:count], size - known, p=chances)
    rows = np.concatenate([lessons.taught_rows[taught], others])
    data = lessons.data
    views = [view(data.frames[row], lessons.median, settings, generator) for row in rows]
    kept = np.stack([keep(each.novelty, kept_count, generator) for each in views])
    words = [paraphrase(data.instructions[data.episode[row]], generator) for row in rows]
    text, ends = texts(words, lessons.places[rows], lessons)
    windows = torch.from_numpy(np.array([each.window for each in views[:known]]))
    side = settings.image // settings.patch
    return Batch(
        pixels=torch.from_numpy(np.stack([each.rgb for each in views])).permute(0, 3, 1, 2).float().div_(255),
        kept=torch.from_numpy(kept),
        text=text,
        ends=ends,
        places=torch.from_numpy(lessons.places[rows]),
        side=torch.from_numpy(lessons.side[rows]),
        phase=torch.from_numpy(data.phase[rows]),
        taught=[teacher_at(torch.from_numpy(block[taught]), windows, side) for block in lessons.taught],
    )


def texts(words: list[str], places: np.ndarray, lessons: Lessons) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts with the first six action tokens behind them, and where each prompt ends."""
    prompts = [lessons.prompt.tokens(each) for each in words]
    ends = np.array([len(prompt) - 1 for prompt in prompts])
    text = np.zeros((len(prompts), ends.max() + 7), np.int64)
    answers = objective.tokens_of(places, lessons.bins)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        text[row, : len(prompt) + 6] = np.concatenate([prompt, answer[:6]])
    return torch.from_numpy(text), torch.from_numpy(ends)


def both_views(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised as each tower wants it."""
    mean, deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in IMAGENET)
    return (pixels - mean) / deviation, (pixels - 0.5) / 0.5


def losses(model: TrainedOpenVla, batch: Batch, lessons: Lessons, settings: Settings) -> dict[str, torch.Tensor]:
    """The three losses of a batch, and what the eye wants to follow."""
    count = settings.taught // settings.processes
    dino_pixels, siglip_pixels = both_views(batch.pixels)
    dino = model.see("featurizer", dino_pixels, batch.kept)
    siglip = model.see("fused_featurizer", siglip_pixels, batch.kept)
    prefix = dino.shape[1] - siglip.shape[1]
    image = model.projector(torch.cat([dino[:, prefix:], siglip], dim=-1))
    hidden = model.think(image, batch.kept, batch.text, (settings.image // settings.patch) ** 2)
    at = batch.ends[:, None] - 1 + torch.arange(7)  # `hidden` begins behind BOS
    read = hidden.gather(1, at[..., None].expand(-1, -1, hidden.shape[-1]))
    logits = model.language_model.lm_head(read)
    found = {
        "action": objective.action_loss(logits, batch.places, lessons.bins, settings),
        "side": objective.side_loss(model.helpers["side"](read[:, 0]), batch.side, batch.phase),
    }
    if count:
        helpers, towers = model.helpers, model.vision_backbone
        last = towers["featurizer"].blocks[-1](dino[:count])[:, prefix:]
        siglip_last = towers["fused_featurizer"].blocks[-1](siglip[:count])
        guesses = {
            "dino_used": helpers["dino_used"](dino[:count, prefix:]),
            "dino_last": helpers["dino_last"](last),
            "siglip_used": helpers["siglip_used"](siglip[:count]),
            "siglip_last": helpers["siglip_last"](siglip_last),
        }
        early, middle, late = (
            block.gather(1, batch.kept[:count, :, None].expand(-1, -1, block.shape[-1])) for block in batch.taught
        )
        targets = {
            "dino_used": torch.cat([middle, late], -1),
            "dino_last": late,
            "siglip_used": early,
            "siglip_last": middle,
        }
        found["distillation"] = objective.distillation_loss(guesses, targets)
    with torch.no_grad():
        chosen = logits[..., lessons.bins.vocabulary - EDGES : lessons.bins.vocabulary].flip(-1).argmax(-1)
        off = lessons.statistics.unnormalise(lessons.bins.centres[np.clip(chosen.numpy(), 0, EDGES - 2)])
        right = lessons.statistics.unnormalise(lessons.bins.centres[np.clip(batch.places.numpy(), 0, EDGES - 2)])
        found["l1"] = torch.tensor(np.abs(off - right)[:, :3].mean())
        found["gripper"] = (chosen[:, 6] == batch.places[:, 6]).float().mean()
    return found


def optimizers(model: TrainedOpenVla, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the network, AdamW for everything else."""
    inner = [
        p for name, p in model.named_parameters()
        if p.ndim == 2 and not name.startswith("helpers.") and "embed" not in name and "lm_head" not in name
    ]  # fmt: skip
    known = {id(p) for p in inner}
    rest = [p for p in model.parameters() if id(p) not in known]
    return [
        Muon(inner, lr=settings.rate, weight_decay=settings.weight_decay),
        torch.optim.AdamW(rest, lr=settings.rate, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def rate(step: int, settings: Settings) -> float:
    """Share of the full rate: rise, stay, and fall in a line to zero."""
    fall = settings.decay * settings.steps
    return min((step + 1) / settings.warmup, 1.0, max(0.0, (settings.steps - step) / fall))


def meet(rank: int, settings: Settings, work: Path) -> None:
    """Let the processes of this machine find each other."""
    from torch import distributed

    distributed.init_process_group(
        "gloo",
        init_method=f"file://{(work / 'meeting').resolve()}",
        rank=rank,
        world_size=settings.processes,
        timeout=timedelta(days=1),  # one process may be put to sleep for a while
    )


def share_gradients(model: torch.nn.Module, settings: Settings) -> None:
    """Replace every gradient by its mean over the processes."""
    from torch import distributed

    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= settings.processes
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def sees_all(step: int, settings: Settings) -> bool:
    """The policy will be used with all patches, which cost thrice as much: the last steps see them, and a few before."""
    some = step >= settings.whole_from and step % settings.whole_every == 0
    return some or step >= (1 - settings.whole) * settings.steps


def train(data_folder: Path, settings: Settings, work: Path, every_s: float, rank: int = 0) -> TrainedOpenVla:
    """Train to the last step; the averaged weights are in the model that comes back (in the first process)."""
    torch.set_num_threads(1)
    if settings.processes > 1:
        meet(rank, settings, work)
    lessons = prepare(data_folder, settings, work)
    torch.manual_seed(settings.seed)
    model = TrainedOpenVla(settings, objective.side_outputs(settings))
    if settings.begin:
        begin(model, settings)
    average = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    steppers = optimizers(model, settings)
    first = _resume(work / "state.pt", settings, model, average, steppers)
    patches = (settings.image // settings.patch) ** 2
    seen: dict[str, list[float]] = {}
    saved = time.monotonic()
    for step in range(first, settings.steps):
        count = patches if sees_all(step, settings) else settings.kept_patches
        batch = batch_at(step, rank, lessons, settings, count)
        for stepper in steppers:
            for group in stepper.param_groups:
                group["lr"] = settings.rate * rate(step, settings)
        with quick_attention(), torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
            found = losses(model, batch, lessons, settings)
        loss = found["action"] + settings.side * found["side"] + settings.distillation * found.get("distillation", 0.0)
        loss.backward()
        if settings.processes > 1:
            share_gradients(model, settings)
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        if rank:
            continue
        share = min(settings.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                average[name].lerp_(tensor, 1 - share)
        for name, value in found.items():
            seen.setdefault(name, []).append(float(value.detach()))
        if (step + 1) % 20 == 0:
            means = "  ".join(f"{name} {sum(values) / len(values):.4f}" for name, values in seen.items())
            print(f"{time.strftime('%H:%M:%S')} step {step + 1}/{settings.steps}  {means}", flush=True)
            seen = {}
        if time.monotonic() - saved > every_s or step + 1 == settings.steps:
            _save(work / "state.pt", settings, step + 1, model, average, steppers)
            saved = time.monotonic()
    model.load_state_dict(average)
    return model


def begin(model: TrainedOpenVla, settings: Settings) -> None:
    """Take the weights of a checkpoint of the same sizes; helpers stay as they are."""
    tensors = load_file(BUNDLED / settings.begin / "model.safetensors")
    missing = set(model.written()) ^ set(tensors)
    assert not missing, f"{settings.begin} is another network: {sorted(missing)[:5]}"
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)


def _save(file: Path, settings: Settings, step: int, model: Any, average: Any, steppers: Any) -> None:
    state = {
        "settings": settings.text(),
        "step": step,
        "model": model.state_dict(),
        "average": average,
        "steppers": [stepper.state_dict() for stepper in steppers],
    }
    part = file.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, file)


def _resume(file: Path, settings: Settings, model: Any, average: Any, steppers: Any) -> int:
    if not file.is_file():
        return 0
    state = torch.load(file, weights_only=True)
    now = json.loads(settings.text())
    if json.loads(state["settings"]) | {name: now[name] for name in LATE} != now:
        raise SystemExit(f"{file} is the state of a run with other settings: delete it, or give another --work.")
    model.load_state_dict(state["model"])
    for name, tensor in state["average"].items():
        average[name].copy_(tensor)
    for stepper, saved in zip(steppers, state["steppers"], strict=True):
        stepper.load_state_dict(saved)
    return int(state["step"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "libero_train", help="the demonstrations")
    parser.add_argument("--settings", type=Path, help="JSON file of settings that differ from training/settings.py")
    parser.add_argument("--work", type=Path, required=True, help="frames, the teacher's features and the state go here")
    parser.add_argument("--out", type=Path, help="write the checkpoint here at the end")
    parser.add_argument("--save-every", type=float, default=120.0, help="seconds between two states")
    parser.add_argument(
        "--write-now", action="store_true", help="write the averaged weights of the last state, train no more"
    )
    options = parser.parse_args()
    settings = Settings.read(options.settings)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.write_now:
        state = torch.load(options.work / "state.pt", weights_only=True)
        tensors = {name: tensor for name, tensor in state["average"].items() if not name.startswith("helpers.")}
    else:
        (options.work / "pid").write_text(f"{os.getpid()}\n")
        (options.work / "meeting").unlink(missing_ok=True)
        prepare(
            options.data, settings, options.work, write=True
        )  # once, before the others read what it leaves in the folder
        context = torch.multiprocessing.get_context("spawn")
        given = (options.data, settings, options.work, options.save_every)
        others = [
            context.Process(target=train, args=(*given, rank), daemon=True) for rank in range(1, settings.processes)
        ]
        for other in others:
            other.start()
        tensors = train(*given).written()
        for other in others:
            other.join()
    if options.out:
        write_checkpoint(options.out, options.work / "checkpoint", tensors)


if __name__ == "__main__":
    main()
