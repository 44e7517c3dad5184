"""How good the embedded policy is, on episodes it has not learnt from. Run: python -m benchmarks.tiny_policy

Needs ../shared/libero_train (actions, instruction, black) and ../shared/libero (segments). The model card quotes it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from analyzer.ncut.quality import best_match_iou
from benchmarks.ncut_data import EPISODES, REPORT_ON, real
from benchmarks.ncut_methods import OURS, embed
from benchmarks.ncut_scores import CLUSTERS, SMALLEST
from benchmarks.ncut_table import Table
from foundation.action_space import LIBERO
from policies.catalog import load_policy
from policies.policy import Policy
from training.demonstrations import PHASES, Demonstrations, read, read_split
from training.settings import Settings
from training.train import SPLIT

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "libero_train"
NAME = "openvla-tiny-libero"
BATCH = 16
LIBRARY_EVERY = 3
"""Training frames between two that the nearest neighbour is sought among: 0.15 s."""
NEIGHBOUR_SITES = ("vision.7", "vision.11")
NOTICEABLE = 0.05
"""A change of an action counts above this, in LIBERO's units (1 = 5 cm a step): 2.5 mm a step, 50 mm a second."""
MILLI = 1000 * np.array(LIBERO.scale[:6])
"""LIBERO's units -> mm, mrad."""


def held_out(part: str, work: Path) -> tuple[Demonstrations, np.ndarray, np.ndarray]:
    """All demonstrations, rows of `part`, rows that were trained on."""
    parts = read_split(SPLIT, DATA, Settings().seed)
    data = read(DATA, sorted(chain(*parts.values())), work)
    return data, data.rows(parts[part]), data.rows(parts["train"])


def predict(
    policy: Policy, data: Demonstrations, rows: np.ndarray, instruction: Callable[[int], str], *, black: bool = False
) -> np.ndarray:
    """(n, 7) actions for `rows`; `instruction`: episode -> words."""
    found = np.empty((len(rows), 7))
    for episode in np.unique(data.episode[rows]):
        own = np.flatnonzero(data.episode[rows] == episode)
        for part in np.array_split(own, -(-len(own) // BATCH)):
            pictures = [data.frames[row][None] * (not black) for row in rows[part]]
            predicted = policy.run(pictures, instruction(int(episode)), actions=True).actions
            assert predicted is not None
            found[part] = predicted[:, 0]
    return found


def error(predicted: np.ndarray, data: Demonstrations, rows: np.ndarray) -> np.ndarray:
    """(7,): mean absolute error in LIBERO's units; the last is the share of wrong gripper signs."""
    off = np.abs(predicted - data.actions[rows]).mean(0)
    off[6] = (np.sign(predicted[:, 6]) != np.sign(data.actions[rows, 6])).mean()
    return off


def previous(actions: np.ndarray, data: Demonstrations, rows: np.ndarray) -> np.ndarray:
    """(n, 7): the action of the step before; zeros and an open gripper at an episode's first step."""
    before = rows - 1
    first = data.episode[rows] != data.episode[np.maximum(before, 0)]
    first |= rows == 0
    return np.where(first[:, None], [0, 0, 0, 0, 0, 0, -1], actions[before])


def neighbours(data: Demonstrations, rows: np.ndarray, library: np.ndarray, file: Path) -> dict[str, np.ndarray]:
    """Site of dinov2-small -> (n, 7): the action of the most similar training frame of the same task.

    Whole feature maps are compared, at 224 px. Kept in `file`: they do not depend on the policy that is measured.
    """
    if not file.is_file():
        policy = load_policy("dinov2-small", input_size=224)

        def features(chosen: np.ndarray) -> list[torch.Tensor]:
            parts = [chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH)]
            seen = [policy.run([data.frames[row][None] for row in part], sites=NEIGHBOUR_SITES) for part in parts]
            return [torch.cat([each.features[site].flatten(1).half() for each in seen]) for site in NEIGHBOUR_SITES]

        found = {site: np.empty((len(rows), 7)) for site in NEIGHBOUR_SITES}
        for task in np.unique(data.task[rows]):
            own, known = np.flatnonzero(data.task[rows] == task), library[data.task[library] == task]
            for site, mine, theirs in zip(NEIGHBOUR_SITES, features(rows[own]), features(known), strict=True):
                nearest = torch.cdist(mine.float(), theirs.float()).argmin(1).numpy()
                found[site][own] = data.actions[known[nearest]]
        np.savez(file, **found)
    return dict(np.load(file))


def report_actions(table: Table, policy: Policy, part: str, work: Path, *, quick: bool) -> None:
    data, rows, trained = held_out(part, work)
    table.title(f"Actions on the {part} episodes: {len(np.unique(data.episode[rows]))} episodes, {len(rows)} steps")
    table.note(
        f"{'mean absolute error':<44} {'x':>6} {'y':>6} {'z':>6} {'roll':>6} {'pitch':>6} {'yaw':>6} {'gripper':>8}"
    )
    table.note(f"{'':<44} {'mm':>6} {'mm':>6} {'mm':>6} {'mrad':>6} {'mrad':>6} {'mrad':>6} {'right':>8}")

    def line(name: str, predicted: np.ndarray) -> float:
        off = error(predicted, data, rows)
        table.note(f"{name:<44} " + " ".join(f"{x:6.2f}" for x in off[:6] * MILLI) + f" {1 - off[6]:8.3f}")
        return float(off[:3].mean())

    own = predict(policy, data, rows, lambda episode: data.instructions[episode])
    mine = line(NAME, own)
    mean = data.actions[trained].mean(0)
    others = {
        "mean action of the training steps": np.broadcast_to(mean, (len(rows), 7)),
        "previous action, as executed (with noise)": previous(data.executed, data, rows),
        "previous clean label (no robot has it)": previous(data.actions, data, rows),
    }
    near = {} if quick else neighbours(data, rows, trained[::LIBRARY_EVERY], work / f"neighbours_{part}.npz")
    others |= {f"nearest of the task, dinov2-small {site}": predicted for site, predicted in near.items()}
    found = {name: line(name, predicted) for name, predicted in others.items()}
    table.note("")
    for name, theirs in found.items():
        table.figure(f"translation, below {name}", 1 - mine / theirs, 0.35, at_least=True)
    table.figure("gripper accuracy", 1 - error(own, data, rows)[6], 0.95, at_least=True)
    by_phase = defaultdict(list)
    for row, predicted in zip(rows, own, strict=True):
        by_phase[PHASES[data.phase[row]]].append(np.abs(predicted - data.actions[row])[:3].mean() * MILLI[0])
    table.note("translation error by phase, mm: " + ", ".join(f"{k} {np.mean(v):.2f}" for k, v in by_phase.items()))


def other_instruction(data: Demonstrations) -> dict[int, str]:
    """Task -> the instruction of the task whose bowl lies where this task's other bowl is."""
    starts = np.flatnonzero(np.diff(data.episode, prepend=-1))
    tasks = np.unique(data.task)
    meant, other = (
        np.stack([data.bowls[starts[data.task[starts] == task], i].mean(0) for task in tasks]) for i in (0, 1)
    )
    words = {int(data.task[start]): data.instructions[data.episode[start]] for start in starts}
    return {
        int(task): words[int(tasks[np.linalg.norm(meant - other[i], axis=1).argmin()])] for i, task in enumerate(tasks)
    }


def report_instruction(table: Table, policy: Policy, part: str, work: Path) -> None:
    data, rows, _ = held_out(part, work)
    rows = rows[np.isin(data.phase[rows], [PHASES.index("approach"), PHASES.index("rise")])]
    table.title(f"The other bowl's instruction, {len(rows)} approach steps of the {part} episodes")
    words = other_instruction(data)
    own = predict(policy, data, rows, lambda episode: data.instructions[episode])
    swapped = predict(policy, data, rows, lambda e: words[int(data.task[data.episode == e][0])])
    change = swapped[:, :3] - own[:, :3]
    towards = data.bowls[rows, 1, :2] - data.bowls[rows, 0, :2]
    along = (change[:, :2] * towards).sum(1) / np.linalg.norm(towards, axis=1)
    table.figure("action changes at all", float((swapped != own).any(1).mean()))
    table.figure(
        "translation changes by over 2.5 mm a step",
        float((np.abs(change).max(1) > NOTICEABLE).mean()),
        0.8,
        at_least=True,
    )
    table.figure("moves over 2.5 mm a step more towards the other bowl", float((along > NOTICEABLE).mean()))
    table.figure("mean change of translation, mm a step", float(np.linalg.norm(change * MILLI[:3], axis=1).mean()))
    for task in np.unique(data.task[rows]):
        here = data.task[rows] == task
        noticed, turned = (np.abs(change[here]).max(1) > NOTICEABLE).mean(), (along[here] > NOTICEABLE).mean()
        table.note(f"task {task}: changes {noticed:.2f}, towards {turned:.2f}; told: {words[int(task)]}")


def report_black(table: Table, policy: Policy, part: str, work: Path) -> None:
    data, rows, _ = held_out(part, work)
    rows = rows[::15]
    table.title(f"Black pictures, {len(rows)} steps of the {part} episodes")
    seen = predict(policy, data, rows, lambda episode: data.instructions[episode])
    blind = predict(policy, data, rows, lambda episode: data.instructions[episode], black=True)
    table.figure("translation error, seeing, mm", float(np.abs(seen - data.actions[rows])[:, :3].mean() * MILLI[0]))
    table.figure("translation error, blind, mm", float(np.abs(blind - data.actions[rows])[:, :3].mean() * MILLI[0]))
    table.figure("actions that differ", float((seen != blind).any(1).mean()), 0.99, at_least=True)


def report_segments(table: Table, policy: Policy, names: Sequence[str], *, quick: bool) -> None:
    table.title(
        f"Segments against ground truth: best-match IoU, our own segments, k = {CLUSTERS}, mean of {len(names)} episodes"
    )
    found: dict[str, list[float]] = defaultdict(list)
    reference = ("vision.3", "vision.7", "vision.11")
    looks: list[tuple[str, Policy, tuple[str, ...]]] = [
        (NAME, policy, tuple(site for site in policy.sites if site != "llm.0")),  # which is the projector's output
    ]
    if not quick:
        looks += [
            ("dinov2-small 224 px", load_policy("dinov2-small", input_size=224), reference),
            ("dinov2-small 448 px", load_policy("dinov2-small"), reference),
        ]
    for name, looker, sites in looks:
        for take in real(tuple(names), lambda _: None, looker, sites):
            made, truth = embed(OURS, take), take.truth.flatten()
            scores = [float(best_match_iou(ids, truth, SMALLEST * take.frames).mean()) for (ids,) in made.own(CLUSTERS)]
            found[f"{name} {take.name.split()[-1]}"].append(float(np.mean(scores)))
            table.note(f"{take.name}: {name} {np.mean(scores):.3f}")
    for site, values in found.items():
        table.figure(site, float(np.mean(values)))


def report_time(table: Table, policy: Policy, threads: int) -> None:
    torch.set_num_threads(threads)
    table.title(f"Time per frame, batch {BATCH}, {threads} threads")
    pictures = list(np.random.default_rng(0).integers(0, 256, (BATCH, 1, 256, 256, 3), dtype=np.uint8))
    words = "pick up the black bowl on the stove and place it on the plate"
    for what, sites, actions in (
        ("all sites and actions", tuple(policy.sites), True),
        ("all sites", tuple(policy.sites), False),
        ("actions", (), True),
    ):
        times = []
        for _ in range(4):
            start = time.perf_counter()
            policy.run(pictures, words, sites=sites, actions=actions)
            times.append(time.perf_counter() - start)
        target = 60.0 if what.startswith("all sites and") else None
        table.figure(f"{what}, ms", min(times[1:]) / BATCH * 1000, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", help="actions, instruction, black, segments, time; none: all")
    parser.add_argument("--policy", default=NAME, help="another name or folder")
    parser.add_argument("--part", default="test", choices=("validation", "test"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--episodes", type=int, default=len(REPORT_ON.episodes), help="for the segments")
    parser.add_argument(
        "--quick", action="store_true", help="leave out dinov2-small's neighbours and segments: no policy changes them"
    )
    parser.add_argument("--work", type=Path, help="keep decoded frames here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table = Table()
    policy = load_policy(options.policy)
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        sections: dict[str, tuple[Path, Callable[[], None]]] = {
            "actions": (DATA, lambda: report_actions(table, policy, options.part, work, quick=options.quick)),
            "instruction": (DATA, lambda: report_instruction(table, policy, options.part, work)),
            "black": (DATA, lambda: report_black(table, policy, options.part, work)),
            "segments": (
                EPISODES,
                lambda: report_segments(table, policy, REPORT_ON.episodes[: options.episodes], quick=options.quick),
            ),
            "time": (ROOT, lambda: report_time(table, policy, options.threads)),
        }
        for name in options.sections or sections:
            needed, section = sections[name]
            if needed.is_dir():
                section()
            else:
                table.note(f"{needed} is not here: no figures on {name}.")
    raise SystemExit(1 if table.end() else 0)


if __name__ == "__main__":
    main()
