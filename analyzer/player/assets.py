"""The player's own files: served one by one to the page, or put together for a report that opens without a server."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

_HOME = Path(__file__).parent
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function\*? (\w+)|class (\w+)|const (\w+))", re.MULTILINE)


def asset_types() -> dict[str, str]:
    """File name -> media type of everything the player consists of."""
    return {path.name: _TYPES[path.suffix] for path in sorted(_HOME.iterdir()) if path.suffix in _TYPES}


def asset(name: str) -> bytes:
    """Content of one of `asset_types`; KeyError for any other name."""
    asset_types()[name]
    return (_HOME / name).read_bytes()


def version() -> str:
    """Of all the player's files together: an address with it in it may be cached for ever."""
    digest = hashlib.blake2b(digest_size=8)
    for name in asset_types():
        digest.update(name.encode() + b"\0" + asset(name) + b"\0")
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
    parts = ["(() => {", '"use strict";', "const modules = {};"]
    for name in order:
        body, exported = _as_function(name)
        parts.append(f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {", ".join(exported)} }};\n}})();')
    parts.append(f'window.TrajectoryLens = modules["{entry}"];')
    parts.append("})();")
    # Nothing in a script may look like its end.
    return "\n".join(parts).replace("</script", "<\\/script").replace("<!--", "<\\!--")


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
