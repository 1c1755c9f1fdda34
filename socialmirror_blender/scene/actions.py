"""A person's action: keyframes on every bone and on the property `filled_in`, and what the action says at any frame.

The type of a keyframe tells where it comes from, and the dope sheet shows it as a colour: Generated (grey) what the clip shows,
Jitter (green) what was filled in because the clip does not show it, Extreme (pink) what the animator locked. An ordinary keyframe
is the animator's own.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.skeleton import BODY_JOINTS, JOINTS, PARENT_NAME
from .. import compat
from .fcurves import evaluate_fcurves, location_path, property_path, rotation_path, write_fcurves
from .motion import PersonMotion
from .names import FILLED_IN_PROPERTY
from .pose_conversion import BoneChannels
from .rest_pose import BONES, ROOT

OBSERVED_KEYFRAME = "GENERATED"
FILLED_IN_KEYFRAME = "JITTER"
LOCKED_KEYFRAME = "EXTREME"
OWN_KEYFRAME = "KEYFRAME"

FILLED_IN_CONFIDENCE = 0.3
"""A joint with a lower confidence counts as filled in."""


def key_person(
    rig: bpy.types.Object, name: str, frames: np.ndarray, channels: BoneChannels, motion: PersonMotion
) -> bpy.types.Action:
    """Write a new action and assign it to the armature. Channels and motion are those at the scene frames, int [S]."""
    action = bpy.data.actions.new(name)
    slot, channelbag = compat.new_channelbag(action, rig.name)
    filled_in = motion.confidence < FILLED_IN_CONFIDENCE
    keyframe_types = _keyframe_types(filled_in)
    for index, bone in enumerate(BONES):
        write_fcurves(
            channelbag,
            rotation_path(bone),
            frames,
            channels.rotations[:, index],
            keyframe_types=keyframe_types[bone],
            group=channelbag.groups.new(bone),
        )
    for bone, location in ((ROOT, channels.root_location), ("pelvis", channels.pelvis_location)):
        write_fcurves(
            channelbag,
            location_path(bone),
            frames,
            location,
            keyframe_types=keyframe_types[bone],
            group=channelbag.groups[bone],
        )
    rig[FILLED_IN_PROPERTY] = 0.0
    settings: Any = rig.id_properties_ui(FILLED_IN_PROPERTY)
    settings.update(
        min=0.0, max=1.0, description="Fraction of the body's joints that the clip does not show in this frame"
    )
    write_fcurves(channelbag, property_path(FILLED_IN_PROPERTY), frames, filled_in.mean(-1, keepdims=True))
    compat.assign_action(rig, action, slot)
    return action


def read_channels(rig: bpy.types.Object, frames: np.ndarray) -> BoneChannels:
    """What the armature's own action says at scene frames [S]; bones without F-curves are in their rest pose.

    UserError `no-action` if the animator unlinked the action.
    """
    channelbag = compat.channelbag_of(rig)
    if channelbag is None:
        raise UserError(
            "no-action", f"The armature {rig.name!r} has no action.", "Assign its action again in the Action Editor."
        )
    identity = np.array([1.0, 0.0, 0.0, 0.0])
    rotations = [evaluate_fcurves(channelbag, rotation_path(bone), frames, identity) for bone in BONES]
    rotations = np.stack(rotations, 1)
    rotations /= np.maximum(np.linalg.norm(rotations, axis=-1, keepdims=True), 1e-9)
    root, pelvis = (evaluate_fcurves(channelbag, location_path(bone), frames, np.zeros(3)) for bone in (ROOT, "pelvis"))
    return BoneChannels(rotations, root, pelvis)


def _keyframe_types(filled_in: np.ndarray) -> dict[str, np.ndarray]:
    """Keyframe types [S] of every bone from `filled_in` [S,22]; fingers and face have those of the joint that carries them."""
    numbers = [compat.enum_value(bpy.types.Keyframe, "type", kind) for kind in (FILLED_IN_KEYFRAME, OBSERVED_KEYFRAME)]
    types = {joint: np.where(filled_in[:, i], *numbers).astype(np.int32) for i, joint in enumerate(BODY_JOINTS)}
    for joint in JOINTS:
        if joint not in types:
            types[joint] = types[PARENT_NAME[joint]]
    return types | {ROOT: types["pelvis"]}
