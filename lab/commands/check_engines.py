"""`python -m lab check-engines`: exported files in Godot."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

SUMMARY = "check exported files in Godot"
DESCRIPTION = """\
Export a reconstruction for Godot and as glTF, import the files into Godot 4 without a window, and compare every joint in every
frame with the reconstruction. The JSONs of exports that Blender has written (`CLIP_unity.json`) add their FBX files, as long as
nothing was changed in Blender. The importers that `scripts/test` runs are quicker; this one is for releases.
"""
EXAMPLES = """\
  .venv/bin/python -m lab check-engines demo/reconstruction --godot /usr/bin/godot
  .venv/bin/python -m lab check-engines demo/reconstruction --godot "chroot /srv/forky godot" --project /srv/forky/tmp/project
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the reconstruction")
    parser.add_argument("records", type=Path, nargs="*", metavar="JSON", help="JSONs beside further exports")
    parser.add_argument("--godot", default="godot", metavar="COMMAND", help="starts Godot 4 (godot)")
    parser.add_argument("--project", type=Path, metavar="FOLDER", help="for the Godot project (a temporary one)")


def run(options: argparse.Namespace) -> None:
    import tempfile

    from core.contract.errors import UserError
    from core.contract.reconstruction import load
    from core.export import ExportSettings, export_reconstruction

    from ..engines.godot import TOLERANCE, check_in_godot

    with tempfile.TemporaryDirectory() as temporary:
        exports = Path(temporary) / "exports"
        made = [
            export_reconstruction(options.folder, ExportSettings(target, origin=origin), exports)[-1]
            for target, origin in (("godot", "feet"), ("gltf", "world"))
        ]
        project = options.project or Path(temporary) / "project"
        shown = check_in_godot(load(options.folder), [*made, *options.records], project, shlex.split(options.godot))
    for each in shown:
        print(f"{each.file}  {each.person}: {each.error * 1000:.4f} mm at most ({each.joint}, frame {each.frame})")
    if any(each.error > TOLERANCE for each in shown):
        raise UserError("engine-differs", f"Godot shows joints more than {TOLERANCE * 1000:g} mm off.")
