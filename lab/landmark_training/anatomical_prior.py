"""The landmark regressor by anatomy: the vertices that it may use, and the weights that its fit starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX, JOINTS, LANDMARK_INDEX, LANDMARKS, mirrored

_RINGS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "left_shoulder": ((0, 1, 0), (0, 0, 1), (0, 0, -1), (0.7, 0.7, 0), (0.5, -1, 0)),
    "left_elbow": ((0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)),
    "left_wrist": ((0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)),
    "left_hip": ((1, 0, 0), (0, 0, 1), (0, 0, -1), (0.7, 0.7, 0)),
    "left_knee": ((1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)),
    "left_ankle": ((1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)),
}
"""Directions from a joint (rest pose: +X the person's left, +Y up, +Z front) in which a vertex of the skin is chosen."""
_FINGERTIPS = ("index3", "pinky3", "thumb3")
_FACE = {
    "nose": 13, "right_eye_outer": 19, "right_eye_inner": 22, "left_eye_inner": 25, "left_eye_outer": 28,
    "mouth_right": 31, "mouth_left": 37,
}  # fmt: skip
"""Landmarks of the face as indices into the 51 (iBUG) of SMPL-X files."""
_RAY_RADIUS, _RAY_LENGTH = 0.025, 0.20
"""metres around and along a ray from a joint, in which its last vertex is looked for."""


@dataclass(frozen=True)
class SkinPoints:
    """N named vertices. Every point `left_…` has a counterpart `right_…`."""

    names: tuple[str, ...]
    vertices: Int[np.ndarray, " N"]

    def index(self, name: str) -> int:
        return self.names.index(name)

    def mirror(self) -> Int[np.ndarray, " N"]:
        """The index of each point's counterpart on the other side of the body."""
        return np.array([self.index(mirrored(name)) for name in self.names])


def skin_points(body: BodyModel, face_landmarks: Float[np.ndarray, "51 3"]) -> SkinPoints:
    """The vertices that the regressor may use; `face_landmarks` are on the mean shape in the rest pose."""
    template, joints = body.v_template.double().numpy(), body.J_template.double().numpy()
    strongest_joint = body.lbs_weights.argmax(1).numpy()
    found: dict[str, int] = {
        name: _nearest(template, face_landmarks[i]) for name, i in _FACE.items() if "right" not in name
    }
    for joint, directions in _RINGS.items():
        for i, direction in enumerate(directions):
            found[f"{joint}_skin{i}"] = _along_ray(template, joints[JOINT_INDEX[joint]], np.array(direction))
    for tip in _FINGERTIPS:
        is_tip = strongest_joint == JOINT_INDEX[f"left_{tip}"]
        bone = joints[JOINT_INDEX[f"left_{tip}"]] - joints[JOINT_INDEX[f"left_{tip[:-1]}2"]]
        found[f"left_{tip}_tip"] = _farthest(template, is_tip, bone)
    is_head = (template[:, 0] > 0) & np.isin(strongest_joint, [JOINT_INDEX["head"]])
    is_eye_level = np.abs(template[:, 1] - joints[JOINT_INDEX["left_eye_smplhf"], 1]) < 0.05
    found["left_ear"] = _farthest(template, is_head & is_eye_level, np.array([1.0, 0, 0]))
    foot_joints = [JOINT_INDEX["left_ankle"], JOINT_INDEX["left_foot"]]
    is_foot = (template[:, 0] > 0) & np.isin(strongest_joint, foot_joints)
    found["left_heel"] = _farthest(template, is_foot, np.array([0, -0.5, -1]))
    found["left_toe"] = _farthest(template, is_foot, np.array([0, 0, 1.0]))
    found["chin"] = _nearest(template, face_landmarks[40] * (0, 1, 1) + (0, -0.035, -0.005))
    for name in [name for name in found if mirrored(name) != name]:
        found[mirrored(name)] = _nearest(template, template[found[name]] * (-1, 1, 1))
    return SkinPoints(tuple(found), np.array(list(found.values()), np.int64))


def prior_weights(points: SkinPoints) -> Float[np.ndarray, "33 C"]:
    """float64, of the joints and then of the skin points; rows sum to one. Each landmark is what has its name on the body."""
    weights = np.zeros((len(LANDMARKS), len(JOINTS) + len(points.names)))

    def put(landmark: str, parts: dict[str, float]) -> None:
        for name, weight in parts.items():
            column = JOINT_INDEX[name] if name in JOINT_INDEX else len(JOINTS) + points.index(name)
            weights[LANDMARK_INDEX[landmark], column] += weight

    put("nose", {"nose": 1})
    for side in ("left", "right"):
        put(f"mouth_{side}", {f"mouth_{side}": 1})
        put(f"{side}_eye", {f"{side}_eye_inner": 0.5, f"{side}_eye_outer": 0.5})
        for same in ("eye_inner", "eye_outer", "ear", "elbow", "wrist", "knee", "heel"):
            put(f"{side}_{same}", {f"{side}_{same}": 1})
        # the detector's shoulders, hips and ankles lie a few centimetres above the joints
        put(f"{side}_shoulder", {f"{side}_shoulder": 0.75, f"{side}_shoulder_skin0": 0.25})
        put(f"{side}_hip", {f"{side}_hip": 0.9, f"{side}_knee": -0.05, "spine1": 0.15})
        put(f"{side}_ankle", {f"{side}_ankle": 0.95, f"{side}_knee": 0.05})
        put(f"{side}_foot_index", {f"{side}_toe": 1})
        put(f"{side}_index", {f"{side}_index1": 0.6, f"{side}_index2": 0.4})
        put(f"{side}_pinky", {f"{side}_pinky1": 0.6, f"{side}_pinky2": 0.4})
        put(f"{side}_thumb", {f"{side}_thumb2": 0.5, f"{side}_thumb3": 0.5})
    return weights


def _nearest(template: np.ndarray, point: np.ndarray) -> int:
    return int(np.linalg.norm(template - point, axis=1).argmin())


def _farthest(template: np.ndarray, candidates: np.ndarray, direction: np.ndarray) -> int:
    return int(np.where(candidates, template @ direction, -np.inf).argmax())


def _along_ray(template: np.ndarray, joint: np.ndarray, direction: np.ndarray) -> int:
    """The farthest vertex along a ray from the joint."""
    direction = direction / np.linalg.norm(direction)
    along = (template - joint) @ direction
    distance = np.linalg.norm(template - joint - along[:, None] * direction, axis=1)
    is_near = (distance < _RAY_RADIUS) & (along < _RAY_LENGTH)
    return _farthest(along[:, None], is_near, np.array([1.0]))
