"""What many tests begin with, made once in a process: the files of a reconstruction, and the scene that it was imported into."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import bpy

from tests.blender.product import Product
from tests.blender.user_actions import press

_Made = TypeVar("_Made")


class Kept:
    """Tests that are about the import, or that need a reconstruction of their own, make and import it themselves."""

    def __init__(self, folder: Path, product: Product, contract: ModuleType) -> None:
        self._folder = folder
        self._product = product
        self._contract = contract
        self._made: dict[str, tuple[Path, object]] = {}
        """By what made it: the folder, and what was returned."""
        self._kept_of: dict[Path, Path] = {}
        """The folder that the one of a test is a copy of."""

    def files(self, folder: Path, make: Callable[..., _Made], **options: Any) -> _Made:
        """`make(folder, contract, **options)`; the second time the files are copied and the same value is returned.

        Tests must not change the value.
        """
        key = f"{make.__module__}.{make.__qualname__} {sorted(options.items())}"
        if key not in self._made:
            kept = self._folder / str(len(self._made))
            self._made[key] = kept, make(kept, self._contract, **options)
        kept, made = self._made[key]
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        self._kept_of[folder] = kept
        return cast(_Made, made)

    def pressed(self, folder: Path) -> Any:
        """The collection in an empty file into which a user has imported a folder of `files`."""

        def import_folder(kept: Path) -> None:
            assert press("import_folder", directory=str(kept)) == {"FINISHED"}

        return self._scene(folder, import_folder, "pressed")

    def imported(self, folder: Path, **options: Any) -> Any:
        """The collection in an empty file into which `import_reconstruction` has imported a folder of `files`."""

        def import_reconstruction(kept: Path) -> None:
            self._scenes.import_reconstruction(bpy.context, kept, **options)

        return self._scene(folder, import_reconstruction, f"imported {sorted(options.items())}")

    def _scene(self, folder: Path, bring_in: Callable[[Path], None], how: str) -> Any:
        kept = self._kept_of[folder]
        blend = self._folder / f"{kept.name} {how}.blend"
        operators: Any = bpy.ops.wm
        if not blend.exists():
            bring_in(kept)
            operators.save_as_mainfile(filepath=str(blend), check_existing=False, copy=True)
        # as a start-up file: Blender takes over all of it, but has no path for it, as if nothing had been saved yet
        operators.read_homefile(filepath=str(blend))
        (collection,) = self._scenes.reconstruction_collections()
        self._product("socialmirror_blender.scene.linking").link_to(collection, folder, "")
        self._give_identity(collection)
        bpy.context.view_layer.update()  # until then nothing is known to be visible
        return collection

    def _give_identity(self, collection: Any) -> None:
        """One of its own, as every import has: the add-on remembers values by it."""
        name, identity = self._product("socialmirror_blender.scene.names").ID_PROPERTY, str(uuid.uuid4())
        blocks: list[Any] = [collection, *bpy.data.actions, *bpy.data.objects]
        for block in blocks:
            if name in block:
                block[name] = identity

    @property
    def _scenes(self) -> ModuleType:
        return self._product("socialmirror_blender.scene")
