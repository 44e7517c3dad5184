"""Frozen records in JSON files of a run folder: written whole, read back checked, damage told in one sentence."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from foundation.errors import BadInput, RunUnreadable
from foundation.files import atomic

Record = TypeVar("Record")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic(path) as temporary:
        # ASCII with escapes: a file name or an instruction need not be valid Unicode.
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


def read_json(path: Path, missing: str) -> dict[str, Any]:
    """Raises RunUnreadable where there is no such file (with the sentence `missing`) or no object in it."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunUnreadable(missing) from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunUnreadable(f"{path}: damaged ({error}). Analyse the recording again.") from error
    if not isinstance(stored, dict):
        raise RunUnreadable(f"{path}: damaged (not a JSON object). Analyse the recording again.")
    return stored


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn a record that lacks fields or holds the wrong kind of value into one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OSError, OverflowError, BadInput) as error:
        raise RunUnreadable(
            f"{path}: damaged ({type(error).__name__}: {error}). Analyse the recording again."
        ) from error


def record_from(kind: type[Record], stored: Any) -> Record:
    """The frozen dataclass `kind` that `dataclasses.asdict` made `stored` of, its nested records and tuples included.

    Raises:
        ValueError: a field is missing, unknown or of another type; what the record itself refuses.
    """
    if not isinstance(stored, Mapping):
        raise ValueError(f"{kind.__name__}: not an object")
    hints = _hints(typing.cast(type, kind))
    unknown = set(stored) - set(hints)
    if unknown:
        raise ValueError(f"{kind.__name__} has no {min(unknown)!r}")
    values = {name: _value(hints[name], value, f"{kind.__name__}.{name}") for name, value in stored.items()}
    missing = [
        field.name
        for field in fields(kind)  # type: ignore[arg-type]
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise ValueError(f"{kind.__name__} lacks {missing[0]!r}")
    return kind(**values)


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, stored: Any, where: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if stored is None and type(None) in inner:
            return None
        (only,) = [option for option in inner if option is not type(None)]
        return _value(only, stored, where)
    if origin is tuple:
        if not isinstance(stored, list | tuple):
            raise ValueError(f"{where}: not a list")
        kinds = [inner[0]] * len(stored) if inner[-1] is Ellipsis else list(inner)
        if len(kinds) != len(stored):
            raise ValueError(f"{where}: {len(stored)} values instead of {len(kinds)}")
        return tuple(_value(one, value, where) for one, value in zip(kinds, stored, strict=True))
    if is_dataclass(hint):
        return record_from(typing.cast(type, hint), stored)
    if hint is float and isinstance(stored, int | float) and not isinstance(stored, bool):
        return float(stored)
    if type(stored) is hint:
        return stored
    raise ValueError(f"{where}: {stored!r:.60} is no {getattr(hint, '__name__', hint)}")
