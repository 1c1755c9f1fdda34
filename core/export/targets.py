"""The programs that files can be made for: one row of settings each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["fbx", "glb", "usd", "bvh", "amass"]
FORMATS_OF_BLENDER: tuple[Format, ...] = ("fbx", "usd")
"""Blender's own exporters write these; the core writes the others."""
CENTIMETRE = 0.01


@dataclass(frozen=True)
class Target:
    """What a program wants."""

    label: str
    format: Format
    names: str
    """A set of `bone_names.NAME_SETS`."""
    weights: int
    """Greatest number of bones that a vertex follows."""
    together: bool
    """Whether both people go into one file unless the user asks for another number of files."""
    unit: float = 1.0
    """Metres per unit of length in the file."""
    description: str = ""


TARGETS: dict[str, Target] = {
    "unreal": Target(
        "Unreal Engine", "fbx", "manny", 8, False, CENTIMETRE, "Centimetres, a root bone, the names of Manny and Quinn"
    ),
    "unity": Target("Unity Humanoid", "fbx", "unity", 4, False, description="The names of Unity's Humanoid avatar"),
    "godot": Target("Godot 4", "glb", "godot", 4, False, description="Binary glTF, names of the Humanoid profile"),
    "mixamo": Target(
        "Mixamo Names", "fbx", "mixamo", 4, False, description="For tools that know the bones of Mixamo's rigs"
    ),
    "fbx": Target("FBX", "fbx", "smplx", 8, False, description="Metres, the names of SMPL-X"),
    "gltf": Target("glTF", "glb", "smplx", 4, True, description="Binary glTF for browsers and viewers"),
    "usd": Target("USD", "usd", "smplx", 8, True, description="Both people as UsdSkel in one binary file"),
    "bvh": Target("BVH", "bvh", "smplx", 4, False, CENTIMETRE, "Skeletons without a skin, in centimetres"),
    "amass": Target("AMASS", "amass", "smplx", 4, False, description="Poses and shapes of SMPL-X for research tools"),
}
"""By the name on the command line and in the JSON beside the files."""


def needs_blender(target: str) -> bool:
    """Whether only Blender writes the target's format."""
    return TARGETS[target].format in FORMATS_OF_BLENDER
