"""Runs the network on people in pictures: body, both hands by the hand decoder where they are seen, and both put together.

A first pass of the body decoder finds the person in the crop and the boxes of the hands. Where it disagrees with keypoints that
are known, and where the hand decoder places a wrist, a second pass is told so by points, as the network was trained to be. All
people take it, also those of whom there is nothing to tell: so nobody's result depends on who else is in the batch.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from ..hub.interruption import checked_before
from .crops import BODY_PADDING, CROP, HAND_PADDING, CropGeometry, crops_of_boxes, network_input, warped
from .euler import euler_to_matrix, matrix_to_euler
from .heads import RIG_TO_CAMERA, Placed, PoseEstimate, RigParameters, placed
from .network import PointPrompts, Sam3dBody
from .parameters import WRISTS, plausible_wrist
from .prompts import NO_POINT

LEFT, RIGHT = 0, 1
_WRIST_KEYPOINTS, _ELBOW_KEYPOINTS = (62, 41), (7, 8)
"""Left, right. Hands are decoded as right hands."""
_LOWER_ARMS, _WRIST_TWISTS, _WRISTS = (76, 40), (77, 41), (78, 42)
"""Joints of the rig, left and right."""
_LARGEST_TURN = 1.4
"""radians between the wrists of both decoders up to which they are taken to see the same hand."""
_SMALLEST_CROP = 64.0
"""px of the picture."""
_INSIDE = 0.5
"""Sides of the crop from its middle within which all keypoints of a hand lie."""
_LARGEST_DISTANCE = 0.25
"""Sides of the hand's crop between the wrists of both decoders."""
_LEFT_SCALE, _RIGHT_SCALE, _FIRST_FINGER_SCALE, _FIRST_HAND_SHAPE = 9, 8, 18, 40
"""Places among the proportions and the shape that belong to hands."""
_CORRECTED = 4
"""Keypoints at most that a second pass is corrected by."""
_WRONG = 0.05
"""Sides of the crop from which on a keypoint of the first pass is corrected."""


@dataclass(frozen=True)
class People:
    """B people to look at, each in a picture of the same camera."""

    pictures: Sequence[UInt8[np.ndarray, "H W 3"]]
    """RGB, one for each person; the same picture may come several times."""
    boxes: Float[Tensor, "B 4"]
    """px: left, top, right, bottom."""
    masks: Sequence[UInt8[np.ndarray, "h w"]]
    """0-255 over the whole picture, at any resolution."""
    mask_known: Bool[Tensor, " B"]
    K: Float[Tensor, "3 3"]
    keypoints: Float[Tensor, "B N 2"]
    """px, of keypoints that are known otherwise."""
    keypoints_known: Bool[Tensor, "B N"]
    labels: Int[Tensor, " N"]
    """Which of the network's keypoints they are."""


@dataclass(frozen=True)
class FoundPeople:
    """B people in the camera's axes, in metres."""

    joints: Float[Tensor, "B 127 3"]
    rotations: Float[Tensor, "B 127 3 3"]
    """Of the joints' axes in the rig's frame at rest, seen by the camera."""
    keypoints: Float[Tensor, "B 70 2"]
    """px"""
    hands_seen: Bool[Tensor, "B 2"]
    """Whether the hand decoder saw the left and the right hand, and agreed with the body's."""


@torch.inference_mode()
def find_people(network: Sam3dBody, people: People, check: Callable[[], None] = lambda: None) -> FoundPeople:
    """Everything about each person. `check` is called several times a second and may raise to cancel."""
    with checked_before(_layers(network), check):
        K = people.K.to(network.device)
        crop = crops_of_boxes(people.boxes.to(network.device), K, BODY_PADDING)
        features = network.features(_input(network, people.pictures, crop))
        features = network.with_masks(features, _masks(people, crop), people.mask_known.to(network.device).float())
        first = network.decode(network.body, features, crop, PointPrompts.none(len(crop.size), network.device))
        hands = _hands(network, people.pictures, crop, first.hand_boxes)
        seen = hands.agreement(network, first.placed)
        prompts = _prompts(people, crop, first.placed, hands, seen)
        found = network.decode(network.body, features, crop, prompts, first.placed).placed
        return _joined(network, first.placed, found, hands, seen, K)


@dataclass(frozen=True)
class _Hands:
    """What the hand decoder found of the left hands, mirrored to right ones, and of the right hands."""

    found: tuple[Placed, Placed]
    crops: tuple[CropGeometry, CropGeometry]
    width: int
    """px of the picture."""

    def wrists(self) -> Float[Tensor, "B 2 2"]:
        """px in the picture."""
        left, right = (each.keypoints[:, _WRIST_KEYPOINTS[RIGHT]] for each in self.found)
        return torch.stack([torch.stack([self.width - left[:, 0] - 1, left[:, 1]], -1), right], 1)

    def rotations(self) -> Float[Tensor, "B 2 3 3"]:
        """Global rotations of both wrists in the rig's axes."""
        left, right = (each.pose.joint_rotations[:, _WRISTS[RIGHT]] for each in self.found)
        return torch.stack([left * left.new_tensor(RIG_TO_CAMERA)[:, None], right], 1)

    def fingers(self) -> Float[Tensor, "B 2 54"]:
        return torch.stack([each.pose.parameters.hands[:, RIGHT] for each in self.found], 1)

    def agreement(self, network: Sam3dBody, body: Placed) -> Bool[Tensor, "B 2"]:
        """Which hands are large enough, within their crops, and where and how the body's are."""
        size = torch.stack([crop.size for crop in self.crops], 1)
        inside = torch.stack(
            [
                (crop.in_crop(each.keypoints).abs() < _INSIDE).flatten(1).all(1)
                for crop, each in zip(self.crops, self.found)
            ],
            1,
        )
        near = (self.wrists() - body.keypoints[:, list(_WRIST_KEYPOINTS)]).norm(dim=-1) < _LARGEST_DISTANCE * size
        turned = _wrist_rotations(network, body.pose, self.rotations())
        alike = _angle(_wrists_of(body.pose.parameters), turned) < _LARGEST_TURN
        return (size > _SMALLEST_CROP) & inside & near & alike


def _hands(
    network: Sam3dBody,
    pictures: Sequence[np.ndarray],
    crop: CropGeometry,
    boxes: Float[Tensor, "B 2 4"],
) -> _Hands:
    """Both hands of each person through the hand decoder, the left ones mirrored."""
    corner = crop.centre - crop.size[:, None] / 2
    middle = boxes[..., :2] * crop.size[:, None, None] + corner[:, None]
    side = boxes[..., 2:].amax(-1, keepdim=True) * crop.size[:, None, None] / 2
    left, right = (
        crops_of_boxes(
            torch.cat([middle[:, hand] - side[:, hand], middle[:, hand] + side[:, hand]], -1), crop.K, HAND_PADDING
        )
        for hand in (LEFT, RIGHT)
    )
    width = pictures[0].shape[1]
    left = left.mirrored(width)
    mirrored = [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures]
    found: list[Placed] = []
    for part, seen in ((left, mirrored), (right, pictures)):
        features = network.features(_input(network, seen, part))
        without = torch.zeros(len(part.size), 1, CROP, CROP, device=features.device)
        features = network.with_masks(features, without, torch.zeros_like(part.size))
        prompts = PointPrompts.none(len(part.size), network.device)
        found.append(network.decode(network.hand, features, part, prompts).placed)
    return _Hands((found[0], found[1]), (left, right), width)


def _prompts(
    people: People, crop: CropGeometry, body: Placed, hands: _Hands, seen: Bool[Tensor, "B 2"]
) -> PointPrompts:
    """The wrists of hands that were seen with the body's own elbows, and the known keypoints that the body misses most."""
    elbows = body.keypoints[:, list(_ELBOW_KEYPOINTS)]
    of_arms = crop.in_crop(torch.cat([hands.wrists(), elbows], 1))
    labels = torch.tensor([*_WRIST_KEYPOINTS, *_ELBOW_KEYPOINTS], device=seen.device).expand(len(seen), -1)
    known = crop.in_crop(people.keypoints.to(seen.device))
    known_labels = people.labels.to(seen.device)
    missed = (crop.in_crop(body.keypoints)[:, known_labels] - known).norm(dim=-1)
    missed = torch.where(people.keypoints_known.to(seen.device), missed, 0.0)
    worst = missed.topk(min(_CORRECTED, missed.shape[1]), 1)
    places = torch.cat([of_arms, known.gather(1, worst.indices[..., None].expand(-1, -1, 2))], 1)
    told = torch.cat([seen, seen, worst.values > _WRONG], 1) & (places.abs() < 0.5).all(-1)
    labels = torch.where(told, torch.cat([labels, known_labels[worst.indices]], 1), NO_POINT)
    return PointPrompts(torch.where(told[..., None], places + 0.5, 0.0), labels)


def _joined(
    network: Sam3dBody, first: Placed, body: Placed, hands: _Hands, seen: Bool[Tensor, "B 2"], K: Tensor
) -> FoundPeople:
    """The body with the hands of the hand decoder where they were seen and the wrists can turn to them."""
    own = body.pose.parameters
    scale, shape = _hand_proportions(network, hands)
    with_hands = replace(
        own,
        hands=hands.fingers(),
        scale=_with_hand_scales(own.scale, scale, torch.ones_like(seen)),
        shape=_with_hand_shape(own.shape, shape, torch.ones_like(seen)),
    )
    head = network.body.head_pose
    posed = head.posed(body.pose.prediction, with_hands, network.rig)
    turned = _wrist_rotations(network, posed, hands.rotations())
    seen = seen & (_angle(_wrists_of(first.pose.parameters), turned) < _LARGEST_TURN)
    pose = own.pose.clone()
    pose[:, list(WRISTS)] = torch.where(
        seen[..., None], plausible_wrist(matrix_to_euler(turned, "XZY")), own.pose[:, list(WRISTS)]
    )
    joined = replace(
        own,
        pose=pose,
        hands=torch.where(seen[..., None], hands.fingers(), own.hands),
        scale=_with_hand_scales(own.scale, scale, seen),
        shape=_with_hand_shape(own.shape, shape, seen),
    )
    final = head.posed(body.pose.prediction, joined, network.rig)
    here = placed(final, body.camera, body.translation, K)
    to_camera = torch.diag(final.joints.new_tensor(RIG_TO_CAMERA))
    return FoundPeople(
        final.joints + body.translation[:, None], to_camera @ final.joint_rotations, here.keypoints, seen
    )


def _hand_proportions(network: Sam3dBody, hands: _Hands) -> tuple[Float[Tensor, "B 2 28"], Float[Tensor, "B 2 45"]]:
    """Proportions and shapes as the hand decoder saw them of each side; the left hand's own were those of a right one."""
    scale = torch.stack([each.pose.parameters.scale for each in hands.found], 1)
    shape = torch.stack([each.pose.parameters.shape for each in hands.found], 1)
    mean, deviation = network.body.head_pose.scale_mean, network.body.head_pose.scale_comps.diagonal()
    length = mean[_RIGHT_SCALE] + deviation[_RIGHT_SCALE] * scale[:, LEFT, _RIGHT_SCALE]
    scale = scale.clone()
    scale[:, LEFT, _LEFT_SCALE] = (length - mean[_LEFT_SCALE]) / deviation[_LEFT_SCALE]
    return scale, shape


def _with_hand_scales(own: Float[Tensor, "B 28"], hands: Float[Tensor, "B 2 28"], seen: Bool[Tensor, "B 2"]) -> Tensor:
    out = own.clone()
    for hand, place in ((LEFT, _LEFT_SCALE), (RIGHT, _RIGHT_SCALE)):
        out[:, place] = torch.where(seen[:, hand], hands[:, hand, place], own[:, place])
    out[:, _FIRST_FINGER_SCALE:] = _mean_of_seen(own, hands, seen)[:, _FIRST_FINGER_SCALE:]
    return out


def _with_hand_shape(own: Float[Tensor, "B 45"], hands: Float[Tensor, "B 2 45"], seen: Bool[Tensor, "B 2"]) -> Tensor:
    out = own.clone()
    out[:, _FIRST_HAND_SHAPE:] = _mean_of_seen(own, hands, seen)[:, _FIRST_HAND_SHAPE:]
    return out


def _mean_of_seen(own: Float[Tensor, "B C"], hands: Float[Tensor, "B 2 C"], seen: Bool[Tensor, "B 2"]) -> Tensor:
    """The mean over the hands that were seen, the body's own where neither was."""
    weight = seen.to(own)[..., None]
    mean = (hands * weight).sum(1) / weight.sum(1).clamp_min(1)
    return torch.where(seen.any(1, keepdim=True), mean, own)


def _wrists_of(parameters: RigParameters) -> Float[Tensor, "B 2 3 3"]:
    """Rotations of both wrists relative to their forearms."""
    return euler_to_matrix(parameters.pose[:, list(WRISTS)], "XZY")


def _wrist_rotations(
    network: Sam3dBody, pose: PoseEstimate, wanted: Float[Tensor, "B 2 3 3"]
) -> Float[Tensor, "B 2 3 3"]:
    """What both wrists would have to be, relative to their forearms, for the wanted global rotations."""
    rest = network.body.head_pose.joint_rotation[list(_WRIST_TWISTS)]
    return (pose.joint_rotations[:, list(_LOWER_ARMS)] @ rest).mT @ wanted


def _angle(first: Float[Tensor, "*batch 3 3"], second: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """radians between rotations."""
    cosine = ((first * second).sum((-1, -2)) - 1) / 2
    return cosine.clamp(-1, 1).acos()


def _input(network: Sam3dBody, pictures: Sequence[np.ndarray], crop: CropGeometry) -> Float[Tensor, "B 3 512 512"]:
    return network_input(torch.from_numpy(np.stack(_cut(pictures, crop))).to(network.device))


def _masks(people: People, crop: CropGeometry) -> Float[Tensor, "B 1 512 512"]:
    """0 or 1 in the crops; masks of a lower resolution are enlarged smoothly first."""
    shrunk = [picture.shape[1] / mask.shape[1] for picture, mask in zip(people.pictures, people.masks)]
    cut = [
        warped(mask, (centre / ratio).tolist(), float(size) / ratio)
        for mask, ratio, centre, size in zip(people.masks, shrunk, crop.centre.cpu(), crop.size.cpu())
    ]
    return (torch.from_numpy(np.stack(cut)).to(crop.size.device)[:, None] > 127).float()


def _cut(pictures: Sequence[np.ndarray], crop: CropGeometry) -> list[np.ndarray]:
    return [
        warped(picture, centre.tolist(), float(size))
        for picture, centre, size in zip(pictures, crop.centre.cpu(), crop.size.cpu())
    ]


def _layers(network: Sam3dBody) -> list[nn.Module]:
    """Where to ask whether to go on: a picture takes many seconds on a CPU."""
    return [*network.backbone.model.layer, *network.body.decoder.layers, *network.hand.decoder.layers]
