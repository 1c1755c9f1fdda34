"""A person's action: bulk keys on every bone, their colour telling what was seen, what was filled in, what is locked.

Kinds of keys, as the dope sheet colours them: generated (small, grey) what the reconstruction saw; jitter (green) where it
filled in what nobody saw; extreme (pink) what the animator locked; an ordinary key (white) is the animator's own.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.skeleton import BODY_JOINTS, JOINTS, PARENT_NAME
from .. import compat
from .basis import BONES, ROOT, BoneKeys
from .timing import PersonMotion

SEEN, FILLED_IN, LOCKED = "GENERATED", "JITTER", "EXTREME"
FILLED_IN_BELOW = 0.3
"""Confidence under which a joint counts as filled in."""
FILLED_IN_PROPERTY = "filled_in"
"""Animated on the armature object: the share of the body's joints that are filled in."""


def key_person(
    rig: bpy.types.Object, name: str, frames: np.ndarray, keys: BoneKeys, motion: PersonMotion
) -> bpy.types.Action:
    """Write a new action and make it the armature's own. frames int [S]; keys and motion at those frames."""
    action = bpy.data.actions.new(name)
    slot, bag = compat.new_channels(action, rig.name)
    filled_in = motion.confidence < FILLED_IN_BELOW
    kinds = _kinds(filled_in)
    for index, bone in enumerate(BONES):
        group = bag.groups.new(bone)
        path = rotation_path(bone)
        for axis in range(4):
            write_curve(bag, path, axis, frames, keys.rotations[:, index, axis], kinds=kinds[bone], group=group)
    for bone, location in ((ROOT, keys.root_location), ("pelvis", keys.pelvis_location)):
        for axis in range(3):
            write_curve(
                bag, location_path(bone), axis, frames, location[:, axis], kinds=kinds[bone], group=bag.groups[bone]
            )
    rig[FILLED_IN_PROPERTY] = 0.0
    shown: Any = rig.id_properties_ui(FILLED_IN_PROPERTY)
    shown.update(min=0.0, max=1.0, description="Share of the body's joints that nobody saw in this frame")
    write_curve(bag, f'["{FILLED_IN_PROPERTY}"]', 0, frames, filled_in.mean(-1))
    compat.assign_action(rig, action, slot)
    return action


def rotation_path(bone: str) -> str:
    return f'pose.bones["{bone}"].rotation_quaternion'


def location_path(bone: str) -> str:
    return f'pose.bones["{bone}"].location'


def write_curve(
    bag: Any,
    path: str,
    axis: int,
    frames: np.ndarray,
    values: np.ndarray,
    *,
    kinds: np.ndarray | None = None,
    group: Any = None,
    interpolation: str = "LINEAR",
) -> None:
    """A new curve with keys at `frames` [S]. `kinds` [S] are numbers of key types, None for ordinary keys."""
    curve = bag.fcurves.new(path, index=axis)
    if group is not None:
        curve.group = group
    points = curve.keyframe_points
    points.add(len(frames))
    points.foreach_set("co", np.stack([frames, values], -1).astype(np.float32).ravel())
    between = compat.enum_value(bpy.types.Keyframe, "interpolation", interpolation)
    points.foreach_set("interpolation", np.full(len(frames), between, dtype=np.int32))
    # they come selected, and one slip in the dope sheet would move them all
    points.foreach_set("select_control_point", np.zeros(len(frames), dtype=bool))
    if kinds is not None:
        points.foreach_set("type", kinds)
    curve.update()


def read_keys(rig: bpy.types.Object, frames: np.ndarray) -> BoneKeys:
    """What the armature's own action says at `frames` [S]; a bone without curves is at rest.

    UserError `no-action` where the animator took the action off.
    """
    bag = compat.channels(rig)
    if bag is None:
        raise UserError(
            "no-action", f"The armature {rig.name!r} has no action.", "Assign its action again in the Action Editor."
        )
    rotations = np.zeros((len(frames), len(BONES), 4))
    rotations[..., 0] = 1.0
    locations = {ROOT: np.zeros((len(frames), 3)), "pelvis": np.zeros((len(frames), 3))}
    for index, bone in enumerate(BONES):
        for axis in range(4):
            curve = bag.fcurves.find(rotation_path(bone), index=axis)
            if curve is not None:
                rotations[:, index, axis] = [curve.evaluate(frame) for frame in frames]
        if bone in locations:
            for axis in range(3):
                curve = bag.fcurves.find(location_path(bone), index=axis)
                if curve is not None:
                    locations[bone][:, axis] = [curve.evaluate(frame) for frame in frames]
    rotations /= np.maximum(np.linalg.norm(rotations, axis=-1, keepdims=True), 1e-9)
    return BoneKeys(rotations, locations[ROOT], locations["pelvis"])


def _kinds(filled_in: np.ndarray) -> dict[str, np.ndarray]:
    """Key types [S] for every bone from `filled_in` [S,22]; fingers and face go with the body joint they hang on."""
    seen, filled = (compat.enum_value(bpy.types.Keyframe, "type", kind) for kind in (SEEN, FILLED_IN))
    kinds = {joint: np.where(filled_in[:, i], filled, seen).astype(np.int32) for i, joint in enumerate(BODY_JOINTS)}
    for joint in JOINTS:
        if joint not in kinds:
            kinds[joint] = kinds[PARENT_NAME[joint]]
    return kinds | {ROOT: kinds["pelvis"]}
