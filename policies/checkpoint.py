"""Safetensors on disk, read through memory maps into a network whose parameter names are the file's.

Nothing is ever unpickled or executed: a folder may come from anyone. Every read stays inside the folder it was given.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from foundation.errors import PolicyUnavailable, quoted
from policies.folder_files import own_file, read_json

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
FLOAT32_UP_TO = 1_000_000_000
"""Parameters up to which a policy runs in float32 unless told otherwise."""
MAX_LAYERS = 1000
"""Of any stack of layers."""
SAMPLE = 4096
"""Bytes read at the start and in the middle of each tensor for the fingerprint."""
TORCH_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class StoredTensor:
    """What the header of a file says about one tensor."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    file: str


def digest(*parts: object) -> str:
    """Hex digest of what makes up a policy: plain values as JSON, anything else by its text."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Name -> tensor of a `.pt` file, memory-mapped. Only tensors are accepted: nothing in the file can run.

    Raises:
        PolicyUnavailable: the file holds anything else, or is damaged.
    """
    try:
        content = torch.load(own_file(path), map_location="cpu", weights_only=True, mmap=True)
    except PolicyUnavailable:
        raise
    except Exception as error:  # a damaged archive and a refused object raise many types
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PolicyUnavailable(
            f"{quoted(path)} is not a file of plain tensors, or damaged: {quoted(reason)}."
        ) from error
    if not isinstance(content, dict) or not all(_is_plain(value) for value in content.values()):
        raise PolicyUnavailable(f"{quoted(path)} holds something else than named tensors.")
    # Training on several devices puts `module.` before every name.
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def _is_plain(value: object) -> bool:
    """It is a tensor with every number in memory: one that repeats a few may claim any size."""
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.is_quantized:
        return False
    return value.untyped_storage().nbytes() >= value.nbytes


class Checkpoint:
    """The tensors of a checkpoint folder, one file or sharded by an index. Opening it reads headers only."""

    def __init__(self, folder: Path, stem: str = "model") -> None:
        """Open the files.

        Raises:
            PolicyUnavailable: no weights, pickled weights alone, a missing or damaged shard, or an index that
                contradicts its shards.
        """
        self.folder = folder
        self._files = {name: _open(folder / name) for name in _shards(folder, stem)}
        self._added: dict[str, torch.Tensor] = {}
        self.tensors: dict[str, StoredTensor] = {}
        for name, file in self._files.items():
            for key in file.keys():  # noqa: SIM118 (not a mapping)
                view = file.get_slice(key)
                kind = view.get_dtype()
                if kind not in TORCH_DTYPES:
                    raise PolicyUnavailable(
                        f"{quoted(folder / name)} stores {quoted(key)} as {quoted(kind)}; known types: "
                        f"{', '.join(TORCH_DTYPES)}. Convert it to one of them."
                    )
                self.tensors[key] = StoredTensor(tuple(view.get_shape()), TORCH_DTYPES[kind], name)

    @property
    def parameters(self) -> int:
        return sum(torch.Size(tensor.shape).numel() for tensor in self.tensors.values())

    @property
    def default_dtype(self) -> torch.dtype:
        """float32 for small models; the type in which most of the file is stored for large ones (nothing is copied)."""
        if self.parameters <= FLOAT32_UP_TO:
            return torch.float32
        sizes: dict[torch.dtype, int] = {}
        for tensor in self.tensors.values():
            sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + torch.Size(tensor.shape).numel()
        return max(sizes, key=lambda dtype: sizes[dtype])

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of a tensor that must be there."""
        if key not in self.tensors:
            raise PolicyUnavailable(
                f"{quoted(self.folder)} has no tensor {quoted(key)}. Is it a checkpoint of this family?"
            )
        return self.tensors[key].shape

    def check_layers(self, *counts: Any) -> None:
        """Raise PolicyUnavailable for a number of layers that a file of so few tensors cannot have.

        A network is built, without contents, before its tensors are compared with the file's: a configuration must not
        make that endless.
        """
        for count in counts:
            if type(count) is not int or not 1 <= count <= min(len(self.tensors), MAX_LAYERS):
                raise PolicyUnavailable(
                    f"The configuration in {quoted(self.folder)} claims {quoted(count)} layers; the file has "
                    f"{len(self.tensors)} tensors."
                )

    def replace(self, prefix: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put `tensors` in the place of all whose name begins with `prefix`."""
        for key in [key for key in self.tensors if key.startswith(prefix)]:
            del self.tensors[key]
        for key, tensor in tensors.items():
            self.tensors[key] = StoredTensor(tuple(tensor.shape), tensor.dtype, "")
            self._added[key] = tensor

    def tensor(self, key: str) -> torch.Tensor:
        """The tensor, still in the memory map: no bytes are read before it is used."""
        if key in self._added:
            return self._added[key]
        return self._files[self.tensors[key].file].get_tensor(key)

    def check(self, expected: Mapping[str, torch.Tensor], unused: Iterable[str] = ()) -> None:
        """Every tensor of the file has a place in `expected`, or matches a regular expression of `unused`.

        Args:
            expected: name in the file -> tensor (on meta) of the network.
            unused: patterns, matched in full, of what is known to be in such files and not needed.

        Raises:
            PolicyUnavailable: a missing or surplus tensor, or one of another shape.
        """
        known = re.compile("|".join(f"(?:{pattern})" for pattern in unused) or r"(?!)")
        surplus = [key for key in self.tensors if key not in expected and not known.fullmatch(key)]
        problems = {
            "missing": [key for key in expected if key not in self.tensors],
            "not known": surplus,
            "of another shape": [
                f"{key} {list(self.tensors[key].shape)}, not {list(tensor.shape)}"
                for key, tensor in expected.items()
                if key in self.tensors and self.tensors[key].shape != tuple(tensor.shape)
            ],
        }
        found = [f"{len(names)} {problem} (e.g. {quoted(names[0])})" for problem, names in problems.items() if names]
        if found:
            raise PolicyUnavailable(
                f"The tensors of {quoted(self.folder)} do not fit its configuration: {'; '.join(found)}. "
                "Nothing was loaded. Is the checkpoint complete and of this family?"
            )

    def fill(
        self, module: torch.nn.Module, prefix: str, device: torch.device, dtype: torch.dtype, *, skip: str | None = None
    ) -> None:
        """Give `module`, built on meta, its tensors `{prefix}…`; what has them already is left alone.

        On the CPU and in the file's own type nothing is copied: the parameters are the memory map.

        Args:
            skip: leave out the submodule of this name.
        """
        with torch.inference_mode(False):  # what is made in that mode could not be differentiated through later
            state = {
                name: self.tensor(prefix + name).to(device, dtype)
                for name, tensor in module.state_dict().items()
                if tensor.is_meta and not (skip and name.startswith(f"{skip}."))
            }
            if state:
                module.load_state_dict(state, strict=False, assign=True)

    def bytes_of(
        self, device: torch.device, dtype: torch.dtype, needed: Callable[[str], bool] = lambda name: True
    ) -> int:
        """Main memory that the tensors with a `needed` name take beside the file: 0 where they stay in the map."""
        if device.type != "cpu":
            return 0
        copied = (it for name, it in self.tensors.items() if it.dtype != dtype and needed(name))
        return sum(torch.Size(tensor.shape).numel() for tensor in copied) * dtype.itemsize

    def fingerprint(self) -> str:
        """Hex digest of names, shapes, types and of 8 KB of every tensor: told apart in a moment, 15 GB or not.

        It does not see a change confined to the bytes between; training changes them all. The bytes are read from the
        file and not from the map, where each touch makes the system read megabytes ahead.
        """
        digest = hashlib.sha256()
        places = {name: _places(self.folder / name) for name in self._files}
        for key in sorted(self.tensors):
            stored = self.tensors[key]
            digest.update(f"{key} {stored.shape} {stored.dtype}".encode())
            if key in self._added:
                raw = self._added[key].contiguous().reshape(-1).view(torch.uint8)
                digest.update(raw[:SAMPLE].numpy().tobytes() + raw[len(raw) // 2 :][:SAMPLE].numpy().tobytes())
                continue
            start, end = places[stored.file][key]
            with (self.folder / stored.file).open("rb", buffering=0) as file:
                for place in (start, (start + end) // 2):
                    digest.update(os.pread(file.fileno(), min(SAMPLE, end - place), place))
        return digest.hexdigest()


def _places(path: Path) -> dict[str, tuple[int, int]]:
    """Tensor -> first byte and the one behind its last, in the file. (Its header was checked on opening.)"""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {key: tuple(8 + length + place for place in entry["data_offsets"]) for key, entry in header.items()}


def _shards(folder: Path, stem: str) -> list[str]:
    """File names of the weights in `folder`, those of the index where there is one."""
    index = folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        places = read_json(index).get("weight_map", {})
        if not isinstance(places, dict):
            raise PolicyUnavailable(f"{quoted(index)} has a weight_map that is no object.")
        names = sorted({str(name) for name in places.values()})
        for name in names:
            if Path(name).name != name or not name.endswith(".safetensors"):
                raise PolicyUnavailable(f"{quoted(index)} points at {quoted(name)}: shards must lie beside it.")
            if not (folder / name).is_file():
                raise PolicyUnavailable(
                    f"{quoted(folder)} lacks the shard {quoted(name)} that its index names. Download it again."
                )
        if names:
            return names
    if (folder / f"{stem}.safetensors").is_file():
        return [f"{stem}.safetensors"]
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickled:
        raise PolicyUnavailable(
            f"{quoted(folder)} has only pickled weights ({quoted(pickled[0])}). Unpickling can run any code, so it is "
            "never done here: convert them to safetensors where you trust them."
        )
    raise PolicyUnavailable(f"{quoted(folder)} holds no {stem}.safetensors and no index of shards.")


def _open(path: Path) -> Any:
    try:
        return safe_open(own_file(path), framework="pt")
    except (SafetensorError, OSError) as error:
        raise PolicyUnavailable(
            f"{quoted(path)} is damaged or cut short: {quoted(error)}. Download it again."
        ) from error
