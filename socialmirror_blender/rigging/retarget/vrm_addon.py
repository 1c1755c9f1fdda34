"""What the VRM add-on for Blender knows of an armature: which of its bones is which of a human, whatever their names are.

The add-on keeps it in the armature's property `vrm_addon_extension`, as the file of the character says it; there are no names of
bones that every VRM character has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import bpy

from ....core.contract.skeleton import JOINTS
from .bone_maps import REQUIRED, BoneMap, with_bones

_OLD_THUMBS = {"Metacarpal": "Proximal", "Proximal": "Intermediate"}
"""What VRM 0 calls the bones of the thumb that VRM 1 calls so."""


def map_by_vrm_addon(armature: bpy.types.Armature, vrm: BoneMap) -> BoneMap | None:
    """The map with the bones that the VRM add-on names, None where it names too few. `vrm` has the human bones' names in VRM."""
    extension: Any = getattr(armature, "vrm_addon_extension", None)
    if extension is None:
        return None
    named = _human_bones(extension, [name for names in vrm.joints.values() for name in names])
    bones: dict[str, str] = {}
    for joint in JOINTS:
        found = next((named[name] for name in vrm.joints.get(joint, ()) if named.get(name)), "")
        if found in armature.bones:
            bones[joint] = found
    return with_bones(vrm, bones) if all(joint in bones for joint in REQUIRED) else None


def _human_bones(extension: Any, names: list[str]) -> Mapping[str, str]:
    """The bone of each human bone that is among the names. Another version of the add-on may lack some, or all."""
    if str(getattr(extension, "spec_version", "")).startswith("0"):
        humanoid: Any = getattr(getattr(extension, "vrm0", None), "humanoid", None)
        old = {str(each.bone): str(each.node.bone_name) for each in getattr(humanoid, "human_bones", ())}
        return {name: old.get(_old_name(name), "") for name in names}
    humanoid = getattr(getattr(extension, "vrm1", None), "humanoid", None)
    bones: Any = getattr(humanoid, "human_bones", None)
    nodes: dict[str, Any] = {name: getattr(getattr(bones, _attribute(name), None), "node", None) for name in names}
    return {name: str(node.bone_name) for name, node in nodes.items() if node is not None}


def _attribute(name: str) -> str:
    """`leftUpperLeg` as `left_upper_leg`."""
    return re.sub("([A-Z])", r"_\1", name).lower()


def _old_name(name: str) -> str:
    side, thumb, part = name.partition("Thumb")
    return f"{side}{thumb}{_OLD_THUMBS.get(part, part)}" if thumb else name
