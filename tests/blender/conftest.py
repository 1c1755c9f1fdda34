"""Fixtures for tests with the real bpy: this checkout enabled as an extension, and an empty file for every test."""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.blender.product import Product

CHECKOUT = Path(__file__).resolve().parents[2]
EXTENSION = "bl_ext.user_default.socialmirror"
_EXIT_STATUS = pytest.StashKey[int]()


def _has_blender() -> bool:
    """Whether bpy is Blender and not type stubs, which have the same name."""
    spec = importlib.util.find_spec("bpy")
    return spec is not None and spec.origin is not None and not spec.origin.endswith((".py", ".pyi"))


if not _has_blender():
    collect_ignore_glob = ["test_*.py"]
else:
    # Blender reads this variable when bpy is first imported: the user's own preferences stay untouched
    _resources = Path(tempfile.mkdtemp(prefix="socialmirror-test-"))
    atexit.register(shutil.rmtree, _resources, ignore_errors=True)
    os.environ["BLENDER_USER_RESOURCES"] = str(_resources)
    _installed = _resources / "extensions" / "user_default" / "socialmirror"
    _installed.parent.mkdir(parents=True)
    _installed.symlink_to(CHECKOUT, target_is_directory=True)

    importlib.import_module("bpy")
    addon_utils = importlib.import_module("addon_utils")  # can be imported once bpy is
    assert addon_utils.enable(EXTENSION, default_set=True) is not None

    def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
        session.config.stash[_EXIT_STATUS] = int(exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(config: pytest.Config) -> None:
        """End without Blender's own shutdown: where OpenGL works, that of bpy 4.5 waits forever for its GPU worker."""
        if _EXIT_STATUS in config.stash:
            shutil.rmtree(_resources, ignore_errors=True)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(config.stash[_EXIT_STATUS])


@pytest.fixture(autouse=True)
def empty_file() -> None:
    """An empty .blend file, one scene without objects, 24 frames per second; the extension as it is when Blender starts.

    Factory settings would register all classes of the extension for every test, which takes several times as long.
    """
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    addons = bpy.context.preferences.addons
    if EXTENSION not in addons:  # a test has disabled it
        addon_utils.enable(EXTENSION, default_set=True)
        return
    preferences = addons[EXTENSION].preferences
    for name, definition in preferences.bl_rna.properties.items():
        if not definition.is_readonly:
            preferences.property_unset(name)
    addon = f"{EXTENSION}.socialmirror_blender"
    polling, reconstructions, unkeyed_pose = (
        importlib.import_module(f"{addon}.{name}")
        for name in ("runtime.polling", "reconstructions", "scene.unkeyed_pose")
    )
    polling.unregister()
    polling.register(reconstructions.import_outcome, unkeyed_pose.unkeyed_pose)


def import_product(name: str) -> ModuleType:
    return importlib.import_module(f"{EXTENSION}.{name}")


@pytest.fixture
def product() -> Product:
    """Imports a module of the extension by its name in the checkout: `product("core.contract.contact")`."""
    return import_product


def import_contract() -> ModuleType:
    for module in ("skeleton", "reconstruction", "contact", "foot_contact", "edits"):
        import_product(f"core.contract.{module}")
    return import_product("core.contract")


@pytest.fixture
def contract() -> ModuleType:
    """`core.contract` as the add-on imports it, with its modules loaded."""
    return import_contract()


@pytest.fixture
def scene(product: Product) -> ModuleType:
    return product("socialmirror_blender.scene")


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The `Kept` of this process."""
    from tests.blender.kept import Kept

    return Kept(tmp_path_factory.mktemp("kept"), import_product, import_contract())


@pytest.fixture
def imported(kept: Any, tmp_path: Path) -> Any:
    """The collection of a reconstruction, imported as a user does it: frames 0-24 of the clip are scene frames 1-25."""
    from tests.blender.synthetic_reconstruction import make_reconstruction

    kept.files(tmp_path / "result", make_reconstruction)
    return kept.pressed(tmp_path / "result")


@pytest.fixture
def made(kept: Any, tmp_path: Path) -> Any:
    """A reconstruction of 25 frames in `tmp_path`: a `Made`."""
    from tests.blender.synthetic_reconstruction import make_reconstruction

    return kept.files(tmp_path, make_reconstruction)


@pytest.fixture
def collection(kept: Any, made: Any, tmp_path: Path) -> Any:
    """`made`, imported."""
    return kept.imported(tmp_path)


@pytest.fixture
def rig(scene: ModuleType, collection: Any) -> Any:
    """The armature of Person A in `collection`."""
    return scene.rig_of(collection, 0)
