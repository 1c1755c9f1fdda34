"""The layout of the public file with the weights of SAM 3D Body, and the check of one before anything of it is used.

The file is a safetensors file with the network, and the rig within it, by the names that the public code gives its parts;
the backbone's names are those of transformers' DINOv3. Nothing in such a file can be executed. The sizes of a network are read
from the shapes of its arrays, so that the same code loads the published one and a tiny one.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .network import HEAD_WIDTH, Sam3dBody, Sizes
from .prompts import KEYPOINT_COUNT
from .rig import FEATURE_COUNT, PARAMETER_COUNT, RigSizes

_BRANCH = (
    "init_pose", "init_camera", "init_to_token_mhr", "prev_to_token_mhr", "ray_cond_emb", "decoder", "head_pose", "head_camera",
    "keypoint_embedding", "keypoint_posemb_linear", "keypoint_feat_linear", "keypoint3d_embedding", "keypoint3d_posemb_linear",
)  # fmt: skip
"""Parts that bodies and hands have each; in the file those of hands end in `_hand`."""
_SPARSE = ("mhr.pose_corr_sparse_indices", "mhr.pose_corr_sparse_weight", "mhr.pose_corr_sparse_shape")
"""The first layer of the pose correctives as a sparse matrix."""
_FIRST_LAYER = "rig.pose_corr_first"
_UNTRAINED = ("backbone.embeddings.mask_token",)
"""Of a training task of the backbone's own."""
_MAX_SIZE = 1 << 20
"""No axis of the published network is longer."""


@dataclass(frozen=True)
class ArrayInfo:
    """Type and shape of an array in a file."""

    dtype: torch.dtype
    shape: tuple[int, ...]


def our_name(name: str) -> str:
    """What an array of the file is called in `Sam3dBody`."""
    name = name.replace(".layers.0.0.", ".layers.0.")
    first, _, rest = name.partition(".")
    if first == "mhr":
        return f"rig.{rest}"
    if first in _BRANCH:
        return f"body.{name}"
    if first.removesuffix("_hand") in _BRANCH:
        return f"hand.{first.removesuffix('_hand')}.{rest}"
    if first == "backbone" and rest.startswith("layer."):
        return f"backbone.model.{rest}"
    return name


def read_sizes(arrays: Mapping[str, ArrayInfo]) -> Sizes:
    """The sizes of the network in a file, from arrays by our names. ValueError says what is missing or impossible."""

    def size(name: str, axis: int) -> int:
        if name not in arrays or len(arrays[name].shape) <= axis:
            raise ValueError(f"it has no {name}")
        length = arrays[name].shape[axis]
        if not 1 <= length <= _MAX_SIZE:
            raise ValueError(f"{name} has {length} entries")
        return length

    def count(pattern: str) -> int:
        numbers = {int(found[1]) for name in arrays if (found := re.match(pattern, name))}
        if not numbers or numbers != set(range(len(numbers))):
            raise ValueError(f"it has no layers, or not all of them ({pattern.partition('(')[0]})".replace("\\", ""))
        return len(numbers)

    features = size("backbone.embeddings.cls_token", 2)
    attention = size("body.decoder.layers.0.self_attn.q_proj.weight", 0)
    if features % HEAD_WIDTH or features % 4 or attention % 8:
        raise ValueError(f"its layers of {features} and {attention} channels cannot be split into heads")
    return Sizes(
        features=features,
        backbone_layers=count(r"backbone\.model\.layer\.(\d+)\."),
        backbone_inner=size("backbone.model.layer.0.mlp.gate_proj.weight", 0),
        registers=size("backbone.embeddings.register_tokens", 1),
        tokens=size("body.init_to_token_mhr.weight", 0),
        attention=attention,
        decoder_inner=size("body.decoder.layers.0.ffn.layers.0.weight", 0),
        decoder_layers=count(r"body\.decoder\.layers\.(\d+)\."),
        rig=RigSizes(size("rig.base_shape", 0), size("rig.lbs_skin_weights", 0), size("rig.pose_corr_weight", 1)),
    )


def expected_arrays(sizes: Sizes) -> dict[str, ArrayInfo]:
    """The arrays of a network of these sizes by our names, as the file has them."""
    with torch.device("meta"):
        state = Sam3dBody(sizes).state_dict()
    expected = {name: ArrayInfo(value.dtype, tuple(value.shape)) for name, value in state.items()}
    for name in (_FIRST_LAYER, *_UNTRAINED):
        del expected[name]
    expected["rig.param_transform"] = ArrayInfo(torch.float32, (expected["rig.param_transform"].shape[0], 249))
    for branch in ("body", "hand"):
        mapping = expected[f"{branch}.head_pose.keypoint_mapping"]
        expected[f"{branch}.head_pose.keypoint_mapping"] = ArrayInfo(mapping.dtype, (308, mapping.shape[1]))
    return expected


def needed(sizes: Sizes) -> list[str]:
    """The arrays of a file that the network is made of, by our names."""
    return [*expected_arrays(sizes), *(our_name(name) for name in _SPARSE)]


def check_layout(arrays: Mapping[str, ArrayInfo], sizes: Sizes) -> None:
    """ValueError where an array that the network needs is missing, or of another shape or kind of number; our names.

    Arrays that it does not need (a face detector, texture, training) are left alone.
    """
    expected = dict(expected_arrays(sizes))
    for name in _SPARSE:
        if our_name(name) not in arrays:
            raise ValueError(f"it has no {name}")
    for name, wanted in expected.items():
        if name not in arrays:
            raise ValueError(f"it has no {name}")
        found = arrays[name]
        if found.shape != wanted.shape:
            raise ValueError(f"{name} has the shape {list(found.shape)} instead of {list(wanted.shape)}")
        if found.dtype.is_floating_point != wanted.dtype.is_floating_point:
            raise ValueError(f"{name} has numbers of type {found.dtype}")


def prepared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a network from a file's arrays, by our names. ValueError where numbers are impossible.

    Of the keypoints those of the face beyond the first 70 are dropped, of the rig's parameters those that are always 0.
    """
    out = {name: _sound(name, value) for name, value in tensors.items()}
    for name, value in out.items():
        if value.dtype.is_floating_point and not name.startswith("backbone."):
            out[name] = value.float()
    sparse = [out.pop(our_name(name)) for name in _SPARSE]
    out[_FIRST_LAYER] = _dense(*sparse)
    out["rig.param_transform"] = out["rig.param_transform"][:, :PARAMETER_COUNT].contiguous()
    for branch in ("body", "hand"):
        name = f"{branch}.head_pose.keypoint_mapping"
        out[name] = out[name][:KEYPOINT_COUNT].contiguous()
    for name in _UNTRAINED:
        out[name] = torch.zeros_like(out["backbone.embeddings.cls_token"])
    _check_indices(out)
    return out


def _sound(name: str, value: Tensor) -> Tensor:
    if not value.dtype.is_floating_point:
        return value.long()
    if not bool(torch.isfinite(value).all()):
        raise ValueError(f"{name} has values that are not finite")
    return value


def _dense(indices: Tensor, weights: Tensor, shape: Tensor) -> Tensor:
    rows, columns = (int(length) for length in shape.tolist()) if shape.numel() == 2 else (0, 0)
    if columns != FEATURE_COUNT or not 1 <= rows <= _MAX_SIZE or indices.shape != (2, len(weights)):
        raise ValueError("the pose correctives' first layer is of another size")
    if len(weights) and (int(indices.min()) < 0 or int(indices[0].max()) >= rows or int(indices[1].max()) >= columns):
        raise ValueError("the pose correctives' first layer has entries outside of it")
    dense = torch.zeros(rows, columns)
    return dense.index_put((indices[0].long(), indices[1].long()), weights.float(), accumulate=True)


def _check_indices(state: Mapping[str, Tensor]) -> None:
    """Indices address what is there, and a joint's parent comes before it."""
    joints, vertices = len(state["rig.skel_joint_parents"]), len(state["rig.base_shape"])
    limits = {"rig.lbs_skin_indices": joints, "rig.lbs_vert_indices": vertices}
    for branch in ("body", "hand"):
        for name in ("hand_joint_idxs_left", "hand_joint_idxs_right"):
            limits[f"{branch}.head_pose.{name}"] = 136
        limits[f"{branch}.head_pose.nonhand_param_idxs"] = PARAMETER_COUNT
    for name, limit in limits.items():
        values = state[name]
        if values.numel() and not 0 <= int(values.min()) <= int(values.max()) < limit:
            raise ValueError(f"{name} has entries outside of 0 to {limit - 1}")
    parents = state["rig.skel_joint_parents"]
    if int(parents[0]) >= 0 or bool((parents >= torch.arange(joints)).any()) or bool((parents < -1).any()):
        raise ValueError("rig.skel_joint_parents is no tree of joints in order")
