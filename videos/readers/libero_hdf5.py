"""HDF5 files of demonstrations as LIBERO and robomimic write them: data/demo_0/{actions, obs/…, rewards, dones}."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from foundation.action_space import LIBERO
from foundation.errors import EpisodeUnreadable, quoted
from videos.episode import Episode, EpisodeSummary
from videos.hdf5_images import Hdf5Images, dataset_in, opened_hdf5
from videos.image_folder import natural_key
from videos.readers.reader import ReadOptions, id_of, locator_of, path_of
from videos.recorded_steps import checked_steps, success_from_rewards

_USUAL_HZ = 20.0
"""Control rate of LIBERO and of robomimic's tasks; used for times where a file does not say."""
_LIBERO_IMAGES = frozenset({"agentview_rgb", "eye_in_hand_rgb"})
_STATES = (("ee_states", "gripper_states"), ("robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos"))
"""Observations that make up the state: the 8 numbers OpenVLA uses of LIBERO, robomimic's usual 9."""


@dataclass(frozen=True)
class _FileFacts:
    """What the attributes of the file, its name and the names in it tell about all its demonstrations."""

    is_libero: bool
    instruction: str | None
    other_wording: str | None
    """The instruction as `problem_info` words it, where that differs."""
    control_hz: float | None
    image_convention: str | None
    """"opengl" (bottom row first), "opencv", or None: not recorded."""

    @property
    def fps(self) -> float:
        return self.control_hz or _USUAL_HZ


def find(root: Path, path: Path) -> list[EpisodeSummary]:
    summaries: list[EpisodeSummary] = []
    with opened_hdf5(path) as file:
        demos = _demos(path, file)
        facts = _facts(path, file, demos)
        for name, demo in demos.items():
            images = _images(path, demo)
            if not images:
                raise EpisodeUnreadable(
                    f"{path}: {quoted(name)} holds no pictures in obs (found: {quoted(', '.join(demo['obs']))}). "
                    "Render them into the file first, e.g. with robomimic's dataset_states_to_obs.py."
                )
            frames = min(len(pictures) for pictures in images.values())
            summaries.append(
                EpisodeSummary(
                    id=id_of(root, path, name),
                    source=root,
                    format="libero_hdf5",
                    locator=f"{locator_of(root, path)}#{name}",
                    cameras=tuple(images),
                    instruction=facts.instruction,
                    frames=frames,
                    duration_s=frames / facts.fps,
                    success=_success(path, demo, facts.is_libero)[0],
                )
            )
    return summaries


def read(summary: EpisodeSummary, options: ReadOptions) -> Episode:
    locator, _, name = summary.locator.rpartition("#")
    path = path_of(summary.source, locator)
    with opened_hdf5(path) as file:
        demos = _demos(path, file)
        if name not in demos:
            raise EpisodeUnreadable(f"{path}: there is no {quoted(name)} any more. Was the file written anew?")
        demo = demos[name]
        facts = _facts(path, file, demos)
        images = {camera: dataset.name for camera, dataset in _images(path, demo).items()}
        actions = dataset_in(path, demo, "actions")[()]
        parts = next((names for names in _STATES if all(n in demo["obs"] for n in names)), ())
        states = [dataset_in(path, demo["obs"], part)[()] for part in parts]
        success, success_note = _success(path, demo, facts.is_libero)
    is_libero_action = facts.is_libero and actions.shape[1:] == (len(LIBERO),)
    steps = checked_steps(
        path,
        actions,
        action_names=LIBERO.names if is_libero_action else None,
        states=np.concatenate(states, axis=1) if states else None,
        state_names=[f"{part}_{i}" for part, rows in zip(parts, states, strict=True) for i in range(rows.shape[1])],
    )
    turned, orientation_note = _orientation(facts, options.raw_orientation)
    notes = [orientation_note, success_note]
    if facts.control_hz is None:
        notes.append(f"The control rate is not recorded: times assume {_USUAL_HZ:g} steps a second.")
    if facts.other_wording:
        notes.append(
            f"The file also words the instruction as {quoted(facts.other_wording)}; policies are given the other."
        )
    return Episode(
        id=summary.id,
        source=summary.source,
        format=summary.format,
        cameras={camera: Hdf5Images(path, name, facts.fps, turned=turned) for camera, name in images.items()},
        instruction=facts.instruction,
        actions=steps.actions,
        action_space=steps.action_space,
        states=steps.states,
        state_names=steps.state_names,
        success=success,
        control_hz=facts.control_hz,
        notes=tuple(note for note in notes if note),
    )


def _demos(path: Path, file: h5py.File) -> dict[str, h5py.Group]:
    """Name -> group of each demonstration, demo_2 before demo_10."""
    data = file.get("data")
    demos = {} if not isinstance(data, h5py.Group) else {n: g for n, g in data.items() if isinstance(g, h5py.Group)}
    demos = {
        name: demo for name, demo in demos.items() if "actions" in demo and isinstance(demo.get("obs"), h5py.Group)
    }
    if not demos:
        raise EpisodeUnreadable(
            f"{path}: no demonstrations (found: {quoted(', '.join(file) or 'nothing')}). "
            "LIBERO and robomimic store them as data/demo_0/actions and data/demo_0/obs/…."
        )
    return {name: demos[name] for name in sorted(demos, key=lambda name: natural_key(Path(name)))}


def _images(path: Path, demo: h5py.Group) -> dict[str, h5py.Dataset]:
    """Camera -> its pictures; the view of the whole scene before that from the hand."""
    datasets = {name: dataset_in(path, demo["obs"], name) for name in demo["obs"]}
    pictures = {n: d for n, d in datasets.items() if d.ndim == 4 and d.shape[-1] == 3 and d.dtype == np.uint8}
    names = sorted(pictures, key=lambda name: (not name.startswith("agentview"), name))
    return {re.sub(r"_(rgb|image)$", "", name): pictures[name] for name in names}


def _facts(path: Path, file: h5py.File, demos: dict[str, h5py.Group]) -> _FileFacts:
    attributes = file["data"].attrs
    problem, env = _json(attributes, "problem_info"), _json(attributes, "env_args")
    bddl = str(attributes.get("bddl_file_name", ""))
    is_libero = bool(bddl) or set(next(iter(demos.values()))["obs"]) >= _LIBERO_IMAGES
    task = None
    if is_libero:
        task = (
            PurePosixPath(bddl).stem
            if bddl
            else path.stem.removesuffix("_demo")
            if path.stem.endswith("_demo")
            else None
        )
    told = problem.get("language_instruction")
    told = told if isinstance(told, str) and told else None
    # LIBERO has two wordings. Policies are trained and prompted with the one in the file name.
    instruction = _instruction_in(task) if task else told
    kwargs = env.get("env_kwargs")
    hz = kwargs.get("control_freq") if isinstance(kwargs, dict) else None
    convention = attributes.get("macros_image_convention")
    return _FileFacts(
        is_libero=is_libero,
        instruction=instruction,
        other_wording=told if told != instruction else None,
        control_hz=float(hz) if isinstance(hz, int | float) and 0 < hz < 1e6 else None,
        image_convention=convention if isinstance(convention, str) else None,
    )


def _instruction_in(task: str) -> str:
    """KITCHEN_SCENE3_turn_on_the_stove -> turn on the stove."""
    return re.sub(r"^[A-Z0-9_]*SCENE\d+_", "", task).replace("_", " ")


def _json(attributes: h5py.AttributeManager, name: str) -> dict[str, Any]:
    try:
        content = json.loads(attributes.get(name, "{}"))
    except (TypeError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _success(path: Path, demo: h5py.Group, is_libero: bool) -> tuple[bool | None, str | None]:
    """Whether the task was done, and a note where that is concluded. `dones` only mark the end, of failures too."""
    recorded = demo.attrs.get("success")
    if isinstance(recorded, bool | np.bool_):
        return bool(recorded), None
    if "rewards" not in demo:
        return None, None
    return success_from_rewards(dataset_in(path, demo, "rewards")[()], sparse=is_libero)


def _orientation(facts: _FileFacts, told: bool | None) -> tuple[bool, str]:
    """(whether to turn the pictures by 180°, the note that says why)."""
    if told is not None:
        raw, why = told, "as you said"
    elif facts.image_convention is not None:
        raw, why = (
            facts.image_convention == "opengl",
            f"the file's image convention is {quoted(facts.image_convention)}",
        )
    else:
        raw, why = facts.is_libero, "LIBERO stores them so" if facts.is_libero else "the file does not say otherwise"
    if raw:
        return (
            True,
            f"Pictures are stored upside down ({why}) and were turned by 180°, as OpenVLA does; that mirrors left and right.",
        )
    return False, f"Pictures are taken as stored upright ({why})."
