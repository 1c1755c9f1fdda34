"""The Momentum Human Rig (MHR) in plain torch: 127 joints, blend shapes, pose correctives and linear blend skinning.

Follows the public description of the rig (https://github.com/facebookresearch/MHR, Apache-2.0). Its frame at rest has Y up and
the person facing +Z; its own unit is the centimetre, that of all results here the metre.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..body.rotations import quaternion_to_matrix
from .euler import fixed_xyz_to_matrix

JOINT_COUNT = 127
PARAMETER_COUNT = 204
"""Parameters of the pose (136) and of the proportions (68)."""
SHAPE_COUNT = 45
_PER_JOINT = 7
"""Translation, rotation about the fixed axes x, y, z, and the binary logarithm of the scale."""
_FIRST_CORRECTIVE_JOINT = 2
"""The two joints before it place the person and do not deform the skin."""
FEATURE_COUNT = (JOINT_COUNT - _FIRST_CORRECTIVE_JOINT) * 6
_CENTIMETRES = 100.0


@dataclass(frozen=True)
class RigSizes:
    """What differs between files: how fine the mesh is and how wide the network of pose correctives."""

    vertices: int
    weights: int
    """Pairs of a vertex and a joint that moves it."""
    hidden: int


@dataclass(frozen=True)
class PosedRig:
    """The rig in B poses."""

    joints: Float[Tensor, "B 127 3"]
    """metres"""
    rotations: Float[Tensor, "B 127 3 3"]
    """Axes of each joint in the rig's frame."""
    vertices: Float[Tensor, "B V 3"]
    """metres"""


class Rig(nn.Module):
    """The rig. Buffers have the names of the public file; see `layout`."""

    base_shape: Tensor
    identity_basis: Tensor
    param_transform: Tensor
    skel_joint_translation_offsets: Tensor
    skel_joint_prerotations: Tensor
    skel_joint_parents: Tensor
    lbs_inverse_bind_pose: Tensor
    lbs_skin_weights: Tensor
    lbs_skin_indices: Tensor
    lbs_vert_indices: Tensor
    pose_corr_first: Tensor
    pose_corr_weight: Tensor

    def __init__(self, sizes: RigSizes) -> None:
        super().__init__()
        for name, shape in _FLOATS.items():
            self.register_buffer(name, torch.zeros([_length(axis, sizes) for axis in shape]))
        for name, shape in _INDICES.items():
            self.register_buffer(name, torch.zeros([_length(axis, sizes) for axis in shape], dtype=torch.long))

    @classmethod
    def of(cls, arrays: Mapping[str, Tensor]) -> Rig:
        """A rig of the buffers' values."""
        sizes = RigSizes(
            len(arrays["base_shape"]), len(arrays["lbs_skin_weights"]), arrays["pose_corr_weight"].shape[1]
        )
        rig = cls(sizes)
        rig.load_state_dict(dict(arrays))
        return rig

    def forward(self, shape: Float[Tensor, "B 45"], parameters: Float[Tensor, "B 204"]) -> PosedRig:
        """Pose the rig. Faces are neutral."""
        of_joints = (parameters @ self.param_transform.T).unflatten(-1, (JOINT_COUNT, _PER_JOINT))
        turns = fixed_xyz_to_matrix(of_joints[..., 3:6])
        local = quaternion_to_matrix(self.skel_joint_prerotations.roll(1, -1)) @ turns
        offsets = of_joints[..., :3] + self.skel_joint_translation_offsets
        joints, rotations, scales = self._skeleton(offsets, local, torch.exp2(of_joints[..., 6:]))
        skin = self.base_shape + torch.einsum("nvd,bn->bvd", self.identity_basis, shape) + self._correctives(turns)
        vertices = self._skinned(skin, joints, rotations, scales)
        return PosedRig(joints / _CENTIMETRES, rotations, vertices / _CENTIMETRES)

    def _skeleton(
        self, offsets: Float[Tensor, "B 127 3"], local: Float[Tensor, "B 127 3 3"], scale: Float[Tensor, "B 127 1"]
    ) -> tuple[Float[Tensor, "B 127 3"], Float[Tensor, "B 127 3 3"], Float[Tensor, "B 127 1"]]:
        """Places, axes and scales of the joints in the rig's frame; a joint's scale scales all that hangs on it."""
        joints, rotations, scales = list(offsets.unbind(1)), list(local.unbind(1)), list(scale.unbind(1))
        for joint, parent in enumerate(self.skel_joint_parents.tolist()):
            if parent < 0:
                continue
            offset = (rotations[parent] @ joints[joint][..., None])[..., 0]
            joints[joint] = joints[parent] + scales[parent] * offset
            rotations[joint] = rotations[parent] @ rotations[joint]
            scales[joint] = scales[parent] * scales[joint]
        return torch.stack(joints, 1), torch.stack(rotations, 1), torch.stack(scales, 1)

    def _correctives(self, turns: Float[Tensor, "B 127 3 3"]) -> Float[Tensor, "B V 3"]:
        """How the skin at rest changes with the pose: two layers on the joints' rotations as 6D, without their prerotations."""
        change = turns[:, _FIRST_CORRECTIVE_JOINT:] - torch.eye(3, device=turns.device, dtype=turns.dtype)
        hidden = (change[..., :2].mT.flatten(1) @ self.pose_corr_first.T).relu()
        return (hidden @ self.pose_corr_weight.T).unflatten(-1, (-1, 3))

    def _skinned(self, skin: Tensor, joints: Tensor, rotations: Tensor, scales: Tensor) -> Float[Tensor, "B V 3"]:
        bind = self.lbs_inverse_bind_pose
        turn = rotations @ quaternion_to_matrix(bind[:, 3:7].roll(1, -1))
        shift = joints + scales * (rotations @ bind[:, :3, None])[..., 0]
        matrix = turn * (scales * bind[:, 7:])[..., None]
        at, vertex = self.lbs_skin_indices, self.lbs_vert_indices
        moved = (matrix[:, at] @ skin[:, vertex, :, None])[..., 0] + shift[:, at]
        return torch.zeros_like(skin).index_add(1, vertex, moved * self.lbs_skin_weights[:, None])


def restricted(arrays: Mapping[str, Tensor], vertices: Int[Tensor, " N"]) -> dict[str, Tensor]:
    """The buffers of a rig with only some of its vertices, in the given order: most are never looked at."""
    place = torch.full((len(arrays["base_shape"]),), -1)
    place[vertices] = torch.arange(len(vertices))
    kept = place[arrays["lbs_vert_indices"]] >= 0
    return {
        **arrays,
        "base_shape": arrays["base_shape"][vertices],
        "identity_basis": arrays["identity_basis"][:, vertices],
        "pose_corr_weight": arrays["pose_corr_weight"].unflatten(0, (-1, 3))[vertices].flatten(0, 1),
        "lbs_skin_weights": arrays["lbs_skin_weights"][kept],
        "lbs_skin_indices": arrays["lbs_skin_indices"][kept],
        "lbs_vert_indices": place[arrays["lbs_vert_indices"][kept]],
    }


_FLOATS: dict[str, tuple[int | str, ...]] = {
    "base_shape": ("V", 3),
    "identity_basis": (SHAPE_COUNT, "V", 3),
    "param_transform": (JOINT_COUNT * _PER_JOINT, PARAMETER_COUNT),
    "skel_joint_translation_offsets": (JOINT_COUNT, 3),
    "skel_joint_prerotations": (JOINT_COUNT, 4),
    "lbs_inverse_bind_pose": (JOINT_COUNT, 8),
    "lbs_skin_weights": ("K",),
    "pose_corr_first": ("H", FEATURE_COUNT),
    "pose_corr_weight": ("3V", "H"),
}
"""Quaternions have the real part last; a state [8] is a translation, a quaternion and a scale."""
_INDICES: dict[str, tuple[int | str, ...]] = {
    "skel_joint_parents": (JOINT_COUNT,),
    "lbs_skin_indices": ("K",),
    "lbs_vert_indices": ("K",),
}


def _length(axis: int | str, sizes: RigSizes) -> int:
    if isinstance(axis, int):
        return axis
    return {"V": sizes.vertices, "3V": 3 * sizes.vertices, "K": sizes.weights, "H": sizes.hidden}[axis]
