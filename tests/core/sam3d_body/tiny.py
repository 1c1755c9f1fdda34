"""A tiny network of the public layout with random numbers, whose rig is our body's skeleton in another rest pose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.body.files import load_body
from core.body.model import forward_kinematics
from core.body.rotations import axis_angle_to_matrix, matrix_to_quaternion, quaternion_to_matrix
from core.contract.skeleton import JOINT_INDEX, JOINTS
from core.sam3d_body.network import Branch, Sam3dBody, Sizes
from core.sam3d_body.rig import RigSizes
from core.sam3d_body.skeleton import RIG_JOINT

SIZES = Sizes(
    features=64, backbone_layers=1, backbone_inner=32, registers=1, tokens=16, attention=16, decoder_inner=16,
    decoder_layers=2, rig=RigSizes(vertices=40, weights=60, hidden=5),
)  # fmt: skip
FILE = "sam_3d_body_dinov3_bf16.safetensors"
_ARMS_DOWN = 1.0
"""radians by which the rig's arms hang lower at rest than ours."""


@dataclass(frozen=True)
class RestSkeleton:
    """The rig at rest: places and axes of its 127 joints, and how our body stands in that pose."""

    parents: list[int]
    joints: Tensor
    rotations: Tensor
    ours: Tensor
    """Global rotations [55,3,3] from our rest pose on."""


def rest_skeleton(seed: int = 0) -> RestSkeleton:
    """Our body with its arms hanging, in joints whose axes are random; joints that we do not have lie on their parents."""
    body = load_body(None)
    angles = torch.zeros(len(JOINTS), 3)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        angles[JOINT_INDEX[f"{side}_shoulder"], 2] = sign * _ARMS_DOWN
        angles[JOINT_INDEX[f"{side}_elbow"], 1] = sign * 0.2
    placed, turned = forward_kinematics(axis_angle_to_matrix(angles), body.J_template, body.J_template[0])
    parents = _parents()
    ours = {place: JOINT_INDEX[name] for name, place in RIG_JOINT.items()}
    joints = torch.zeros(127, 3)
    for joint, parent in enumerate(parents):
        joints[joint] = placed[ours[joint]] if joint in ours else joints[max(parent, 0)]
    draw = torch.Generator().manual_seed(seed)
    axes = quaternion_to_matrix(torch.randn(127, 4, generator=draw))
    axes[0] = axes[1] = torch.eye(3)
    return RestSkeleton(parents, joints, axes, turned)


def _parents() -> list[int]:
    parents = [-1, 0]
    for _ in range(2):  # legs: the chain to the ball, and joints that only twist the skin
        hip = len(parents)
        parents += [1, *range(hip, hip + 6), *[hip + 1] * 4, *[hip] * 5]
    parents += [1, 34, 35, 36]
    for clavicle in (38, 74):
        wrist = clavicle + 4
        parents += [37, *range(clavicle, wrist)]
        for bones in (5, 4, 4, 4, 5):  # pinky, ring, middle, index, thumb
            first = len(parents)
            parents += [wrist, *range(first, first + bones - 1)]
        parents += [clavicle + 2] * 4 + [clavicle + 1] * 5
    return parents + [37, 110, 110, 110, *[113] * 13]


def tiny_network(seed: int = 0) -> Sam3dBody:
    """A network that sees everybody in the rest pose, a little different from person to person."""
    torch.manual_seed(seed)
    network = Sam3dBody(SIZES).eval().requires_grad_(False)
    rest = rest_skeleton()
    rig = network.rig
    rig.skel_joint_parents[:] = torch.tensor(rest.parents)
    for joint, parent in enumerate(rest.parents):
        above = rest.rotations[parent] if parent >= 0 else torch.eye(3)
        offset = rest.joints[joint] - (rest.joints[parent] if parent >= 0 else 0)
        rig.skel_joint_translation_offsets[joint] = 100 * (above.T @ offset)
        quaternion = matrix_to_quaternion(above.T @ rest.rotations[joint])
        rig.skel_joint_prerotations[joint] = quaternion.roll(-1)
    rig.param_transform[7 + 3, 3] = rig.param_transform[7 + 4, 4] = rig.param_transform[7 + 5, 5] = 1.0
    rig.param_transform[14:] += 0.01 * torch.randn(127 * 7 - 14, 204)
    rig.param_transform.view(127, 7, 204)[:, 6] = 0
    rig.base_shape[:] = 100 * rest.joints[:40] + torch.randn(40, 3)
    rig.identity_basis[:] = 0.1 * torch.randn(45, 40, 3)
    rig.pose_corr_weight[:] = 0.1 * torch.randn(120, 5)
    rig.lbs_vert_indices[:] = torch.arange(60) % 40
    rig.lbs_skin_indices[:] = torch.arange(60) % 127
    rig.lbs_skin_weights[:] = torch.where(torch.arange(60) % 40 < 20, 0.5, 1.0)
    rig.lbs_inverse_bind_pose[:, 7], rig.lbs_inverse_bind_pose[:, 6] = 1.0, 1.0
    for branch in (network.body, network.hand):
        _fill_head(branch, rest)
    return network


def _fill_head(branch: Branch, rest: RestSkeleton) -> None:
    head = branch.head_pose
    head.joint_rotation[:] = rest.rotations
    head.scale_comps[:, :28] = torch.eye(28)
    head.hand_pose_mean[1::2] = 1.0
    head.hand_pose_comps[:] = torch.eye(54)
    head.hand_joint_idxs_left[:], head.hand_joint_idxs_right[:] = torch.arange(68, 95), torch.arange(95, 122)
    head.nonhand_param_idxs[:] = torch.arange(6, 68).repeat(3)[:145]
    head.local_to_world_wrist[:] = torch.eye(3)
    joints = {
        5: 75, 6: 39, 7: 76, 8: 40, 9: 2, 10: 18, 11: 3, 12: 19, 13: 4, 14: 20, 41: 42, 62: 78, 0: 113, 15: 8, 18: 24,
    }  # fmt: skip
    for keypoint in range(70):
        head.keypoint_mapping[keypoint, 40 + joints.get(keypoint, 42 if 21 <= keypoint < 41 else 113)] = 1.0
    head.keypoint_mapping[30, 40 + 42], head.keypoint_mapping[30, 7] = 0.5, 0.5
    for layers in (head.proj.layers, branch.head_camera.proj.layers):
        for name, factor in (("weight", 0.05), ("bias", 0.0)):
            layers[-1].get_parameter(name).mul_(factor)
    start = torch.zeros(519)
    start[:6] = torch.tensor([1.0, 0, 0, 0, 1, 0])
    start[6:144] = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(23)
    start[145:260:2] = 1.0
    branch.init_pose.weight.copy_(start[None])
    branch.init_camera.weight.copy_(torch.tensor([[-0.81, 0.0, 0.2]]))


def file_arrays(network: Sam3dBody) -> dict[str, Tensor]:
    """The arrays of a file by the public names, with some that nobody needs."""
    arrays: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        first, _, rest = name.partition(".")
        if first == "hand":
            part, _, within = rest.partition(".")
            name = f"{part}_hand.{within}"
        elif first == "body":
            name = rest
        elif first == "rig":
            name = f"mhr.{rest}"
        elif rest.startswith("model.layer."):
            name = f"backbone.{rest.removeprefix('model.')}"
        if ".ffn." in name or ".proj." in name or "posemb" in name:
            name = name.replace("layers.0.weight", "layers.0.0.weight").replace("layers.0.bias", "layers.0.0.bias")
        if name.startswith("backbone.") and value.dtype == torch.float32:
            value = value.bfloat16()
        arrays[name] = value.clone()
    first_layer = arrays.pop("mhr.pose_corr_first")
    where = torch.tensor([[0, 2, 4], [3, 700, 5]])
    arrays["mhr.pose_corr_sparse_indices"] = where
    arrays["mhr.pose_corr_sparse_weight"] = torch.tensor([0.5, -0.25, 1.0])
    arrays["mhr.pose_corr_sparse_shape"] = torch.tensor(first_layer.shape)
    arrays["mhr.param_transform"] = torch.cat([arrays["mhr.param_transform"], torch.zeros(889, 45)], 1)
    for suffix in ("", "_hand"):
        mapping = f"head_pose{suffix}.keypoint_mapping"
        arrays[mapping] = torch.cat([arrays[mapping], torch.zeros(238, arrays[mapping].shape[1])])
        arrays[f"head_pose{suffix}.faces"] = torch.zeros(9, 3, dtype=torch.long)
    del arrays["backbone.embeddings.mask_token"]
    return arrays | {"face_landmarker.detector.weight": torch.zeros(3), "mhr.expr_basis": torch.zeros(72, 40, 3)}


def write_model(folder: Path, arrays: dict[str, Tensor] | None = None) -> Path:
    """A folder as the models manager leaves it, with the file in it."""
    file = folder / "detection" / FILE
    file.parent.mkdir(parents=True)
    save_file(file_arrays(tiny_network()) if arrays is None else arrays, file)
    return folder
