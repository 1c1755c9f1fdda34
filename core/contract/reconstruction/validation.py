"""Checks the arrays of a reconstruction as a whole: whatever passes can be posed, skinned, keyed and exported without harm.

Wrong indices of a mesh make Blender write outside of its memory, so nothing is built from arrays that were not checked here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..limits import MAX_FACES, MAX_FRAME_INDEX, MAX_FRAMES, MAX_VERTICES
from ..npz import ArraySpec, NpzSchema, check_array
from ..skeleton import BODY_JOINTS, JOINTS, LANDMARKS, PARENTS, REGIONS
from .records import PEOPLE, damaged

_J, _B, _L = len(JOINTS), len(BODY_JOINTS), len(LANDMARKS)


def _float32(*shape: int | str) -> ArraySpec:
    return ArraySpec("float32", shape)


MOTION_SCHEMA = NpzSchema(
    {
        "frame_index": ArraySpec("int32", ("T",)),
        "time": ArraySpec("float64", ("T",)),
        "body_pose": _float32(PEOPLE, "T", _B - 1, 3),
        "global_orient": _float32(PEOPLE, "T", 3),
        "pelvis": _float32(PEOPLE, "T", 3),
        "left_hand_pose": _float32(PEOPLE, "T", 15, 3),
        "right_hand_pose": _float32(PEOPLE, "T", 15, 3),
        "jaw_pose": _float32(PEOPLE, "T", 3),
        "betas": _float32(PEOPLE, 16),
        "joints": _float32(PEOPLE, "T", _J, 3),
        "keypoints": _float32(PEOPLE, "T", _L, 3),
        "confidence": _float32(PEOPLE, "T", _B),
        "camera_K": _float32("T", 3, 3),
        "camera_world": _float32("T", 4, 4),
        "rest_joints": _float32(PEOPLE, _J, 3),
    },
    {"T": (1, MAX_FRAMES)},
)
"""Members of `reconstruction.npz`, fields of `MotionArrays`."""

BODY_SCHEMA = NpzSchema(
    {
        "faces": ArraySpec("int32", ("F", 3)),
        "uv": _float32("F", 3, 2),
        "skin_joints": ArraySpec("int32", ("V", 8)),
        "skin_weights": _float32("V", 8),
        "rest_vertices": _float32(PEOPLE, "V", 3),
        "shape_vertices": _float32("V", 3, 16),
        "shape_joints": _float32(_J, 3, 16),
        "vertex_region": ArraySpec("int32", ("V",)),
    },
    {"V": (3, MAX_VERTICES), "F": (1, MAX_FACES)},
    limit=128 << 20,
)
"""Members of `body.npz`, fields of `BodyArrays`."""

_LARGEST = {
    "time": 1e7, "body_pose": 100.0, "global_orient": 100.0, "pelvis": 1e4, "left_hand_pose": 100.0,
    "right_hand_pose": 100.0, "jaw_pose": 100.0, "betas": 100.0, "joints": 1e4, "keypoints": 1e7, "camera_K": 1e8,
    "camera_world": 1e5, "rest_joints": 10.0, "uv": 100.0, "rest_vertices": 10.0, "shape_vertices": 10.0,
    "shape_joints": 10.0,
}  # fmt: skip
"""Largest absolute values in the arrays' own units: far beyond what real ones have, small enough to compute with."""
_TOLERANCE = 1e-3
_SHORTEST_BONE = 1e-4  # metres
_ORTHONORMAL = 1e-2
_WEIGHT_SUM = 1e-2


def check_motion(arrays: Mapping[str, np.ndarray]) -> None:
    """Check a motion's arrays; the UserError `damaged` names the first that is not valid and says why."""
    _check_arrays(arrays, MOTION_SCHEMA)
    frames, time = arrays["frame_index"], arrays["time"]
    _require((frames >= 0).all() and (frames <= MAX_FRAME_INDEX).all(), "frame_index has frames that no clip has")
    _require((frames[1:] > frames[:-1]).all(), "frame_index does not rise")
    _require((time[1:] > time[:-1]).all(), "time does not rise")
    confidence = arrays["confidence"]
    _require((confidence >= -_TOLERANCE).all() and (confidence <= 1 + _TOLERANCE).all(), "confidence is not in 0-1")
    K, T_cw = arrays["camera_K"], arrays["camera_world"].astype(np.float64)
    _require((K[:, 0, 0] > 0).all() and (K[:, 1, 1] > 0).all(), "camera_K has a focal length that is not positive")
    _require(bool(np.abs(T_cw[:, 3] - [0, 0, 0, 1]).max() < _TOLERANCE), "camera_world is no rigid transform")
    R = T_cw[:, :3, :3]
    off = np.abs(R @ R.transpose(0, 2, 1) - np.eye(3)).max()
    _require(bool(off < _ORTHONORMAL and (np.linalg.det(R) > 0).all()), "camera_world is no rigid transform")
    bones = arrays["rest_joints"][:, 1:] - arrays["rest_joints"][:, list(PARENTS[1:])]
    _require((np.linalg.norm(bones, axis=-1) >= _SHORTEST_BONE).all(), "rest_joints has bones without length")


def check_body(arrays: Mapping[str, np.ndarray]) -> None:
    """Check a body's arrays; the UserError `damaged` names the first that is not valid and says why."""
    _check_arrays(arrays, BODY_SCHEMA)
    faces, vertices = arrays["faces"], len(arrays["skin_weights"])
    _require((faces >= 0).all() and (faces < vertices).all(), "faces names vertices that are not there")
    a, b, c = faces.T
    _require(not ((a == b) | (b == c) | (c == a)).any(), "faces has triangles without area")
    joints, weights = arrays["skin_joints"], arrays["skin_weights"]
    _require((joints >= 0).all() and (joints < _J).all(), "skin_joints names joints that are not there")
    _require((weights >= 0).all() and (weights <= 1 + _TOLERANCE).all(), "skin_weights is not in 0-1")
    _require(bool(np.abs(weights.sum(1) - 1).max() < _WEIGHT_SUM), "skin_weights has rows that do not sum to 1")
    region = arrays["vertex_region"]
    _require((region >= -1).all() and (region < len(REGIONS)).all(), "vertex_region names regions that are not there")


def _check_arrays(arrays: Mapping[str, np.ndarray], schema: NpzSchema) -> None:
    """Names, types, shapes, finite numbers and their size."""
    missing = set(schema.arrays) - set(arrays)
    if missing:
        raise damaged(f"{', '.join(sorted(missing))} missing")
    sizes: dict[str, int] = {}
    for name, spec in schema.arrays.items():
        array = arrays[name]
        try:
            check_array(name, array.dtype, array.shape, spec, schema.sizes, sizes)
        except ValueError as error:
            raise damaged(str(error)) from error
        largest = _LARGEST.get(name, np.inf)
        if array.dtype.kind == "f":
            _require(bool(np.isfinite(array).all()), f"{name} has values that are not finite")
            _require(bool((np.abs(array) <= largest).all()), f"{name} has values beyond {largest:g}")


def _require(holds: object, problem: str) -> None:
    if not holds:
        raise damaged(problem)
