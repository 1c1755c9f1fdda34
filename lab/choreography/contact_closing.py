"""Closes the fingers of a hand until they lie on the other person's skin."""

from __future__ import annotations

import torch
from torch import Tensor

from core.contract.skeleton import JOINT_INDEX

from .contact_points import body_normals, body_regions
from .hand_shapes import FINGERS, SIDES, animate_hands, finger_rotations, hand_shape
from .pose_parameters import Poses
from .scene import Actor, HandShapeGoal, Scene
from .skin_points import SkinPoints

_TRIED = 13
"""Shapes that are tried between the flat hand and the closed one."""
_LOOKED_AT = 3
"""Frames of a contact in which shapes are tried."""
_MAY_PRESS = 0.0025
"""metres that a finger may penetrate the other person's skin: flesh gives."""
_NEAR = 0.16
"""metres from the fingers' middle within which skin can stop them."""
_DEEPEST = 0.03


def closed_hands(scene: Scene, poses: Poses) -> Tensor:
    """[2,T,2,SHAPE_PARAMETERS] of all hands; those that close on contact lie on the other person's skin. Poses of all frames."""
    closed: dict[HandShapeGoal, Tensor] = {
        pose: hand_shape("flat") for pose in scene.hand_goals if pose.closes_on_contact
    }
    for pose in closed:
        shapes = animate_hands(scene.hand_goals, scene.frames, closed)
        closed[pose] = _closed(scene, poses, pose, shapes)
    return animate_hands(scene.hand_goals, scene.frames, closed)


def _closed(scene: Scene, poses: Poses, pose: HandShapeGoal, shapes: Tensor) -> Tensor:
    """[SHAPE_PARAMETERS] of one hand, closed until its fingers meet the skin."""
    span = torch.linspace(pose.interval.start, pose.interval.end, _LOOKED_AT + 2)[1:-1]
    frames = span.round().long().clamp(0, scene.frames - 1)
    other = 1 - pose.person
    skin, normals = _whole_skin(scene.actors[other], poses, other, frames, shapes)
    flat, target = hand_shape("flat"), hand_shape(pose.shape)
    share = torch.linspace(0, 1, _TRIED)
    tried = shapes[pose.person, frames[:1]].repeat(_TRIED, 1, 1)
    hand = SIDES.index(pose.side)
    tried[:, hand] = flat + share[:, None] * (target - flat)
    result = flat.clone()
    actor = scene.actors[pose.person]
    wrist = JOINT_INDEX[f"{pose.side}_wrist"]
    for number, finger in enumerate(FINGERS):
        points, rest = _finger_points(actor, pose.side, finger, tried)
        bends = torch.stack(
            [
                _first_hit(
                    points @ poses.global_rotations[pose.person, frame, wrist].T
                    - poses.global_rotations[pose.person, frame, wrist] @ rest
                    + poses.joints[pose.person, frame, wrist],
                    skin[index],
                    normals[index],
                )
                for index, frame in enumerate(frames.tolist())
            ]
        )
        far = share[int(bends.float().mean().floor())]
        numbers = [13] if finger == "thumb" else list(range(3 * number, 3 * number + 3))
        result[numbers] = (flat + far * (target - flat))[numbers]
    return result


def _whole_skin(actor: Actor, poses: Poses, person: int, frames: Tensor, shapes: Tensor) -> tuple[Tensor, Tensor]:
    keep = (body_regions(actor.body) >= 0).nonzero()[:, 0]
    points = SkinPoints.from_body(
        actor.body.subset(keep),
        torch.from_numpy(actor.betas),
        finger_rotations(shapes[person, frames]),
        body_normals(actor.body)[keep],
    )
    return points.pose(poses.joints[person, frames], poses.global_rotations[person, frames])


def _finger_points(actor: Actor, side: str, finger: str, tried: Tensor) -> tuple[Tensor, Tensor]:
    """A finger's skin [S,N,3] in the wrist's rest axes for the shapes tried [S,2,SHAPE_PARAMETERS], and the wrist there."""
    joints = [JOINT_INDEX[f"{side}_{finger}{part}"] for part in (1, 2, 3)][1 if finger == "thumb" else 0 :]
    body = actor.body
    chosen = (body.lbs_weights[:, joints].sum(1) > 0.7).nonzero()[:, 0]
    points = SkinPoints.from_body(
        body.subset(chosen), torch.from_numpy(actor.betas), finger_rotations(tried), torch.zeros(len(chosen), 3)
    )
    return points.rest_positions, points.rest_joints[JOINT_INDEX[f"{side}_wrist"]]


def _first_hit(finger: Tensor, skin: Tensor, normals: Tensor) -> Tensor:
    """Index of the last shape [S,N,3] before a finger penetrates the skin [V,3]; of the least deep one if the flat hand does."""
    middle = finger.mean((0, 1))
    near = (skin - middle).norm(dim=-1) < _NEAR
    skin, normals = skin[near], normals[near]
    if not len(skin):
        return torch.tensor(len(finger) - 1)
    distance, nearest = torch.cdist(finger, skin[None]).min(-1)
    height = ((finger - skin[nearest]) * normals[nearest]).sum(-1)
    inside = (-height).clamp_min(0) * (distance < _DEEPEST)
    deepest = inside.amax(1)
    if deepest[0] > _MAY_PRESS:
        return deepest.argmin()
    hits = (deepest > _MAY_PRESS).nonzero()[:, 0]
    return hits[0] - 1 if len(hits) else torch.tensor(len(finger) - 1)
