"""Small recordings with a known answer, one builder a format. Every frame carries its own number as a barcode.

The videos are written with PyAV directly, so that a fault of `videos.encode` cannot hide one of the readers.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import av.video
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 reports every clip it writes

HEIGHT, WIDTH = 48, 64
TIME_BASE = Fraction(1, 90_000)
LIBERO_NAMES = ["dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"]


def barcode(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A picture, (height, width, 3) uint8, that shows `number` (below 256) in eight grey bars over a red and a blue field.

    The bars are wide enough to survive any codec; the fields tell which way up the picture is.
    """
    rgb = np.zeros((height, width, 3), np.uint8)
    for bit in range(8):
        rgb[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 235 if number >> (7 - bit) & 1 else 20
    rgb[height // 2 :, : width // 2] = (220, 20, 20)
    rgb[height // 2 :, width // 2 :] = (20, 20, 220)
    return rgb


def read_barcode(rgb: np.ndarray) -> int:
    """The number a (possibly compressed) barcode shows; fails where the picture is turned, mirrored or smeared."""
    height, width = rgb.shape[:2]
    left, right = rgb[height * 3 // 4, width // 4].astype(int), rgb[height * 3 // 4, width * 3 // 4].astype(int)
    assert left[0] > left[2] + 100, f"no red field at the lower left: {left}"
    assert right[2] > right[0] + 100, f"no blue field at the lower right: {right}"
    bars = [int(rgb[height // 4, (2 * bit + 1) * width // 16].mean()) for bit in range(8)]
    assert all(value < 90 or value > 165 for value in bars), f"unclear bars: {bars}"
    return sum((value > 127) << (7 - bit) for bit, value in enumerate(bars))


def write_clip(
    path: Path,
    pictures: Sequence[np.ndarray],
    pts: Sequence[int] | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    rotation: int | None = None,
    pix_fmt: str = "yuv420p",
) -> Path:
    """Encode pictures at `pts` (units of 1/90000 s; None: 30 a second)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Run by root, SVT-AV1 puts the thread that opens it above all others of the machine (SCHED_FIFO 99), for good, and all
    # that is started from it: of a browser and a server, whichever waits in a loop would then stop the other.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_encode, path, pictures, pts, codec, options, rotation, pix_fmt).result()
    return path


def _encode(
    path: Path,
    pictures: Sequence[np.ndarray],
    pts: Sequence[int] | None,
    codec: str,
    options: dict[str, str] | None,
    rotation: int | None,
    pix_fmt: str,
) -> None:
    height, width = pictures[0].shape[:2]
    # AVI counts frames, and MPEG-4 knows no unit below 1/65535 s: both take coarser units that divide the times.
    coarser = 3000 if path.suffix == ".avi" else 3 if codec == "mpeg4" else 1
    time_base = TIME_BASE * coarser
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = time_base
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for picture, at in zip(pictures, pts or range(0, 3000 * len(pictures), 3000), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = at // coarser, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def remux(source: Path, target: Path, shift: int = 0, options: dict[str, str] | None = None) -> Path:
    """Copy a clip's packets to `target`, all times moved by `shift`."""
    with av.open(str(source)) as reading, av.open(str(target), "w", options=options or {}) as writing:
        stream = reading.streams.video[0]
        copied = writing.add_stream_from_template(stream)
        for packet in reading.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            packet.stream, packet.pts, packet.dts = copied, packet.pts + shift, packet.dts + shift
            writing.mux(packet)
    return target


def cut(source: Path, target: Path, keep: float) -> Path:
    """The first part of a file, as an interrupted copy leaves it."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * keep)])
    return target


@dataclass(frozen=True)
class Known:
    """What a reader must find in one episode."""

    codes: tuple[int, ...]
    """Barcode of each frame."""
    cameras: tuple[str, ...] = ("camera",)
    instruction: str | None = None
    actions: np.ndarray | None = None
    states: np.ndarray | None = None
    frame_steps: tuple[int, ...] | None = None
    success: bool | None = None
    control_hz: float | None = None
    times_s: np.ndarray | None = None
    masked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Built:
    """A dataset on disk and its episodes, in the order of the listing."""

    path: Path
    episodes: tuple[Known, ...] = field(repr=False)


LENGTHS = (7, 5, 9)
"""Frames of the three episodes of every dataset here: all different, so that a mix-up shows."""
INSTRUCTIONS = ("pick up the bowl", "open the drawer", "push the plate")


def codes_of(episode: int) -> tuple[int, ...]:
    return tuple(range(60 * episode + 5, 60 * episode + 5 + LENGTHS[episode]))


def actions_of(episode: int, steps: int | None = None, dimensions: int = 7) -> np.ndarray:
    """Numbers that float32 keeps exactly, different in every episode, step and dimension."""
    rows = LENGTHS[episode] if steps is None else steps
    return (np.arange(rows * dimensions).reshape(rows, dimensions) + 1000 * episode) / 4096


def states_of(episode: int, steps: int | None = None) -> np.ndarray:
    return actions_of(episode, steps, 8) + 0.5


def pictures_of(episode: int) -> list[np.ndarray]:
    return [barcode(code) for code in codes_of(episode)]


def at_fps(episode: int, fps: float) -> np.ndarray:
    return np.arange(LENGTHS[episode]) / fps


def plain_videos(folder: Path) -> Built:
    """A constant-rate video with CSV, a variable-rate one with NPZ and JSON, one with Parquet."""
    pts = [[0, 3000, 6000, 9000, 12000, 15000, 18000], [0, 900, 30000, 31000, 90000], list(range(0, 27000, 3000))]
    suffixes = (".mp4", ".mkv", ".webm")
    codecs = ("libx264", "libx264", "libvpx-vp9")
    for i in range(3):
        write_clip(folder / f"take{i}{suffixes[i]}", pictures_of(i), pts[i], codecs[i])
    header = ["time", *LIBERO_NAMES, *(f"state.s{k}" for k in range(8))]
    rows = np.hstack([np.arange(7)[:, None], actions_of(0), states_of(0)])
    lines = [",".join(header), *(",".join(repr(float(v)) for v in row) for row in rows)]
    (folder / "take0.csv").write_text("\n".join(lines) + "\n")
    np.savez(folder / "take1.npz", actions=actions_of(1), states=states_of(1))
    about = {"instruction": INSTRUCTIONS[1], "success": False, "control_hz": 12.5}
    (folder / "take1.json").write_text(json.dumps(about))
    table = {"action": actions_of(2).tolist(), "observation.state": states_of(2).tolist()}
    pq.write_table(pa.table(table), folder / "take2.parquet")
    return Built(
        folder,
        tuple(
            Known(
                codes_of(i),
                instruction=INSTRUCTIONS[1] if i == 1 else None,
                actions=actions_of(i),
                states=states_of(i),
                success=False if i == 1 else None,
                control_hz=12.5 if i == 1 else None,
                times_s=np.array(pts[i]) / 90_000 if i == 0 else np.round(np.array(pts[i]) / 90) / 1000,
            )
            for i in range(3)
        ),
    )


def image_folders(folder: Path) -> Built:
    """Three folders of pictures whose names sort wrongly as text."""
    for i, suffix in enumerate((".png", ".bmp", ".webp")):
        (folder / f"scene{i}").mkdir(parents=True)
        for k, picture in enumerate(pictures_of(i)):
            options = {"lossless": True} if suffix == ".webp" else {}
            Image.fromarray(picture).save(folder / f"scene{i}" / f"frame{k + 7}{suffix}", **options)
    return Built(folder, tuple(Known(codes_of(i), times_s=at_fps(i, 10)) for i in range(3)))


def openvla_rollouts(folder: Path) -> Built:
    tasks = ("pick_up_the_bowl", "open_the_drawer", "pick_up_the_black_bowl_on_the_cookie_box_and_place")
    for i, task in enumerate(tasks):
        name = f"2025_01_01-00_00_0{i}--episode={i}--success={i == 1}--task={task}.mp4"
        write_clip(folder / name, pictures_of(i))
    return Built(
        folder,
        tuple(
            Known(
                codes_of(i),
                cameras=("agentview",),
                instruction=task.replace("_", " "),
                success=i == 1,
                times_s=at_fps(i, 30),
            )
            for i, task in enumerate(tasks)
        ),
    )


def libero_hdf5(folder: Path) -> Built:
    """One file of three demonstrations as LIBERO stores them: raw OpenGL pictures, 180° from what is to be shown."""
    folder.mkdir(parents=True)
    path = folder / "KITCHEN_SCENE3_pick_up_the_bowl_demo.hdf5"
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["bddl_file_name"] = "libero/bddl_files/libero_90/KITCHEN_SCENE3_pick_up_the_bowl.bddl"
        data.attrs["problem_info"] = json.dumps({"language_instruction": "pick the akita black bowl"})
        data.attrs["env_args"] = json.dumps({"env_kwargs": {"control_freq": 20}})
        data.attrs["macros_image_convention"] = "opengl"
        for i in range(3):
            demo = data.create_group(f"demo_{i}")
            raw = np.stack(pictures_of(i))[:, ::-1, ::-1]
            demo["obs/agentview_rgb"] = raw
            demo["obs/eye_in_hand_rgb"] = raw
            demo["obs/ee_states"] = states_of(i)[:, :6]
            demo["obs/gripper_states"] = states_of(i)[:, 6:]
            demo["actions"] = actions_of(i)
            demo["rewards"] = np.eye(LENGTHS[i], dtype=np.uint8)[-1] * (i == 1)
            demo["dones"] = np.eye(LENGTHS[i], dtype=np.uint8)[-1]
    return Built(
        path,
        tuple(
            Known(
                codes_of(i),
                cameras=("agentview", "eye_in_hand"),
                instruction="pick up the bowl",
                actions=actions_of(i),
                states=states_of(i),
                success=i == 1,
                control_hz=20,
                times_s=at_fps(i, 20),
            )
            for i in range(3)
        ),
    )


def lerobot_info(version: str, dtype: str = "video") -> dict[str, object]:
    image = {"dtype": dtype, "shape": [HEIGHT, WIDTH, 3], "names": ["height", "width", "channels"]}
    names = {"motors": LIBERO_NAMES} if version == "v2.1" else LIBERO_NAMES
    chunked = version == "v2.1"
    return {
        "codebase_version": version,
        "fps": 20,
        "chunks_size": 2,
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
        if chunked
        else "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
        if chunked
        else "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        "features": {
            "observation.images.front": image,
            "observation.images.wrist": image,
            "observation.state": {"dtype": "float32", "shape": [8], "names": None},
            "action": {"dtype": "float32", "shape": [7], "names": names},
            "timestamp": {"dtype": "float32", "shape": [1], "names": None},
            "next.success": {"dtype": "bool", "shape": [1], "names": None},
            "episode_index": {"dtype": "int64", "shape": [1], "names": None},
        },
    }


LEROBOT_CAMERAS = ("observation.images.front", "observation.images.wrist")


def lerobot_rows(episode: int) -> dict[str, list[object]]:
    n = LENGTHS[episode]
    return {
        "action": actions_of(episode).astype(np.float32).tolist(),
        "observation.state": states_of(episode).astype(np.float32).tolist(),
        "timestamp": (np.arange(n) / 20).astype(np.float32).tolist(),
        "next.success": [episode == 1 and k == n - 1 for k in range(n)],
        "episode_index": [episode] * n,
    }


def _lerobot_known() -> tuple[Known, ...]:
    return tuple(
        Known(
            codes_of(i),
            cameras=("front", "wrist"),
            instruction=INSTRUCTIONS[i],
            actions=actions_of(i),
            states=states_of(i),
            success=i == 1,
            control_hz=20,
            times_s=at_fps(i, 20),
        )
        for i in range(3)
    )


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def lerobot_v21(folder: Path) -> Built:
    """One table and one video a camera for every episode, two episodes a chunk."""
    _write_json(folder / "meta" / "info.json", lerobot_info("v2.1"))
    lines = [json.dumps({"episode_index": i, "tasks": [INSTRUCTIONS[i]], "length": LENGTHS[i]}) for i in range(3)]
    (folder / "meta" / "episodes.jsonl").write_text("\n".join(lines))
    for i in range(3):
        table = folder / "data" / f"chunk-{i // 2:03d}" / f"episode_{i:06d}.parquet"
        table.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(lerobot_rows(i)), table)
        for key in LEROBOT_CAMERAS:
            video = folder / "videos" / f"chunk-{i // 2:03d}" / key / f"episode_{i:06d}.mp4"
            write_clip(video, pictures_of(i), [4500 * k for k in range(LENGTHS[i])])
    return Built(folder, _lerobot_known())


def _v3_index(with_videos: bool) -> dict[str, list[object]]:
    starts = [sum(LENGTHS[:i]) for i in range(3)]
    index: dict[str, list[object]] = {
        "episode_index": [0, 1, 2],
        "tasks": [[text] for text in INSTRUCTIONS],
        "length": list(LENGTHS),
        "data/chunk_index": [0, 0, 0],
        "data/file_index": [0, 0, 0],
    }
    for key in LEROBOT_CAMERAS if with_videos else ():
        index[f"videos/{key}/chunk_index"] = [0, 0, 0]
        index[f"videos/{key}/file_index"] = [0, 0, 0]
        index[f"videos/{key}/from_timestamp"] = [start / 20 for start in starts]
        index[f"videos/{key}/to_timestamp"] = [(start + n) / 20 for start, n in zip(starts, LENGTHS, strict=True)]
    return index


def _write_v3_tables(folder: Path, index: dict[str, list[object]], rows: dict[str, list[object]]) -> None:
    for path, columns in (
        (folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet", index),
        (folder / "data" / "chunk-000" / "file-000.parquet", rows),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path, row_group_size=8)


def _all_rows() -> dict[str, list[object]]:
    each = [lerobot_rows(i) for i in range(3)]
    return {name: [value for rows in each for value in rows[name]] for name in each[0]}


def lerobot_v30(folder: Path) -> Built:
    """All episodes in one table and one AV1 video a camera, as LeRobot writes them."""
    _write_json(folder / "meta" / "info.json", lerobot_info("v3.0"))
    _write_v3_tables(folder, _v3_index(with_videos=True), _all_rows())
    pictures = [picture for i in range(3) for picture in pictures_of(i)]
    for key in LEROBOT_CAMERAS:
        video = folder / "videos" / key / "chunk-000" / "file-000.mp4"
        options = {"preset": "12", "crf": "30", "g": "2"}
        write_clip(video, pictures, [4500 * k for k in range(len(pictures))], "libsvtav1", options)
    return Built(folder, _lerobot_known())


def lerobot_images(folder: Path) -> Built:
    """Pictures kept in the table instead of videos."""
    _write_json(folder / "meta" / "info.json", lerobot_info("v3.0", dtype="image"))
    rows = _all_rows()
    stored: list[object] = []
    for picture in (picture for i in range(3) for picture in pictures_of(i)):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        stored.append({"bytes": buffer.getvalue(), "path": None})
    for key in LEROBOT_CAMERAS:
        rows[key] = stored
    _write_v3_tables(folder, _v3_index(with_videos=False), rows)
    return Built(folder, _lerobot_known())


def episode_folders(folder: Path) -> Built:
    """Three episodes; of the last only every third step has a frame, and its actions were disturbed."""
    known = []
    for i in range(3):
        stride = 3 if i == 2 else 1
        steps = (LENGTHS[i] - 1) * stride + 2 if i == 2 else LENGTHS[i]
        home = folder / f"ep_{i:03d}"
        for camera in ("agentview", "wrist"):
            write_clip(home / f"{camera}.mp4", pictures_of(i), [4500 * k for k in range(LENGTHS[i])])
        arrays: dict[str, np.ndarray] = {"state": states_of(i, steps)}
        if i == 2:
            arrays["action_clean"], arrays["action_executed"] = actions_of(i, steps) * 2, actions_of(i, steps)
            arrays["frame_step"] = np.arange(0, LENGTHS[i] * stride, stride, dtype=np.int32)
        else:
            arrays["action"] = actions_of(i, steps).astype(np.float32)
        np.savez(home / "data.npz", **arrays)
        labels = np.zeros((LENGTHS[i], HEIGHT, WIDTH), np.uint8)
        labels[:, HEIGHT // 2 :, : WIDTH // 2] = 1  # the red field
        labels[:, HEIGHT // 2 :, WIDTH // 2 :] = 2
        np.savez_compressed(home / "seg.npz", agentview=labels, names=np.array(["background", "red", "blue"]))
        meta = {
            "language": INSTRUCTIONS[i],
            "success": i == 1,
            "length": steps,
            "n_frames": LENGTHS[i],
            "fps": 20,
            "cameras": {"agentview": "agentview.mp4", "wrist": "wrist.mp4"},
            "action_space": {"names": LIBERO_NAMES, "control_hz": 20 * stride},
        }
        _write_json(home / "meta.json", meta)
        known.append(
            Known(
                codes_of(i),
                cameras=("agentview", "wrist"),
                instruction=INSTRUCTIONS[i],
                actions=actions_of(i, steps),
                states=states_of(i, steps),
                frame_steps=tuple(range(0, LENGTHS[i] * stride, stride)) if i == 2 else None,
                success=i == 1,
                control_hz=20 * stride,
                times_s=at_fps(i, 20),
                masked=("agentview",),
            )
        )
    return Built(folder, tuple(known))


BUILDERS: dict[str, Callable[[Path], Built]] = {
    "video": plain_videos,
    "images": image_folders,
    "openvla_rollout": openvla_rollouts,
    "libero_hdf5": libero_hdf5,
    "lerobot_v21": lerobot_v21,
    "lerobot_v30": lerobot_v30,
    "lerobot_images": lerobot_images,
    "episode_folder": episode_folders,
}
