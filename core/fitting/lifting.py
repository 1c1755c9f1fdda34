"""From metric landmarks to a posed body: joint rotations by bone directions, and a place before the camera.

Every bone's frame is built twice from the same landmarks, once on the resting body and once as observed, so that where the
detector and SMPL-X disagree on what a shoulder or hip is, the disagreement cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..contract.skeleton import BODY_JOINTS, LANDMARK_INDEX, PARENTS

_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "mouth_left", "mouth_right")
_STRAIGHT, _BENT = 0.15, 0.45
"""Sines of the angle at an elbow or knee between which its hinge becomes trustworthy."""


@dataclass(frozen=True)
class _Trunk:
    pelvis: Tensor
    chest: Tensor
    head: Tensor


def rotations_from_landmarks(
    landmarks: Tensor, rest: Tensor, hand_rotations: Tensor | None = None, hand_weight: Tensor | None = None
) -> Tensor:
    """Relative rotations [...,22,3,3] that bring a resting body into the pose of metric landmarks.

    landmarks [...,33,3] in any right-handed frame, rest [33,3] the same landmarks on the body in its rest pose. The
    pelvis' rotation takes the rest frame into the landmarks' frame. `hand_rotations` [...,2,3,3], world rotations of the
    left and right hand from a hand detector, replace the coarse ones in proportion to `hand_weight` [...,2] in 0-1.
    """
    trunk = _trunk(landmarks, rest)
    world: dict[str, Tensor] = {"pelvis": trunk.pelvis}
    bend = matrix_to_axis_angle(trunk.pelvis.mT @ trunk.chest)
    for third, joint in enumerate(("spine1", "spine2", "spine3"), 1):
        world[joint] = trunk.pelvis @ axis_angle_to_matrix(bend * third / 3)
    nod = matrix_to_axis_angle(trunk.chest.mT @ trunk.head)
    world["neck"] = trunk.chest @ axis_angle_to_matrix(nod / 2)
    world["head"] = trunk.head
    for index, side in enumerate(("left", "right")):
        world[f"{side}_collar"] = trunk.chest
        coarse = _arm(landmarks, rest, side, trunk.chest, world)
        fine = coarse
        if hand_rotations is not None and hand_weight is not None:
            turn = matrix_to_axis_angle(coarse.mT @ hand_rotations[..., index, :, :])
            fine = coarse @ axis_angle_to_matrix(turn * hand_weight[..., index, None])
        _share_twist(side, fine, world, _direction(landmarks, f"{side}_elbow", f"{side}_wrist"))
        _leg(landmarks, rest, side, trunk.pelvis, world)
    relative = [
        world[name] if parent < 0 else world[BODY_JOINTS[parent]].mT @ world[name]
        for name, parent in zip(BODY_JOINTS, PARENTS)
    ]
    return torch.stack(relative, -3)


def translation_from_keypoints(points: Tensor, pixels: Tensor, weight: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    """The translation of points that projects them onto pixels: weighted linear least squares, reweighted by depth.

    points [...,N,3] camera axes, pixels [...,N,2], weight [...,N] not negative, K [3,3]. Returns the
    translations [...,3] and how well each is determined [...] (the sum of weights).
    """
    rays = (pixels - K[:2, 2]) / torch.stack([K[0, 0], K[1, 1]])
    shift = torch.zeros_like(points[..., 0, :])
    depth = torch.ones_like(points[..., 0])
    identity = torch.eye(3, dtype=points.dtype, device=points.device)
    for _ in range(4):
        w = weight / depth
        # x + tx - r_x (z + tz) = 0 and the same for y: rows (1, 0, -r_x), (0, 1, -r_y)
        one, zero = torch.ones_like(rays[..., 0]), torch.zeros_like(rays[..., 0])
        rows = torch.stack(
            [torch.stack([one, zero, -rays[..., 0]], -1), torch.stack([zero, one, -rays[..., 1]], -1)], -2
        ) * w[..., None, None]  # fmt: skip
        target = (rays * points[..., 2:] - points[..., :2]) * w[..., None]
        rows, target = rows.flatten(-3, -2), target.flatten(-2)
        normal = rows.mT @ rows + 1e-6 * identity
        shift = torch.linalg.solve(normal, (rows.mT @ target[..., None])[..., 0])
        depth = (points[..., 2] + shift[..., None, 2]).clamp_min(0.2)
    return shift, weight.sum(-1)


def frame(primary: Tensor, secondary: Tensor) -> Tensor:
    """Orthonormal columns [...,3,3]: along `primary`, along what of `secondary` is across it, and their cross product."""
    x = torch.nn.functional.normalize(primary, dim=-1)
    y = torch.nn.functional.normalize(secondary - (x * secondary).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)


def palm_frame(wrist: Tensor, index: Tensor, middle: Tensor, pinky: Tensor) -> Tensor:
    """The frame [...,3,3] of a palm from its wrist and knuckles [...,3]: along the hand, then towards the index finger."""
    return frame(middle - wrist + 1e-6, index - pinky + 1e-6)


def rotation_between(source: Tensor, target: Tensor) -> Tensor:
    """The smallest rotation [...,3,3] from direction `source` to `target` [...,3]."""
    source, target = torch.broadcast_tensors(source, target)
    a = torch.nn.functional.normalize(source, dim=-1)
    b = torch.nn.functional.normalize(target, dim=-1)
    axis = torch.linalg.cross(a, b)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (a * b).sum(-1, keepdim=True))
    return axis_angle_to_matrix(axis / sine.clamp_min(1e-8) * angle)


def _point(landmarks: Tensor, name: str) -> Tensor:
    return landmarks[..., LANDMARK_INDEX[name], :]


def _middle(landmarks: Tensor, part: str) -> Tensor:
    return (_point(landmarks, f"left_{part}") + _point(landmarks, f"right_{part}")) / 2


def _direction(landmarks: Tensor, start: str, end: str) -> Tensor:
    return _point(landmarks, end) - _point(landmarks, start)


def _turn(features: Tensor, resting: Tensor) -> Tensor:
    return features @ resting.mT


def _trunk(landmarks: Tensor, rest: Tensor) -> _Trunk:
    def girdle(points: Tensor, part: str) -> Tensor:
        spine = _middle(points, "shoulder") - _middle(points, "hip")
        return frame(_direction(points, f"right_{part}", f"left_{part}"), spine)

    pelvis = _turn(girdle(landmarks, "hip"), girdle(rest, "hip"))
    chest = _turn(girdle(landmarks, "shoulder"), girdle(rest, "shoulder"))
    face = [LANDMARK_INDEX[name] for name in _FACE]
    return _Trunk(pelvis, chest, rigid_rotation(rest[face], landmarks[..., face, :]))


def rigid_rotation(source: Tensor, target: Tensor) -> Tensor:
    """The rotation [...,3,3] that best takes centred `source` [N,3] to centred `target` [...,N,3] (Kabsch, 1976)."""
    source = source - source.mean(-2, keepdim=True)
    target = target - target.mean(-2, keepdim=True)
    u, _, vt = torch.linalg.svd(target.mT @ source)
    flip = torch.det(u @ vt)
    signs = torch.stack([torch.ones_like(flip), torch.ones_like(flip), flip], -1)
    return (u * signs[..., None, :]) @ vt


def _limb(
    upper: Tensor, lower: Tensor, rest_upper: Tensor, rest_lower: Tensor, rest_hinge: Tensor, guess: Tensor
) -> tuple[Tensor, Tensor]:
    """World rotations of a hinged limb's two bones. `guess` [...,3]: the hinge where the limb is too straight to show it."""
    features = torch.linalg.cross(
        torch.nn.functional.normalize(upper, dim=-1), torch.nn.functional.normalize(lower, dim=-1)
    )
    sine = features.norm(dim=-1, keepdim=True)
    trust = ((sine - _STRAIGHT) / (_BENT - _STRAIGHT)).clamp(0, 1)
    hinge = trust * features / sine.clamp_min(1e-6) + (1 - trust) * torch.nn.functional.normalize(guess, dim=-1)
    return (
        _turn(frame(upper, hinge), frame(rest_upper, rest_hinge)),
        _turn(frame(lower, hinge), frame(rest_lower, rest_hinge)),
    )


def _arm(landmarks: Tensor, rest: Tensor, side: str, chest: Tensor, world: dict[str, Tensor]) -> Tensor:
    """Fill in the shoulder and elbow; return the hand's world rotation as the body landmarks show it."""
    shoulder, elbow, wrist = (f"{side}_{part}" for part in ("shoulder", "elbow", "wrist"))
    upper, rest_upper = _direction(landmarks, shoulder, elbow), _direction(rest, shoulder, elbow)
    lower, rest_lower = _direction(landmarks, elbow, wrist), _direction(rest, elbow, wrist)
    # in the T-pose an elbow bends forward: about -Y on the left, +Y on the right
    rest_hinge = rest.new_tensor([0.0, -1.0 if side == "left" else 1.0, 0.0])
    unbent = rotation_between(chest @ rest_upper, upper) @ chest
    world[shoulder], world[elbow] = _limb(upper, lower, rest_upper, rest_lower, rest_hinge, unbent @ rest_hinge)

    def palm(points: Tensor) -> Tensor:
        knuckles = (_point(points, f"{side}_index") + _point(points, f"{side}_pinky")) / 2
        return frame(knuckles - _point(points, wrist), _direction(points, f"{side}_pinky", f"{side}_index"))

    hand = _turn(palm(landmarks), palm(rest))
    # the knuckles of the body network are coarse: trust a part of what they say
    return world[elbow] @ axis_angle_to_matrix(0.6 * matrix_to_axis_angle(world[elbow].mT @ hand))


def _share_twist(side: str, hand: Tensor, world: dict[str, Tensor], forearm: Tensor) -> None:
    """Give the forearm half of the hand's roll about it, as pronation does; the wrist carries the rest."""
    axis = torch.nn.functional.normalize(forearm, dim=-1)
    turn = matrix_to_axis_angle(hand @ world[f"{side}_elbow"].mT)
    roll = (turn * axis).sum(-1, keepdim=True) * axis
    world[f"{side}_elbow"] = axis_angle_to_matrix(roll / 2) @ world[f"{side}_elbow"]
    world[f"{side}_wrist"] = hand


def _leg(landmarks: Tensor, rest: Tensor, side: str, pelvis: Tensor, world: dict[str, Tensor]) -> None:
    hip, knee, ankle, heel, toe = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "heel", "foot_index"))
    upper, rest_upper = _direction(landmarks, hip, knee), _direction(rest, hip, knee)
    lower, rest_lower = _direction(landmarks, knee, ankle), _direction(rest, knee, ankle)
    rest_hinge = rest.new_tensor([1.0, 0.0, 0.0])
    # a straight leg's hinge lies across the foot, as far as the pelvis agrees
    across = torch.linalg.cross(_direction(landmarks, heel, toe), upper)
    guess = torch.nn.functional.normalize(across, dim=-1) + pelvis @ rest_hinge
    world[hip], world[knee] = _limb(upper, lower, rest_upper, rest_lower, rest_hinge, guess)

    def foot(points: Tensor) -> Tensor:
        middle = (_point(points, heel) + _point(points, toe)) / 2
        return frame(_direction(points, heel, toe), _point(points, ankle) - middle)

    world[ankle] = _turn(foot(landmarks), foot(rest))
    world[f"{side}_foot"] = world[ankle]
