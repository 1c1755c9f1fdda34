"""Export of a reconstruction to other programs' formats (AMASS npz, BVH, binary glTF), without Blender."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..contract.errors import UserError
from ..contract.reconstruction import Reconstruction, load
from .amass import write_amass
from .bvh import write_bvh
from .glb import write_glb

Writer = Callable[[Reconstruction, Path], list[Path]]
"""Writes a reconstruction into a folder and returns the files."""
WRITERS: dict[str, Writer] = {"amass": write_amass, "bvh": write_bvh, "glb": write_glb}
"""Writers by the name of the format on the command line."""


def export_reconstruction(folder: Path, format_name: str, out: Path) -> list[Path]:
    """Write the active take of the reconstruction in `folder` to the folder `out` and return the files.

    UserError `bad-format` for an unknown format; those of `reconstruction.load` where the reconstruction is missing or damaged;
    those of `contract.files` where `out` cannot be written.
    """
    if format_name not in WRITERS:
        raise UserError("bad-format", f"The format {format_name!r} is unknown.", f"Choose one of {', '.join(WRITERS)}.")
    return WRITERS[format_name](load(folder), out)
