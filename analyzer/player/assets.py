"""The player's own files, put together: a module for each page, a script for a report that opens without a server."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

_HOME = Path(__file__).parent
_KINDS = (".js", ".css")
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function\*? (\w+)|class (\w+)|const (\w+))", re.MULTILINE)


PAGES = ("page.js", "library.js", "compare_page.js")
"""The doors of the pages: what they import comes with them."""


def asset_names() -> list[str]:
    """Of everything the player consists of."""
    return [path.name for path in _files()]


def _files() -> list[Path]:
    return sorted(path for path in _HOME.iterdir() if path.suffix in _KINDS)


def asset(name: str) -> bytes:
    """Content of one of `asset_names`; KeyError for any other name."""
    if name not in asset_names():
        raise KeyError(name)
    return (_HOME / name).read_bytes()


def version() -> str:
    """Of all the player's files together: an address with it in it may be cached for ever."""
    return _version(tuple((path, path.stat().st_mtime_ns) for path in _files()))


@functools.lru_cache(maxsize=1)
def _version(files: tuple[tuple[Path, int], ...]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path, _ in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def styles() -> str:
    return asset("player.css").decode()


@functools.cache
def bundle(entry: str = "player.js") -> str:
    """One classic script that defines `window.TrajectoryLens` with all that `entry` exports.

    A page opened from a file may not import modules from its folder, so each becomes a function called once, in order of
    need. It asks of the modules: imports first, named, one statement a line; exports in front of declarations.

    Raises:
        ValueError: a module breaks that, or imports go in a circle.
    """
    script = f'(() => {{\n"use strict";\n{_all_of(entry)}\nwindow.TrajectoryLens = modules["{entry}"];\n}})();'
    # Nothing in a script may look like its end.
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def module(entry: str) -> bytes:
    """A page's module with all that it imports: one request, where two dozen would each wait for the one before."""
    return _module(entry, version())


@functools.lru_cache(maxsize=len(PAGES))
def _module(entry: str, _version: str) -> bytes:
    _, exported = _as_function(entry)
    return f'{_all_of(entry)}\nexport const {{ {", ".join(exported)} }} = modules["{entry}"];\n'.encode()


def _all_of(entry: str) -> str:
    """Statements after which `modules[entry]` holds what `entry` exports."""
    order: list[str] = []
    trail: list[str] = []

    def visit(name: str) -> None:
        if name in trail:
            raise ValueError(f"modules import each other in a circle: {' '.join([*trail, name])}")
        if name in order:
            return
        trail.append(name)
        for _, needed in _IMPORT.findall(asset(name).decode()):
            visit(needed)
        trail.pop()
        order.append(name)

    visit(entry)
    parts = ["const modules = {};"]
    for name in order:
        body, exported = _as_function(name)
        parts.append(f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {", ".join(exported)} }};\n}})();')
    return "\n".join(parts)


def _as_function(name: str) -> tuple[str, list[str]]:
    text = asset(name).decode()
    exported = ["".join(groups) for groups in _EXPORT.findall(text)]
    body = _EXPORT.sub(
        "", _IMPORT.sub(lambda m: f'const {{{m[1].replace(" as ", ": ")}}} = modules["{m[2]}"];\n', text)
    )
    left = re.search(r"^\s*(import|export)\b.*$", body, re.MULTILINE)
    if left:
        raise ValueError(f"{name}: the bundle understands no such line: {left[0].strip()}")
    return body, exported
