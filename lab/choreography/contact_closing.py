"""Fingers that close on the other's skin as far as it lets them."""

from __future__ import annotations

import torch
from torch import Tensor

from core.contract.skeleton import JOINT_INDEX

from .contact_points import normals_of, regions_of
from .hand_shapes import FINGERS, SIDES, finger_rotations, hand_shapes, shape_of
from .pose_parameters import Poses
from .scene import Actor, HandPose, Scene
from .skin_points import Points

_TRIED = 13
"""Steps from the flat hand to the closed one."""
_LOOKED_AT = 3
"""Frames of a hold in which it is tried."""
_MAY_PRESS = 0.0025
"""metres that a finger may be in the other's skin: flesh gives."""
_NEAR = 0.16
"""metres from the wrist within which skin can be in the fingers' way."""
_DEEPEST = 0.03


def closed_hands(scene: Scene, poses: Poses) -> Tensor:
    """[2,T,2,NUMBERS] shapes of all hands, with those that close lying on the other's skin. Poses are of all frames."""
    closed: dict[HandPose, Tensor] = {pose: shape_of("flat") for pose in scene.hands if pose.closes}
    for pose in closed:
        shapes = hand_shapes(scene.hands, scene.frames, closed)
        closed[pose] = _closed(scene, poses, pose, shapes)
    return hand_shapes(scene.hands, scene.frames, closed)


def _closed(scene: Scene, poses: Poses, pose: HandPose, shapes: Tensor) -> Tensor:
    """[NUMBERS] how far each finger of one hand bends."""
    span = torch.linspace(pose.span.first, pose.span.last, _LOOKED_AT + 2)[1:-1]
    frames = span.round().long().clamp(0, scene.frames - 1)
    other = 1 - pose.person
    skin, normals = _whole_skin(scene.actors[other], poses, other, frames, shapes)
    flat, target = shape_of("flat"), shape_of(pose.shape)
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
                    points @ poses.world[pose.person, frame, wrist].T
                    - poses.world[pose.person, frame, wrist] @ rest
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
    keep = (regions_of(actor.body) >= 0).nonzero()[:, 0]
    points = Points.of(
        actor.body.subset(keep),
        torch.from_numpy(actor.betas),
        finger_rotations(shapes[person, frames]),
        normals_of(actor.body)[keep],
    )
    return points.all(poses.joints[person, frames], poses.world[person, frames])


def _finger_points(actor: Actor, side: str, finger: str, tried: Tensor) -> tuple[Tensor, Tensor]:
    """A finger's skin [S,N,3] in the wrist's rest axes in each of the shapes tried [S,2,NUMBERS], and the wrist there."""
    joints = [JOINT_INDEX[f"{side}_{finger}{part}"] for part in (1, 2, 3)][1 if finger == "thumb" else 0 :]
    body = actor.body
    chosen = (body.lbs_weights[:, joints].sum(1) > 0.7).nonzero()[:, 0]
    points = Points.of(
        body.subset(chosen), torch.from_numpy(actor.betas), finger_rotations(tried), torch.zeros(len(chosen), 3)
    )
    return points.rest, points.joints[JOINT_INDEX[f"{side}_wrist"]]


def _first_hit(finger: Tensor, skin: Tensor, normals: Tensor) -> Tensor:
    """The last of the shapes [S,N,3] before a finger is in the skin [V,3]; where the flat one is already, the least deep."""
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
