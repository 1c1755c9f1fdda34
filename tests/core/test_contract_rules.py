"""Who may import whom, read from the source."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "core").rglob("*.py"))
ADD_ON = sorted((ROOT / "socialmirror_blender").rglob("*.py"))
HEAVY = {"torch", "cv2", "transformers", "scipy", "safetensors", "tflite", "smplx"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Absolute names of all that a file imports, wherever in the file."""
    found: set[str] = set()
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", CORE, ids=module_of)
def test_the_core_knows_nothing_of_blender_and_imports_itself_relatively(path: Path):
    assert not tops(imports_of(path)) & {"bpy", "mathutils", "bmesh", "socialmirror_blender"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] != "core"
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "core" for alias in node.names)


@pytest.mark.parametrize("path", [path for path in CORE if "contract" in path.parts], ids=module_of)
def test_the_contract_needs_numpy_at_most(path: Path):
    for name in imports_of(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names or top == "numpy" or name.startswith("core.contract."), name


@pytest.mark.parametrize("path", ADD_ON, ids=module_of)
def test_the_add_on_takes_only_the_contract_from_the_core(path: Path):
    names = imports_of(path)
    assert not tops(names) & HEAVY
    assert all(name.startswith("core.contract") for name in names if name.split(".")[0] == "core"), names


def test_imports_in_the_core_go_one_way():
    modules = {module_of(path): path for path in CORE}
    # a package's __init__ is a module of its own, but importing from inside a package does not depend on it
    graph = {
        module: {known for name in imports_of(path) if (known := _module_in(name, modules)) and known != module}
        for module, path in modules.items()
    }
    done: set[str] = set()
    while ready := {module for module in graph if module not in done and graph[module] <= done}:
        done |= ready
    assert set(graph) == done, f"a circle among {sorted(set(graph) - done)}"


def _module_in(name: str, modules: dict[str, Path]) -> str | None:
    """The module that `name` is, or is in."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None
