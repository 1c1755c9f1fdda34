"""Writing a reconstruction in other programs' formats, without Blender."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..contract.errors import UserError
from ..contract.reconstruction import Reconstruction, load
from .amass import write_amass
from .bvh import write_bvh
from .glb import write_glb

Writer = Callable[[Reconstruction, Path], list[Path]]
WRITERS: dict[str, Writer] = {"amass": write_amass, "bvh": write_bvh, "glb": write_glb}


def export_reconstruction(folder: Path, kind: str, out: Path) -> list[Path]:
    """Write the active take of the reconstruction in `folder` into the folder `out`; return the files.

    UserError where there is no reconstruction, it is damaged, `out` cannot be written or the format is unknown.
    """
    if kind not in WRITERS:
        raise UserError("bad-format", f"There is no format {kind!r}.", f"Choose one of {', '.join(WRITERS)}.")
    return WRITERS[kind](load(folder), out)
