"""Writes BVH (Biovision hierarchy): a skeleton with the offsets of the rest pose, and Euler angles for each frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation  # pyright: ignore[reportMissingTypeStubs]

from ..contract.files import replacing
from ..contract.reconstruction import Reconstruction
from ..contract.skeleton import JOINTS, PARENTS
from .uniform_rate import UniformMotion, file_stems, resample_uniformly

_CENTIMETRES_PER_METRE = 100.0
_Z_UP_TO_Y_UP = Rotation.from_euler("x", -90, degrees=True)
_ROTATION_CHANNELS = "Zrotation Xrotation Yrotation"
_EULER_ORDER = "ZXY"


def write_bvh(reconstruction: Reconstruction, folder: Path) -> list[Path]:
    """Write one file per person: centimetres, Y up, both in the same world; the rest pose is SMPL-X's T-pose facing +Z."""
    motion = resample_uniformly(reconstruction.motion)
    paths: list[Path] = []
    for person, stem in enumerate(file_stems(reconstruction.info)):
        path = folder / f"{stem}.bvh"
        with replacing(path) as temporary:
            temporary.write_text(bvh_text(motion, person), encoding="ascii")
        paths.append(path)
    return paths


def bvh_text(motion: UniformMotion, person: int) -> str:
    """The content of one person's file."""
    channel_order: list[int] = []
    lines = ["HIERARCHY", *_joint_lines(0, motion.rest_joints[person] * _CENTIMETRES_PER_METRE, "", channel_order)]
    positions = _Z_UP_TO_Y_UP.apply(motion.pelvis[person]) * _CENTIMETRES_PER_METRE
    rotations = motion.rotations[person].copy()
    rotations[:, 0] = (_Z_UP_TO_Y_UP * Rotation.from_rotvec(rotations[:, 0])).as_rotvec()
    angles = Rotation.from_rotvec(rotations[:, channel_order].reshape(-1, 3)).as_euler(_EULER_ORDER, degrees=True)
    # without jumps by full turns, which would break the curves in an editor
    angles = np.unwrap(angles.reshape(len(rotations), -1), period=360, axis=0)
    frames = np.concatenate([positions, angles], 1)
    lines += ["MOTION", f"Frames: {len(frames)}", f"Frame Time: {1 / motion.frame_rate:.8f}"]
    lines += [_numbers(frame) for frame in frames]
    return "\n".join(lines) + "\n"


def _joint_lines(joint: int, rest: Float[np.ndarray, "55 3"], indent: str, channel_order: list[int]) -> list[str]:
    """A joint with its descendants; appends them to `channel_order` in the order in which frames list their channels."""
    channel_order.append(joint)
    parent = PARENTS[joint]
    deeper = indent + "  "
    if parent < 0:
        keyword, offset = "ROOT", np.zeros(3)
        channels = f"CHANNELS 6 Xposition Yposition Zposition {_ROTATION_CHANNELS}"
    else:
        keyword, offset, channels = "JOINT", rest[joint] - rest[parent], f"CHANNELS 3 {_ROTATION_CHANNELS}"
    lines = [
        f"{indent}{keyword} {JOINTS[joint]}",
        f"{indent}{{",
        f"{deeper}OFFSET {_numbers(offset)}",
        deeper + channels,
    ]
    children = [child for child, its_parent in enumerate(PARENTS) if its_parent == joint]
    for child in children:
        lines += _joint_lines(child, rest, deeper, channel_order)
    if not children:
        # the model has no joint at the tip of a limb: the last bone gets half the length of the one before
        tip = (rest[joint] - rest[parent]) / 2
        lines += [f"{deeper}End Site", f"{deeper}{{", f"{deeper}  OFFSET {_numbers(tip)}", f"{deeper}}}"]
    return [*lines, f"{indent}}}"]


def _numbers(values: Float[np.ndarray, "N"]) -> str:
    return " ".join(f"{value:.6f}" for value in values)
