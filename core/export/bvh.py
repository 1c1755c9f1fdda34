"""Writes BVH (Biovision hierarchy): a skeleton with the offsets of the rest pose, and Euler angles for each frame."""

from __future__ import annotations

import numpy as np

from ..contract.files import replacing
from ..contract.rotations import Y_UP_TO_Z_UP
from ..contract.skeleton import BONE_PARENTS, BONES
from .animation import AnimatedPerson
from .layout import FilePlan

_ROTATION_CHANNELS = "Zrotation Xrotation Yrotation"
_PELVIS = BONES.index("pelvis")
_GIMBAL = 1e-6
"""Cosine of the middle angle below which the other two turn about one axis."""


def write_bvh(plan: FilePlan) -> None:
    """Write one person, Y up. The pelvis is the root here; the rest pose is the T-pose facing +Z, the pelvis at the origin."""
    (person,), (names,) = plan.people, plan.bone_names
    with replacing(plan.path) as temporary:
        temporary.write_text(bvh_text(person, names, plan.frame_rate, plan.unit), encoding="ascii")


def bvh_text(person: AnimatedPerson, names: tuple[str, ...], frame_rate: float, unit: float) -> str:
    """The content of a person's file; `unit` is in metres."""
    order: list[int] = []
    lines = ["HIERARCHY", *_bone_lines(_PELVIS, person.rest / unit, names, "", order)]
    rotations, _ = person.local_transforms()
    rotations[:, _PELVIS] = Y_UP_TO_Z_UP.T @ person.rotations[:, _PELVIS]
    positions = person.positions[:, _PELVIS] @ Y_UP_TO_Z_UP / unit
    angles = np.degrees(euler_zxy(rotations[:, order])).reshape(len(rotations), -1)
    # without jumps by full turns, which would break the curves in an editor
    frames = np.concatenate([positions, np.unwrap(angles, period=360, axis=0)], 1)
    lines += ["MOTION", f"Frames: {len(frames)}", f"Frame Time: {1 / frame_rate:.8f}"]
    lines += [_numbers(frame) for frame in frames]
    return "\n".join(lines) + "\n"


def euler_zxy(matrices: np.ndarray) -> np.ndarray:
    """Angles [...,3] in radians of rotations [...,3,3] about z, then the turned x, then the turned y axis."""
    m = matrices
    cosine = np.hypot(m[..., 0, 1], m[..., 1, 1])
    x = np.arctan2(m[..., 2, 1], cosine)
    locked = cosine < _GIMBAL
    z = np.where(locked, np.arctan2(m[..., 1, 0], m[..., 0, 0]), np.arctan2(-m[..., 0, 1], m[..., 1, 1]))
    y = np.where(locked, 0, np.arctan2(-m[..., 2, 0], m[..., 2, 2]))
    return np.stack([z, x, y], -1)


def _bone_lines(bone: int, rest: np.ndarray, names: tuple[str, ...], indent: str, order: list[int]) -> list[str]:
    """A bone with its descendants; appends them to `order`, in which frames list their channels."""
    order.append(bone)
    parent = BONE_PARENTS[bone]
    deeper = indent + "  "
    if bone == _PELVIS:
        keyword, offset = "ROOT", np.zeros(3)
        channels = f"CHANNELS 6 Xposition Yposition Zposition {_ROTATION_CHANNELS}"
    else:
        keyword, offset, channels = "JOINT", rest[bone] - rest[parent], f"CHANNELS 3 {_ROTATION_CHANNELS}"
    lines = [f"{indent}{keyword} {names[bone]}", f"{indent}{{", f"{deeper}OFFSET {_numbers(offset)}", deeper + channels]
    children = [child for child, its_parent in enumerate(BONE_PARENTS) if its_parent == bone]
    for child in children:
        lines += _bone_lines(child, rest, names, deeper, order)
    if not children:
        # the model has no joint at the tip of a limb: the last bone gets half the length of the one before
        tip = (rest[bone] - rest[parent]) / 2
        lines += [f"{deeper}End Site", f"{deeper}{{", f"{deeper}  OFFSET {_numbers(tip)}", f"{deeper}}}"]
    return [*lines, f"{indent}}}"]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
