"""Conversions between rotations as axis-angle, unit quaternions and matrices in numpy, with the names of pytorch3d.transforms.

Axis-angles are in radians. Quaternions have the real part first, as in Blender. Matrices multiply column vectors. All functions
take any leading dimensions.
"""

from __future__ import annotations

import numpy as np

Y_UP_TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Rotation of +90 degrees about X: from SMPL-X's axes (Y up, the rest pose faces +Z) to those of the world and of armatures
(Z up, the rest pose faces -Y)."""
_DEFINED_HEADING = 0.2
"""Least norm of a quaternion's twist about the vertical, which is 0 for a body upside down, for its heading to be used."""


def axis_angle_to_quaternion(axis_angle: np.ndarray) -> np.ndarray:
    """[...,3] -> [...,4]."""
    axis_angle = np.asarray(axis_angle, dtype=np.float64)
    half = np.linalg.norm(axis_angle, axis=-1, keepdims=True) / 2
    # numpy's sinc is sin(pi x) / (pi x), which is 1 at 0
    return np.concatenate([np.cos(half), axis_angle / 2 * np.sinc(half / np.pi)], -1)


def quaternion_to_axis_angle(quaternion: np.ndarray) -> np.ndarray:
    """[...,4] -> [...,3]; the angle lies between 0 and pi."""
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    vector = quaternion[..., 1:]
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, quaternion[..., :1])
    return vector * np.divide(angle, length, out=np.full_like(angle, 2.0), where=length > 1e-9)


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """[...,4] -> [...,3,3]."""
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def matrix_to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """[...,3,3] -> [...,4] with a real part that is not negative."""
    m = np.asarray(matrix, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    # row i is 4 q[i] q: the row of the largest |q[i]| is the well-conditioned one
    rows = np.stack(
        [
            np.stack([1 + xx + yy + zz, wx, wy, wz], -1),
            np.stack([wx, 1 + xx - yy - zz, xy, xz], -1),
            np.stack([wy, xy, 1 - xx + yy - zz, yz], -1),
            np.stack([wz, xz, yz, 1 - xx - yy + zz], -1),
        ],
        -2,
    )
    largest = np.diagonal(rows, axis1=-2, axis2=-1).argmax(-1)
    quaternion: np.ndarray = np.take_along_axis(rows, largest[..., None, None], -2)[..., 0, :]
    quaternion /= np.linalg.norm(quaternion, axis=-1, keepdims=True)
    return np.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def quaternion_about_z(angle: np.ndarray) -> np.ndarray:
    """[...] -> [...,4]."""
    zero = np.zeros_like(angle)
    return np.stack([np.cos(angle / 2), zero, zero, np.sin(angle / 2)], -1)


def slerp(start: np.ndarray, end: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Spherical linear interpolation between quaternions [...,4] along the shorter arc. `fraction` in 0-1 broadcasts to [...]."""
    cosine = (start * end).sum(-1)
    end = np.where(cosine[..., None] < 0, -end, end)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    near = angle < 1e-6
    sine = np.where(near, 1, np.sin(angle))
    weight_start = np.where(near, 1 - fraction, np.sin((1 - fraction) * angle) / sine)
    weight_end = np.where(near, fraction, np.sin(fraction * angle) / sine)
    between = weight_start[..., None] * start + weight_end[..., None] * end
    return between / np.linalg.norm(between, axis=-1, keepdims=True)


def make_sign_continuous(quaternions: np.ndarray) -> np.ndarray:
    """Quaternions [T,...,4] of the same rotations, each with the sign nearer to its predecessor.

    q and -q are one rotation, but an F-curve that goes from one to the other passes through zero.
    """
    steps = np.where((quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    signs = np.concatenate([np.ones_like(quaternions[:1, ..., :1]), np.cumprod(steps, axis=0)])
    return quaternions * signs


def inverse_affine(matrices: np.ndarray) -> np.ndarray:
    """Inverses of [...,4,4] with the last row 0 0 0 1.

    numpy's own call LAPACK for every matrix, whose threads wait for each other where other programs keep the machine busy.
    """
    x, y, z = (matrices[..., :3, axis] for axis in range(3))
    rows = np.stack([np.cross(y, z), np.cross(z, x), np.cross(x, y)], -2)
    inverse = np.zeros_like(matrices)
    inverse[..., :3, :3] = rows / (x * rows[..., 0, :]).sum(-1)[..., None, None]
    inverse[..., :3, 3] = -(inverse[..., :3, :3] * matrices[..., None, :3, 3]).sum(-1)
    inverse[..., 3, 3] = 1
    return inverse


def rigid_transform(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Rotation matrices [...,3,3] and translations [...,3] -> homogeneous matrices [...,4,4]."""
    matrix = np.zeros((*rotation.shape[:-2], 4, 4))
    matrix[..., :3, :3], matrix[..., :3, 3], matrix[..., 3, 3] = rotation, translation, 1.0
    return matrix


def headings(rotations_inworld: np.ndarray) -> np.ndarray:
    """Angles [T] about the vertical, radians and unwrapped, of rotations [T,4] of a body that stands upright at rest.

    They are the twist of the swing-twist decomposition, which is undefined for a body upside down. Near there the heading is
    interpolated between the frames before and after, since the pelvis makes up for any choice.
    """
    defined = np.hypot(rotations_inworld[:, 0], rotations_inworld[:, 3]) > _DEFINED_HEADING
    if not defined.any():
        return np.zeros(len(rotations_inworld))
    frames = np.arange(len(rotations_inworld))
    angles = np.unwrap(2 * np.arctan2(rotations_inworld[defined, 3], rotations_inworld[defined, 0]))
    return np.interp(frames, frames[defined], angles)
