"""Export to other programs' formats: the tables of targets and names, the motion that files hold, and the writers of the core.

Blender uses it too, for what its people show instead of what was reconstructed: only numpy and `core.contract` are imported here.
FBX and USD are written by Blender's own exporters (`socialmirror_blender/export`), from the same plans.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..contract.errors import UserError
from ..contract.reconstruction import load
from .amass import write_amass
from .animation import Animation
from .bvh import write_bvh
from .from_reconstruction import animation_of
from .glb import write_glb
from .layout import FilePlan, plan_files
from .placement import Placed, place
from .settings import ExportSettings
from .sidecar import write_sidecar
from .targets import TARGETS, Format, needs_blender

Writer = Callable[[FilePlan], None]
WRITERS: dict[Format, Writer] = {"amass": write_amass, "bvh": write_bvh, "glb": write_glb}
"""By the format of the target."""

__all__ = ["TARGETS", "ExportSettings", "export_animation", "export_reconstruction", "needs_blender", "write_files"]


def export_reconstruction(folder: Path, settings: ExportSettings, out: Path) -> list[Path]:
    """Write the active take of the reconstruction in `folder` to the folder `out` and return the files, the JSON last.

    UserError `bad-export` for choices that do not exist, `needs-blender` for a target whose format only Blender writes; those of
    `reconstruction.load` where the reconstruction is missing or damaged; those of `contract.files` where `out` cannot be written.
    """
    settings.check()
    if needs_blender(settings.target):
        raise UserError(
            "needs-blender",
            f"Files for {settings.preset.label} ({settings.preset.format.upper()}) are written by Blender.",
            "Import the reconstruction there and choose Export, or choose another target.",
        )
    return export_animation(animation_of(load(folder)), settings, out, WRITERS)


def export_animation(
    animation: Animation, settings: ExportSettings, out: Path, writers: dict[Format, Writer]
) -> list[Path]:
    """Write an animation with the writer of the target's format, and the JSON beside the files."""
    placed = place(animation, settings)
    return write_files(placed, settings, out, writers[settings.preset.format])


def write_files(placed: Placed, settings: ExportSettings, out: Path, writer: Writer) -> list[Path]:
    plans = plan_files(placed, settings, out)
    for plan in plans:
        writer(plan)
    return [*(plan.path for plan in plans), write_sidecar(placed, settings, plans, out)]
