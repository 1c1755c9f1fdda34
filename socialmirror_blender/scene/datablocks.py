"""Context managers for blocks of code that create or rename datablocks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import bpy

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Work that is done in steps, between which Blender's window lives on. What it returns is its result."""


@contextmanager
def remove_new_datablocks_on_error() -> Generator[None]:
    """Remove every datablock that the block created if it raises. Changes to existing ones are for the block to undo."""
    kinds = _kinds()
    before = _uids(kinds)
    try:
        yield
    except BaseException:
        bpy.data.batch_remove(_new_datablocks(kinds, before))
        raise


def at_once(steps: Steps[Result]) -> Result:
    """Do all steps and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def removed_on_error(steps: Steps[Result]) -> Steps[Result]:
    """The steps; if one raises, or no more of them are wanted, every datablock that they created is removed.

    Those that others create between two steps stay.
    """
    kinds = _kinds()
    made: set[int] = set()
    try:
        while True:
            before = _uids(kinds)
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            finally:
                made |= _uids(kinds) - before
            yield
    except BaseException:
        steps.close()
        bpy.data.batch_remove([item for kind in kinds for item in getattr(bpy.data, kind) if item.session_uid in made])
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


def _kinds() -> list[str]:
    """Names of all collections of `bpy.data`."""
    data: Any = bpy.data
    return [prop.identifier for prop in data.bl_rna.properties if prop.type == "COLLECTION"]


def _uids(kinds: Sequence[str]) -> set[int]:
    return {datablock.session_uid for kind in kinds for datablock in getattr(bpy.data, kind)}


def _new_datablocks(kinds: Sequence[str], before: set[int]) -> list[bpy.types.ID]:
    return [item for kind in kinds for item in getattr(bpy.data, kind) if item.session_uid not in before]
