"""Context managers for blocks of code that create or rename datablocks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import bpy


@contextmanager
def remove_new_datablocks_on_error() -> Generator[None]:
    """Remove every datablock that the block created if it raises. Changes to existing ones are for the block to undo."""
    data: Any = bpy.data
    kinds = [prop.identifier for prop in data.bl_rna.properties if prop.type == "COLLECTION"]
    before = _uids(kinds)
    try:
        yield
    except BaseException:
        bpy.data.batch_remove(_new_datablocks(kinds, before))
        raise


@contextmanager
def remove_new_datablocks(kinds: Sequence[str]) -> Generator[None]:
    """Remove every datablock of these kinds (names of collections of `bpy.data`) that the block created."""
    before = _uids(kinds)
    try:
        yield
    finally:
        bpy.data.batch_remove(_new_datablocks(kinds, before))


@contextmanager
def restored_on_error(datablocks: Iterable[bpy.types.ID]) -> Generator[None]:
    """Give datablocks that the block changes their content back if it raises."""
    copies: list[tuple[Any, Any]] = [(item, item.copy()) for item in datablocks]
    try:
        yield
    except BaseException:
        for item, copy in copies:
            name = item.name
            copy.use_fake_user = item.use_fake_user
            item.user_remap(copy)
            bpy.data.batch_remove([item])
            copy.name = name
        raise
    bpy.data.batch_remove([copy for _, copy in copies])


@contextmanager
def temporary_name(datablocks: Any, datablock: bpy.types.ID, name: str) -> Generator[None]:
    """Give a datablock of `datablocks`, such as `bpy.data.objects`, exactly this name; another one of this name gets it back."""
    holder = datablocks.get(name)
    if holder == datablock:
        holder = None
    if holder is not None:
        holder.name = f"{name} (renamed)"
    original = datablock.name
    datablock.name = name
    try:
        yield
    finally:
        datablock.name = original
        if holder is not None:
            holder.name = name


def _uids(kinds: Sequence[str]) -> set[int]:
    return {datablock.session_uid for kind in kinds for datablock in getattr(bpy.data, kind)}


def _new_datablocks(kinds: Sequence[str], before: set[int]) -> list[bpy.types.ID]:
    return [item for kind in kinds for item in getattr(bpy.data, kind) if item.session_uid not in before]
