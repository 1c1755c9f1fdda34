"""The heads: from a token to the rig's pose and keypoints, and to the person's place before the camera."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..body.rotations import rotation_6d_to_matrix
from .crops import CropGeometry
from .euler import fixed_xyz_to_matrix, matrix_to_euler, matrix_to_fixed_xyz
from .layers import Perceptron
from .parameters import HAND_CHANNELS, POSE_CHANNELS, finger_angles, pose_angles
from .prompts import KEYPOINT_COUNT
from .rig import JOINT_COUNT, PARAMETER_COUNT, SHAPE_COUNT, Rig

_SCALES = 28
_FACE = 72
_ROTATION = 6
PREDICTION = _ROTATION + POSE_CHANNELS + SHAPE_COUNT + _SCALES + 2 * HAND_CHANNELS + _FACE
"""519 numbers: the whole body's rotation, pose, shape, proportions, both hands, and a face that is not used."""
CAMERA = 3
_POSE_PARAMETERS = 136
_TRANSLATION_UNIT = 10.0
"""The rig's global translation is in decimetres."""
_RIGHT_HAND = slice(21, 42)
"""Keypoints of the right hand."""
HAND_CAMERA_SCALE = 10.0
"""How much smaller than a person's box a hand's box is taken to be."""


@dataclass(frozen=True)
class RigParameters:
    """A person as the rig is posed, B of them."""

    rotation: Float[Tensor, "B 3"]
    """Of the whole body, about the fixed axes x, y, z."""
    pose: Float[Tensor, "B 133"]
    shape: Float[Tensor, "B 45"]
    scale: Float[Tensor, "B 28"]
    hands: Float[Tensor, "B 2 54"]
    """Left, right."""


@dataclass(frozen=True)
class PoseEstimate:
    """What the pose head makes of a token. Axes are the camera's (x right, y down, z forward), the person at the origin."""

    prediction: Float[Tensor, "B 519"]
    parameters: RigParameters
    rig_parameters: Float[Tensor, "B 204"]
    keypoints: Float[Tensor, "B 70 3"]
    """metres"""
    joints: Float[Tensor, "B 127 3"]
    """metres"""
    joint_rotations: Float[Tensor, "B 127 3 3"]
    """In the rig's own axes, which `RIG_TO_CAMERA` takes to the camera's."""
    vertices: Float[Tensor, "B V 3"]
    """metres, those that the keypoints depend on."""


RIG_TO_CAMERA = (1.0, -1.0, -1.0)
"""Signs of the rig's axes in the camera's: a half turn about x."""


@dataclass(frozen=True)
class Placed:
    """An estimate before the camera."""

    pose: PoseEstimate
    camera: Float[Tensor, "B 3"]
    """The camera head's scale and shift."""
    translation: Float[Tensor, "B 3"]
    """metres, of the person's origin."""
    keypoints: Float[Tensor, "B 70 2"]
    """px of the picture."""
    depth: Float[Tensor, "B 70"]
    """metres before the camera."""


class PoseHead(nn.Module):
    """Regresses the rig's parameters; `hand`: of a right hand whose wrist is the origin."""

    joint_rotation: Tensor
    scale_mean: Tensor
    scale_comps: Tensor
    hand_pose_mean: Tensor
    hand_pose_comps: Tensor
    hand_joint_idxs_left: Tensor
    hand_joint_idxs_right: Tensor
    keypoint_mapping: Tensor
    right_wrist_coords: Tensor
    root_coords: Tensor
    local_to_world_wrist: Tensor
    nonhand_param_idxs: Tensor

    def __init__(self, tokens: int, vertices: int, *, hand: bool) -> None:
        super().__init__()
        self.hand = hand
        self.proj = Perceptron((tokens, tokens, PREDICTION))
        proportions = PARAMETER_COUNT - _POSE_PARAMETERS
        floats = {
            "joint_rotation": (JOINT_COUNT, 3, 3),
            "scale_mean": (proportions,),
            "scale_comps": (_SCALES, proportions),
            "hand_pose_mean": (HAND_CHANNELS,),
            "hand_pose_comps": (HAND_CHANNELS, HAND_CHANNELS),
            "keypoint_mapping": (KEYPOINT_COUNT, vertices + JOINT_COUNT),
            "right_wrist_coords": (3,),
            "root_coords": (3,),
            "local_to_world_wrist": (3, 3),
        }
        for name, shape in floats.items():
            self.register_buffer(name, torch.zeros(shape))
        indices = {"hand_joint_idxs_left": 27, "hand_joint_idxs_right": 27, "nonhand_param_idxs": 145}
        for name, length in indices.items():
            self.register_buffer(name, torch.zeros(length, dtype=torch.long))

    def forward(self, token: Float[Tensor, "B C"], start: Float[Tensor, "1 519"], rig: Rig) -> PoseEstimate:
        return self.decoded(self.proj(token) + start, rig)

    def decoded(self, prediction: Float[Tensor, "B 519"], rig: Rig) -> PoseEstimate:
        sizes = [_ROTATION, POSE_CHANNELS, SHAPE_COUNT, _SCALES, 2 * HAND_CHANNELS, _FACE]
        turn, pose, shape, scale, hands, _ = prediction.split(sizes, -1)
        # the network has learned with the angles about z, y, x given to the rig as those about x, y, z
        rotation = matrix_to_euler(rotation_6d_to_matrix(turn), "ZYX")
        parameters = RigParameters(rotation, pose_angles(pose), shape, scale, hands.unflatten(-1, (2, HAND_CHANNELS)))
        return self.posed(prediction, parameters, rig)

    def posed(self, prediction: Float[Tensor, "B 519"], parameters: RigParameters, rig: Rig) -> PoseEstimate:
        """The rig posed by parameters. The prediction is kept as it is."""
        rig_parameters = self.rig_parameters(parameters)
        posed = rig(parameters.shape, rig_parameters)
        keypoints = self.keypoint_mapping @ torch.cat([posed.vertices, posed.joints], 1)
        if self.hand:
            others = torch.zeros_like(keypoints)
            others[:, _RIGHT_HAND] = keypoints[:, _RIGHT_HAND]
            keypoints = others
        signs = keypoints.new_tensor(RIG_TO_CAMERA)
        return PoseEstimate(
            prediction,
            parameters,
            rig_parameters,
            keypoints * signs,
            posed.joints * signs,
            posed.rotations,
            posed.vertices * signs,
        )

    def rig_parameters(self, parameters: RigParameters) -> Float[Tensor, "B 204"]:
        """Everything that poses the rig in the order in which the rig takes it."""
        rotation = parameters.rotation
        translation = torch.zeros_like(rotation)
        if self.hand:
            matrix = fixed_xyz_to_matrix(rotation) @ self.local_to_world_wrist
            rotation = matrix_to_fixed_xyz(matrix)
            translation = -(matrix @ (self.right_wrist_coords - self.root_coords) + self.root_coords)
        pose = torch.cat([_TRANSLATION_UNIT * translation, rotation, parameters.pose[:, :-3]], -1)
        fingers = finger_angles(self.hand_pose_mean + parameters.hands @ self.hand_pose_comps)
        pose[:, self.hand_joint_idxs_left] = fingers[:, 0]
        pose[:, self.hand_joint_idxs_right] = fingers[:, 1]
        out = torch.cat([pose, self.scale_mean + parameters.scale @ self.scale_comps], -1)
        if self.hand:
            out[:, self.nonhand_param_idxs] = 0
        return out


class CameraHead(nn.Module):
    """Regresses a person's size in the crop and place across it; the camera's intrinsics make a place in metres of them."""

    def __init__(self, tokens: int, *, hand: bool) -> None:
        super().__init__()
        self.proj = Perceptron((tokens, tokens, CAMERA))
        self._scale = HAND_CAMERA_SCALE if hand else 1.0

    def forward(
        self, token: Float[Tensor, "B C"], start: Float[Tensor, "1 3"], pose: PoseEstimate, crop: CropGeometry
    ) -> Placed:
        camera = self.proj(token) + start
        translation = self.translation(camera, crop)
        return placed(pose, camera, translation, crop.K)

    def translation(self, camera: Float[Tensor, "B 3"], crop: CropGeometry) -> Float[Tensor, "B 3"]:
        """The full perspective camera of CLIFF (Li et al., ECCV 2022)."""
        size, right, down = (camera * camera.new_tensor([-1.0, 1.0, -1.0])).unbind(-1)
        extent = crop.size * size * self._scale + 1e-8
        shift = 2 * (crop.centre - crop.K[:2, 2]) / extent[:, None]
        return torch.stack([right + shift[:, 0], down + shift[:, 1], 2 * crop.K[0, 0] / extent], -1)


def placed(
    pose: PoseEstimate, camera: Float[Tensor, "B 3"], translation: Float[Tensor, "B 3"], K: Float[Tensor, "3 3"]
) -> Placed:
    """An estimate at a place before the camera, with its keypoints in the picture."""
    points = pose.keypoints + translation[:, None]
    pixels = (points / points[..., 2:]) @ K.T
    return Placed(pose, camera, translation, pixels[..., :2], points[..., 2])
