"""What a policy could do that saw one frame perfectly: a floor for openvla-tiny-libero.

Run: python -m benchmarks.tiny_policy_floor. Needs ../shared/libero_train. A perceptron learns the clean action from the
simulator's state, on the same split: hand, fingers, bowls, plate and task. Then with what no single picture shows: the
phase of the script, and the action executed a step before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.ncut_table import Table
from foundation.action_space import LIBERO
from training.demonstrations import PHASES, read_split
from training.settings import Settings
from training.train import SPLIT

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "libero_train"
WIDTHS, STEPS, BATCH, RATE = (256, 256, 256), 3000, 256, 2e-3
MM = 1000 * LIBERO.scale[0]
TASKS = 10


@dataclass(frozen=True, eq=False)
class States:
    """Steps of many episodes."""

    visible: np.ndarray
    """(n, 36) hand and its turn, bowls and plate from the hand and on the table, fingers, task."""
    phase: np.ndarray
    """(n, phases) one of them is 1."""
    before: np.ndarray
    """(n, 7) the action executed a step before."""
    wanted: np.ndarray
    """(n, 7) the clean action, in LIBERO's units."""


def states(paths: Sequence[str]) -> States:
    columns: list[tuple[np.ndarray, ...]] = []
    for path in paths:
        table, meta = dict(np.load(DATA / path / "data.npz")), json.loads((DATA / path / "meta.json").read_text())
        count, hand, turn = len(table["phase"]), table["eef_pos"], table["eef_quat_xyzw"]
        things = [i for i, name in enumerate(table["object_names"]) if "bowl" in name or "plate" in name]
        places = table["object_pos"][:, things]
        phase = np.zeros((count, len(PHASES)))
        for entry in meta["phases"]:
            phase[entry["start"] : entry["end"], PHASES.index(entry["phase"])] = 1
        visible = np.concatenate(
            [
                hand,
                turn * np.where(turn[:, :1] < 0, -1, 1),  # a quaternion and its negative are one turn
                (places - hand[:, None]).reshape(count, -1),
                places.reshape(count, -1),
                table["gripper_qpos"][:, :1] - table["gripper_qpos"][:, 1:],
                np.eye(TASKS)[np.full(count, int(meta["task_id"]))],
            ],
            axis=1,
        )
        before = np.concatenate([[[0, 0, 0, 0, 0, 0, -1]], table["action_executed"][:-1]])
        columns.append((visible, phase, before, table["action_clean"]))
    return States(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def learnt(x: np.ndarray, y: np.ndarray, asked: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Answers to each of `asked` of a perceptron that learnt y from x by absolute error."""
    torch.manual_seed(0)
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    inputs, answers = torch.tensor((x - mean) / deviation).float(), torch.tensor(y).float()
    scale = answers.std(0)
    layers: list[nn.Module] = []
    for wide, narrow in pairwise([x.shape[1], *WIDTHS]):
        layers += [nn.Linear(wide, narrow), nn.GELU(), nn.Dropout(0.05)]
    network = nn.Sequential(*layers, nn.Linear(WIDTHS[-1], y.shape[1]))
    stepper = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05)
    for step in range(STEPS):
        for group in stepper.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 100) * (1 - step / STEPS)
        rows = torch.randint(len(inputs), (BATCH,))
        loss = ((network(inputs[rows]) - answers[rows]).abs() / scale).mean()
        stepper.zero_grad()
        loss.backward()
        stepper.step()
    network.eval()
    with torch.no_grad():
        return [network(torch.tensor((each - mean) / deviation).float()).numpy() for each in asked]


def main() -> None:
    table = Table()
    torch.set_num_threads(1)
    parts = read_split(SPLIT, DATA, Settings().seed)
    train, test = states(parts["train"]), states(parts["test"])
    table.title("Floor: the clean action from the simulator's state, test episodes, mean absolute error")
    for name, seen in (
        ("what a picture shows", lambda each: each.visible),
        ("… and the phase", lambda each: np.concatenate([each.visible, each.phase], 1)),
        ("… and the action before", lambda each: np.concatenate([each.visible, each.before], 1)),
    ):
        known, new = learnt(seen(train), train.wanted, [seen(train), seen(test)])
        off = np.abs(new - test.wanted)[:, :3].mean()
        table.figure(f"{name}: translation, mm", float(off * MM))
        table.figure(f"{name}: … on the training steps", float(np.abs(known - train.wanted)[:, :3].mean() * MM))
        right = np.sign(new[:, 6]) == np.sign(test.wanted[:, 6])
        table.figure(f"{name}: gripper right", float(right.mean()))
    table.end()


if __name__ == "__main__":
    main()
