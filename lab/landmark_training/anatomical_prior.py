"""Where the landmarks should be by anatomy: the skin points the regressor may use and the weights learning starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
"""Directions (rest pose: +X the person's left, +Y up, +Z front) in which skin is taken around a joint."""

_HAND_TIPS = ("index3", "pinky3", "thumb3")
_FACE = {
    "nose": 13, "right_eye_outer": 19, "right_eye_inner": 22, "left_eye_inner": 25, "left_eye_outer": 28,
    "mouth_right": 31, "mouth_left": 37,
}  # fmt: skip
"""Landmarks of the face in the 51 (iBUG) that SMPL-X files carry."""


@dataclass(frozen=True)
class SkinPoints:
    """N named vertices. Every point `left_…` has its `right_…`."""

    names: tuple[str, ...]
    vertices: np.ndarray
    """int64 [N]"""

    def index(self, name: str) -> int:
        return self.names.index(name)

    def mirror(self) -> np.ndarray:
        """int64 [N]: the point on the other side of the body."""
        return np.array([self.index(mirrored(name)) for name in self.names])


def skin_points(body: BodyModel, face_landmarks: np.ndarray) -> SkinPoints:
    """The points a landmark may be made of; `face_landmarks` [51,3] on the mean shape, rest pose."""
    template, joints = body.v_template.double().numpy(), body.J_template.double().numpy()
    strongest = body.lbs_weights.argmax(1).numpy()
    found: dict[str, int] = {
        name: _nearest(template, face_landmarks[i]) for name, i in _FACE.items() if "right" not in name
    }
    left = template[:, 0] > 0
    for joint, directions in _RINGS.items():
        for i, direction in enumerate(directions):
            found[f"{joint}_skin{i}"] = _outermost(template, joints[JOINT_INDEX[joint]], np.array(direction))
    for tip in _HAND_TIPS:
        moved = strongest == JOINT_INDEX[f"left_{tip}"]
        bone = joints[JOINT_INDEX[f"left_{tip}"]] - joints[JOINT_INDEX[f"left_{tip[:-1]}2"]]
        found[f"left_{tip}_tip"] = _furthest(template, moved, bone)
    head = left & np.isin(strongest, [JOINT_INDEX["head"]])
    level = np.abs(template[:, 1] - joints[JOINT_INDEX["left_eye_smplhf"], 1]) < 0.05
    found["left_ear"] = _furthest(template, head & level, np.array([1.0, 0, 0]))
    foot = left & np.isin(strongest, [JOINT_INDEX["left_ankle"], JOINT_INDEX["left_foot"]])
    found["left_heel"] = _furthest(template, foot, np.array([0, -0.5, -1]))
    found["left_toe"] = _furthest(template, foot, np.array([0, 0, 1.0]))
    found["chin"] = _nearest(template, face_landmarks[40] * (0, 1, 1) + (0, -0.035, -0.005))
    for name in [name for name in found if mirrored(name) != name]:
        found[mirrored(name)] = _nearest(template, template[found[name]] * (-1, 1, 1))
    return SkinPoints(tuple(found), np.array(list(found.values()), np.int64))


def prior_weights(points: SkinPoints) -> np.ndarray:
    """float64 [33,55+N], rows sum to one: each landmark from the joint or the skin that has its name."""
    weights = np.zeros((len(LANDMARKS), len(JOINTS) + len(points.names)))

    def put(landmark: str, parts: dict[str, float]) -> None:
        for name, share in parts.items():
            column = JOINT_INDEX[name] if name in JOINT_INDEX else len(JOINTS) + points.index(name)
            weights[LANDMARK_INDEX[landmark], column] += share

    put("nose", {"nose": 1})
    for side in ("left", "right"):
        put(f"mouth_{side}", {f"mouth_{side}": 1})
        put(f"{side}_eye", {f"{side}_eye_inner": 0.5, f"{side}_eye_outer": 0.5})
        for same in ("eye_inner", "eye_outer", "ear", "elbow", "wrist", "knee", "heel"):
            put(f"{side}_{same}", {f"{side}_{same}": 1})
        # the detector's shoulders, hips and ankles lie a few centimetres higher than the joints
        put(f"{side}_shoulder", {f"{side}_shoulder": 0.75, f"{side}_shoulder_skin0": 0.25})
        put(f"{side}_hip", {f"{side}_hip": 0.9, f"{side}_knee": -0.05, "spine1": 0.15})
        put(f"{side}_ankle", {f"{side}_ankle": 0.95, f"{side}_knee": 0.05})
        put(f"{side}_foot_index", {f"{side}_toe": 1})
        put(f"{side}_index", {f"{side}_index1": 0.6, f"{side}_index2": 0.4})
        put(f"{side}_pinky", {f"{side}_pinky1": 0.6, f"{side}_pinky2": 0.4})
        put(f"{side}_thumb", {f"{side}_thumb2": 0.5, f"{side}_thumb3": 0.5})
    return weights


def _nearest(template: np.ndarray, place: np.ndarray) -> int:
    return int(np.linalg.norm(template - place, axis=1).argmin())


def _furthest(template: np.ndarray, where: np.ndarray, direction: np.ndarray) -> int:
    return int(np.where(where, template @ direction, -np.inf).argmax())


def _outermost(template: np.ndarray, joint: np.ndarray, direction: np.ndarray) -> int:
    """The last vertex that a ray from the joint passes: furthest along it, within 25 mm beside it and 20 cm ahead."""
    direction = direction / np.linalg.norm(direction)
    along = (template - joint) @ direction
    beside = np.linalg.norm(template - joint - along[:, None] * direction, axis=1)
    near = (beside < 0.025) & (along < 0.20)
    return _furthest(along[:, None], near, np.array([1.0]))
