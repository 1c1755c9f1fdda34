"""Imports damaged reconstructions into Blender. Runs in a Python that has Blender as a module:

    PYTHONPATH=CHECKOUT python -m lab.fuzzing.blender_import FOLDER

For every reconstruction FOLDER/*/result, in the order of their names, one line of JSON is printed: the fields of
`outcome.Attempt`. A result is imported by the operator that users press, and its meshes are evaluated as a redraw does it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .measure import attempt

_ROOT = Path(__file__).resolve().parents[2]
RESULT = "result"
"""Name of the reconstruction's folder within the folder of a case."""
_EXTENSION = "bl_ext.user_default.socialmirror"


class _Refused(Exception):
    """The operator reported an error to the user."""


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as resources:
        # Blender reads this variable when bpy is first imported: the user's own preferences stay untouched
        os.environ["BLENDER_USER_RESOURCES"] = resources
        installed = Path(resources) / "extensions" / "user_default" / "socialmirror"
        installed.parent.mkdir(parents=True)
        installed.symlink_to(_ROOT, target_is_directory=True)
        importlib.import_module("bpy")
        for case in sorted(folder.iterdir()):
            _empty_file()
            result = case / RESULT
            one = attempt(lambda result=result: _import(result), result, case, (_Refused,))
            print(json.dumps(asdict(one)), flush=True)


def _empty_file() -> None:
    import addon_utils
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    if _EXTENSION not in bpy.context.preferences.addons:
        addon_utils.enable(_EXTENSION, default_set=True)


def _import(result: Path) -> str | None:
    import bpy

    operators: Any = bpy.ops
    try:
        operators.socialmirror.import_folder(directory=str(result))
    except RuntimeError as error:
        message = str(error)
        if "Traceback" in message or " failed: " in message:
            return f"the user reads: {message[-300:]}"
        raise _Refused from error
    graph = bpy.context.evaluated_depsgraph_get()
    for thing in bpy.context.scene.objects:
        if thing.type == "MESH":
            evaluated: Any = thing.evaluated_get(graph)
            mesh = evaluated.to_mesh()
            if any(not 0 <= index < len(mesh.vertices) for face in mesh.polygons for index in face.vertices):
                return "a face of the mesh has a corner that does not exist"
            evaluated.to_mesh_clear()
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
