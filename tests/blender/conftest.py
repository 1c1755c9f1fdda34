"""Blender for tests: the real bpy with this checkout enabled as an extension, and an empty file for every test."""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
EXTENSION = "bl_ext.user_default.socialmirror"


def _has_blender() -> bool:
    """Whether bpy is Blender; type stubs go by the same name."""
    spec = importlib.util.find_spec("bpy")
    return spec is not None and spec.origin is not None and not spec.origin.endswith((".py", ".pyi"))


if not _has_blender():
    collect_ignore_glob = ["test_*.py"]
else:
    # Blender reads this once, when bpy is first imported: user resources of our own keep the real ones untouched
    _resources = Path(tempfile.mkdtemp(prefix="socialmirror-test-"))
    atexit.register(shutil.rmtree, _resources, ignore_errors=True)
    os.environ["BLENDER_USER_RESOURCES"] = str(_resources)
    _place = _resources / "extensions" / "user_default" / "socialmirror"
    _place.parent.mkdir(parents=True)
    _place.symlink_to(CHECKOUT, target_is_directory=True)

    importlib.import_module("bpy")
    addon_utils = importlib.import_module("addon_utils")  # bpy brings it, so not before
    assert addon_utils.enable(EXTENSION, default_set=True) is not None


@pytest.fixture
def product() -> Callable[[str], ModuleType]:
    """Import a module of the product by its name in the checkout: `product("core.contract.contact")`."""
    return lambda name: importlib.import_module(f"{EXTENSION}.{name}")


@pytest.fixture
def contract(product: Callable[[str], ModuleType]) -> ModuleType:
    """`core.contract` as the add-on has it, with its modules loaded."""
    for module in ("skeleton", "reconstruction", "contact"):
        product(f"core.contract.{module}")
    return product("core.contract")


@pytest.fixture
def scene(product: Callable[[str], ModuleType]) -> ModuleType:
    return product("socialmirror_blender.scene")


@pytest.fixture(autouse=True)
def empty_file() -> None:
    """An empty .blend: one scene with nothing in it, 24 frames a second."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    if EXTENSION not in bpy.context.preferences.addons:
        addon_utils.enable(EXTENSION, default_set=True)
