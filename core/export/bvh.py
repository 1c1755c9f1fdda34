"""Biovision hierarchy files: one skeleton a file, offsets of the rest pose and Euler angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..contract.files import replacing
from ..contract.reconstruction import Reconstruction
from ..contract.skeleton import JOINTS, PARENTS
from .uniform_rate import UniformMotion, file_names, resample_uniformly

_CENTIMETRES = 100.0
_Z_UP_TO_Y_UP = Rotation.from_euler("x", -90, degrees=True)
_ROTATIONS = "Zrotation Xrotation Yrotation"


def write_bvh(reconstruction: Reconstruction, folder: Path) -> list[Path]:
    """One file a person: centimetres, Y up, both in one world; the rest pose is SMPL-X's T-pose facing +Z."""
    motion = resample_uniformly(reconstruction.motion)
    paths = []
    for person, name in enumerate(file_names(reconstruction.info)):
        path = folder / f"{name}.bvh"
        with replacing(path) as temporary:
            temporary.write_text(bvh_text(motion, person), encoding="ascii")
        paths.append(path)
    return paths


def bvh_text(motion: UniformMotion, person: int) -> str:
    order: list[int] = []
    lines = ["HIERARCHY", *_joint_lines(0, motion.rest_joints[person] * _CENTIMETRES, "", order)]
    place = _Z_UP_TO_Y_UP.apply(motion.pelvis[person]) * _CENTIMETRES
    turns = motion.rotations[person].copy()
    turns[:, 0] = (_Z_UP_TO_Y_UP * Rotation.from_rotvec(turns[:, 0])).as_rotvec()
    angles = Rotation.from_rotvec(turns[:, order].reshape(-1, 3)).as_euler("ZXY", degrees=True)
    # no jumps by a full turn, which would tear curves apart in an editor
    angles = np.unwrap(angles.reshape(len(turns), -1), period=360, axis=0)
    frames = np.concatenate([place, angles], 1)
    lines += ["MOTION", f"Frames: {len(frames)}", f"Frame Time: {1 / motion.rate:.8f}"]
    lines += [" ".join(f"{value:.6f}" for value in frame) for frame in frames]
    return "\n".join(lines) + "\n"


def _joint_lines(joint: int, rest: np.ndarray, indent: str, order: list[int]) -> list[str]:
    """The joint with all below it; appends the joints to `order` as the motion lists them."""
    order.append(joint)
    parent = PARENTS[joint]
    deeper = indent + "  "
    if parent < 0:
        head = ["ROOT", np.zeros(3), f"CHANNELS 6 Xposition Yposition Zposition {_ROTATIONS}"]
    else:
        head = ["JOINT", rest[joint] - rest[parent], f"CHANNELS 3 {_ROTATIONS}"]
    keyword, offset, channels = head
    lines = [
        f"{indent}{keyword} {JOINTS[joint]}",
        f"{indent}{{",
        f"{deeper}OFFSET {_numbers(offset)}",
        deeper + channels,
    ]
    children = [child for child, above in enumerate(PARENTS) if above == joint]
    for child in children:
        lines += _joint_lines(child, rest, deeper, order)
    if not children:
        # the model has no joint at the tip: the last bone is drawn half as long as the one before
        tip = (rest[joint] - rest[parent]) / 2
        lines += [f"{deeper}End Site", f"{deeper}{{", f"{deeper}  OFFSET {_numbers(tip)}", f"{deeper}}}"]
    return [*lines, f"{indent}}}"]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
