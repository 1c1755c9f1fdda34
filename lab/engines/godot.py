"""Lets Godot import exported files and compares where it shows the joints with where the reconstruction has them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.contract.errors import UserError
from core.contract.files import read_json
from core.contract.reconstruction import Reconstruction
from core.contract.skeleton import JOINTS
from core.export.bone_names import NAME_SETS

_BONE_MAP = "humanoid.tres"
SCRIPT = Path(__file__).with_name("godot.gd")
TOLERANCE = 5e-5
"""Metres by which a joint may be off."""
_PROJECT = '[application]\nconfig/name="Exports"\n'
_PLAYER = '"PATH:AnimationPlayer": {"optimizer/enabled": false}'
"""Godot's optimizer is on by default: it drops keyframes and so moves joints by up to a centimetre."""
_SKELETON = f'"PATH:Armature/Skeleton3D": {{"retarget/bone_map": Resource("res://{_BONE_MAP}")}}'
"""Lets the importer retarget a skeleton to Godot's humanoid profile."""
_SECONDS = 600
_Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])


@dataclass(frozen=True)
class Shown:
    """How far one skeleton of a file is off in Godot."""

    file: str
    person: str
    error: float
    """metres, the largest of all joints and frames"""
    joint: str
    frame: int


def check_in_godot(
    reconstruction: Reconstruction, records: Sequence[Path], project: Path, godot: Sequence[str]
) -> list[Shown]:
    """Import the files that the JSONs of exports (`records`) name into a new project, and compare every joint in every frame.

    `godot` is the command that starts Godot 4. Files for Godot are imported a second time with Godot's own retargeting to its
    humanoid profile, after which every joint still has to be where it was.
    UserError `engine-failed` where Godot does not run, or finds other skeletons than it should.
    """
    project.mkdir(parents=True, exist_ok=True)
    (project / "project.godot").write_text(_PROJECT)
    wanted: dict[str, dict[str, float]] = {}
    people: list[tuple[str, dict[str, Any], int, dict[str, Any]]] = []
    for path in records:
        record = read_json(path)
        for index, person in enumerate(record["people"]):
            as_it_is = [(f"{record['target']}-{name}", name, False) for name in person["files"]]
            as_humanoid = [(f"humanoid-{name}", name, True) for name in person["files"] if record["target"] == "godot"]
            for file, name, is_humanoid in (*as_it_is, *as_humanoid):
                if file not in wanted:
                    shutil.copy(path.with_name(name), project / file)
                    (project / f"{file}.import").write_text(_import_options(is_humanoid))
                    wanted[file] = {"frames": record["frames"], "rate": record["frame_rate"]}
                people.append((file, person, index, record))
    (project / _BONE_MAP).write_text(_bone_map())
    (project / "wanted.json").write_text(json.dumps(wanted))
    shutil.copy(SCRIPT, project / SCRIPT.name)
    _run([*godot, "--headless", "--path", str(project), "--import"])
    _run([*godot, "--headless", "--path", str(project), "-s", SCRIPT.name])
    found = json.loads((project / "found.json").read_text())
    return [
        _compare(reconstruction, found[file], file, person, index, record) for file, person, index, record in people
    ]


def _import_options(is_humanoid: bool) -> str:
    """The text of the file FILE.import. FBX files are read by ufbx, as those without this file are."""
    nodes = ", ".join([_PLAYER, _SKELETON] if is_humanoid else [_PLAYER])
    remap = '[remap]\n\nimporter="scene"\nimporter_version=1\ntype="PackedScene"\n\n'
    return f'{remap}[params]\n\n_subresources={{"nodes": {{{nodes}}}}}\nfbx/importer=0\n'


def _bone_map() -> str:
    """A `BoneMap` resource that maps every bone of the humanoid profile to the exported bone with the same name."""
    head = (
        '[gd_resource type="BoneMap" load_steps=2 format=3]\n\n[sub_resource type="SkeletonProfileHumanoid" id="1"]\n\n'
    )
    lines = "".join(f'bone_map/{name} = &"{name}"\n' for name in NAME_SETS["godot"].values())
    return f'{head}[resource]\nprofile = SubResource("1")\n{lines}'


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError("engine-failed", f"Godot does not run: {error}.", "Name it by --godot.") from error
    if done.returncode != 0:
        raise UserError("engine-failed", f"Godot ended with code {done.returncode}: {done.stderr[-500:]}")


def _compare(
    reconstruction: Reconstruction,
    skeletons: dict[str, Any],
    file: str,
    person: dict[str, Any],
    index: int,
    record: dict[str, Any],
) -> Shown:
    names = [person["bones"][joint].replace(":", "_") for joint in JOINTS]  # as Godot does: paths have colons
    fitting = [each for each in skeletons.values() if set(names) <= set(each["bones"])]
    if len(fitting) != 1:
        raise UserError(
            "engine-failed", f"{file}: Godot has {len(fitting)} skeletons with the bones of {person['name']}."
        )
    columns = [fitting[0]["bones"].index(name) for name in names]
    shown = np.array(fitting[0]["frames"])[:, columns]
    motion = reconstruction.motion
    first, last = (int(np.searchsorted(motion.frame_index, frame)) for frame in record["clip_frames"])
    joints = motion.joints[index, first : last + 1] - np.array(record["origin"]["scene_position"])
    off = np.linalg.norm(shown - joints.astype(float) @ _Y_UP.T, axis=-1)
    frame, joint = np.unravel_index(off.argmax(), off.shape)
    return Shown(file, person["name"], float(off.max()), JOINTS[joint], int(frame))
