"""The house's rules: imports point down, no circles, one home a library, a start without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "foundation": set(),
    "videos": {"foundation"},
    "policies": {"foundation"},
    "analyzer": {"foundation", "videos", "policies"},
    "app_pages": {"foundation", "videos", "policies", "analyzer"},
}
"""Package -> the packages it may import from, besides itself."""
HOMES = {
    "av": "videos",
    "h5py": "videos",
    "transformers": "policies",
    "tokenizers": "policies",
    "onnx": "policies",
    "safetensors": "policies",
    "tqdm": "analyzer/progress_bar.py",
    "rerun": "analyzer/exports/rerun_recording.py",
    "jinja2": "analyzer/report/render_page.py",
    "streamlit": "app_pages",
    "starlette": "app_pages",
}
"""Library -> the only place that may speak to it."""
PURE = {"torch", "numpy", "__future__", "math", "heapq", "inspect", "collections", "typing", "dataclasses"}
"""What the mathematics of analyzer/ncut may import, besides itself."""


def modules() -> Iterator[tuple[str, Path]]:
    for package in FLOORS:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(path: Path, *, at_start: bool = False) -> set[str]:
    """Dotted names a module imports; `at_start`: only what runs on import (no function bodies, no TYPE_CHECKING)."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if at_start and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if at_start and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative imports hide where a name lives"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


ALL = dict(modules())


@pytest.mark.parametrize("module", ALL)
def test_imports_point_down(module: str) -> None:
    package = module.split(".")[0]
    upwards = {name for name in imports(ALL[module]) if name.split(".")[0] in FLOORS} - {package}
    assert {name.split(".")[0] for name in upwards} - {package} <= FLOORS[package]


@pytest.mark.parametrize("module", ALL)
def test_a_library_is_spoken_to_from_its_home(module: str) -> None:
    path = ALL[module].relative_to(ROOT).as_posix()
    for library in {name.split(".")[0] for name in imports(ALL[module])} & set(HOMES):
        assert path.startswith(HOMES[library]), f"{library} belongs to {HOMES[library]}"


@pytest.mark.parametrize("module", [name for name in ALL if name.startswith("analyzer.ncut.")])
def test_the_mathematics_knows_only_itself(module: str) -> None:
    for name in imports(ALL[module]):
        assert name.startswith("analyzer.ncut") or name == "analyzer" or name.split(".")[0] in PURE, name


def test_there_are_no_circles() -> None:
    graph = {module: imports(path, at_start=True) & set(ALL) - {module} for module, path in ALL.items()}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " imports ".join([*trail, module])
        if module not in done:
            for needed in graph[module]:
                walk(needed, (*trail, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_package_files_are_empty() -> None:
    """Every name has one import path."""
    assert [path for path in ALL.values() if path.name == "__init__.py" and path.read_text().strip()] == []


@pytest.mark.parametrize(
    "code",
    [
        "from analyzer.cli import main; main(['--help'])",
        "from analyzer.cli import main; main(['run', '--help'])",
        "from analyzer.cli import main; main(['inspect', 'samples/libero_bowl_plate'])",
        "from policies.catalog import known_policies; known_policies()",
        "import analyzer.render, analyzer.run_folder",
        "import analyzer.report.write, analyzer.report.page",
    ],
)
def test_these_start_without_torch(code: str) -> None:
    check = "import sys\ntry:\n    " + code + "\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_no_two_test_modules_share_a_name() -> None:
    """pytest imports them by their bare names: of two alike only the first is found, and only when both are collected."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
