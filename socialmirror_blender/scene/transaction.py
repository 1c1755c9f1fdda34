"""Building that either ends well or leaves the file as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Remove every datablock that the block made if it raises. What it changed in others is for the block to undo."""
    before = {datablock.session_uid for datablock in _datablocks()}
    try:
        yield
    except BaseException:
        bpy.data.batch_remove([datablock for datablock in _datablocks() if datablock.session_uid not in before])
        raise


def _datablocks() -> Iterator[bpy.types.ID]:
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION":
            yield from getattr(bpy.data, prop.identifier)
