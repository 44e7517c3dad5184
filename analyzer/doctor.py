"""What this installation can do, and what it lacks: `python -m analyzer doctor`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from analyzer.settings import Settings
from foundation.errors import LensError

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
Check = tuple[str, bool, str]
"""What was looked at, whether it is as it should be, and what was found or what to do."""
LOW_DISK_GB = 5.0
"""The features of the bundled episode take 0.3 GB at the default three sites."""


def examine(cache: Path) -> dict[str, Any]:
    """Look at versions, devices, codecs, disk and policies. Exit code 2 where something needed is missing."""
    checks: list[Check] = [("Python", sys.version_info >= (3, 11), platform.python_version())]
    for package, wanted in _required().items():
        try:
            found = metadata.version(package)
        except metadata.PackageNotFoundError:
            checks.append((package, False, f"missing: pip install {package}=={wanted}"))
            continue
        matches = found.split("+")[0] == wanted
        checks.append(
            (package, matches, found if matches else f"{found}; tested with {wanted}: pip install {package}=={wanted}")
        )
    for name, examined in (("video codecs", _codecs), ("devices", _devices), ("policies", _policies)):
        try:
            checks.extend(examined())
        except (ImportError, OSError) as error:  # a package that is missing, or that lacks a library of the system
            checks.append((name, False, f"cannot be examined: {error}"))
    existing = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 1e9
    checks.append(("disk", free > LOW_DISK_GB, f"{free:.0f} GB free for features in {cache}"))
    checks.append(("cache", True, f"{_size(cache) / 1e9:.2f} GB in {cache}; it may be deleted at any time"))
    text = "\n".join(f"{'ok ' if good else 'NO '} {name:<24} {finding}" for name, good, finding in checks)
    missing = [name for name, good, _ in checks if not good]
    summary = f"missing or different: {', '.join(missing)}" if missing else "everything is there"
    return {
        "checks": [{"name": name, "ok": good, "finding": finding} for name, good, finding in checks],
        "text": f"{text}\n\n{summary}",
        "exit_code": 2 if missing else 0,
    }


def _codecs() -> list[Check]:
    from videos import codecs

    remedy = "no: reinstall PyAV from its wheel (pip install --force-reinstall av)"
    return [(codec, works, "yes" if works else remedy) for codec, works in codecs.available().items()]


def _devices() -> list[Check]:
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return [
        ("CPU", True, f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"),
        ("GPU", True, ", ".join(gpus) if gpus else "none (--device cpu is the default)"),
    ]


def _policies() -> list[Check]:
    from policies.catalog import known_policies, load_policy

    default = Settings().policy
    # The others may be gigabytes on a hub: a diagnosis does not fetch them.
    others = [name for name, _ in known_policies() if name != default]
    checks = [("other policies", True, f"fetched when asked for: {', '.join(others)}" if others else "none")]
    try:
        load_policy(default)
        return [(f"policy {default}", True, "its weights are there and their checksum is right"), *checks]
    except LensError as error:
        return [(f"policy {default}", False, str(error)), *checks]


def _required() -> dict[str, str]:
    """package -> pinned version, of requirements.txt."""
    pins = re.findall(r"^([\w.-]+)==(\S+)", REQUIREMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(pins)


def _size(folder: Path) -> int:
    """Bytes on disk, not counting what sparse files have not filled yet."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
