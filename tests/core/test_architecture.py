"""The rules that keep the parts apart, read from the source: who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "socialmirror_blender")
SHARED = ("core.contract", "core.export")
"""What Blender may import of the core: pure Python and numpy."""
FILES = sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports(path: Path, *, whole: bool = True) -> Iterator[tuple[str, bool]]:
    """What a file imports, as the absolute names of modules, and whether it was named relatively.

    `whole`: those within functions too, which run when the function does; never those for type checkers alone.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    for node in statements(tree, whole):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, False
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                stem = parts[: len(parts) - node.level + 1]
                base = ".".join([*stem, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{base}.{alias.name}" if base else alias.name
                yield (name if name in MODULES else base), bool(node.level)


def statements(tree: ast.AST, whole: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not whole:
            continue
        yield node
        yield from statements(node, whole)


def outside(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_keep_to_the_rules(path: Path) -> None:
    module, package = module_of(path), module_of(path).split(".")[0]
    found = list(imports(path))
    names = {name for name, _ in found}
    for name, relative in found:
        assert relative or outside(name) not in PACKAGES, f"{module} names {name} absolutely: Blender puts us elsewhere"
    if package == "core":
        blender = {"bpy", "mathutils", "bmesh", "bpy_extras", "gpu", "blf", "socialmirror_blender"}
        assert not blender & {outside(name) for name in names}
    else:
        heavy = {"torch", "cv2", "transformers", "scipy", "safetensors", "smplx", "trimesh"}
        assert not heavy & {outside(name) for name in names}
        from_core = {name for name in names if outside(name) == "core"}
        assert all(name.startswith(SHARED) for name in from_core), from_core
    if module.startswith(SHARED):
        foreign = {outside(name) for name in names} - set(sys.stdlib_module_names) - {"numpy", "core"}
        assert not foreign
        allowed = SHARED if module.startswith("core.export") else ("core.contract",)
        assert all(name.startswith(allowed) for name in names if outside(name) == "core" and name != "core")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_round_about(package: str) -> None:
    graph = {
        module: {name for name, _ in imports(path, whole=False) if name in MODULES and name != module}
        for module, path in MODULES.items()
        if outside(module) == package
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


LAYERS = (
    ("contract",),
    (
        "reporting",
        "failures",
        "device",
        "progress",
        "subprocesses",
        "network_failures",
        "records",
        "transforms",
        "projection",
        "interrupts",
        "guard",
    ),
    ("digests", "shipped", "weights", "checkpoint"),
    ("hub",),
    ("body", "perception", "motion", "clip"),
    ("representation", "observations", "fitting"),
    ("imported_motion", "contacts", "scores", "quality", "semantics"),
    ("annotator",),
    ("stgcn",),
    ("infilling", "smoothing", "sam3d_body"),
    ("pipeline",),
    ("export", "doctor", "environment"),
    ("batch",),
    ("cli", "worker", "terminal"),
)
"""The core's parts, each of which knows only those before it, and its neighbours in the same line."""


def test_the_cores_parts_know_only_those_before_them() -> None:
    height = {part: number for number, layer in enumerate(LAYERS) for part in layer} | {"__main__": len(LAYERS)}
    of_core = {module: path for module, path in MODULES.items() if module.startswith("core.")}
    assert {module.split(".")[1] for module in of_core} == set(height)
    for module, path in of_core.items():
        for name, _ in imports(path):
            if name.startswith("core."):
                here, there = (height[each.split(".")[1]] for each in (module, name))
                assert there <= here, f"{module} imports {name}, which stands above it"


ENTRY_POINTS = (
    "core.__main__",
    "core.worker",
    "core.guard",
    "core.hub.transfer",
    "socialmirror_blender",
    "socialmirror_blender.runtime.installer",
)
"""What is started from outside: the command line, the worker's process, what guards other programs and
talks to the hub, the add-on."""


def test_the_extension_ships_what_its_entry_points_reach_and_nothing_else() -> None:
    """Core and the add-on are packed whole, so each of their modules has to be reached; the laboratory never is."""
    reached: set[str] = set()
    waiting: list[str] = [*ENTRY_POINTS]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in MODULES:
            continue
        reached.add(module)
        waiting.append(module.rpartition(".")[0])  # importing a module imports its packages
        waiting += [name for name, _ in imports(MODULES[module])]
    assert set(MODULES) - reached == set()
    named = {outside(name) for path in FILES for name, _ in imports(path)}
    assert "lab" not in named


def test_the_extension_loads_without_blender() -> None:
    """Its root is imported by whatever meets the folder, tools and tests too."""
    source = ast.parse((PROJECT / "__init__.py").read_text(encoding="utf-8"))
    assert not [node for node in source.body if isinstance(node, ast.Import | ast.ImportFrom)]
