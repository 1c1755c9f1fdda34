"""Loads the network from the file that a user has fetched, checked as a whole before anything of it is used."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..contract.errors import UserError
from ..hub.store import how_to_get, model_named
from .layout import ArrayInfo, check_layout, needed, our_name, prepared, read_sizes
from .network import Sam3dBody
from .rig import JOINT_COUNT, RigSizes, restricted

MODEL = "sam-3d-body"
"""Its name among the hub's models."""
_TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


def load_network(folder: Path, device: torch.device) -> Sam3dBody:
    """The network from the one safetensors file in a folder, ready to run on a device.

    UserError `model-damaged` where the folder does not hold one file of the public layout; says what is wrong with it.
    """
    files = sorted(folder.rglob("*.safetensors"))
    if len(files) != 1:
        raise _damaged(folder, f"it holds {len(files)} safetensors files instead of one")
    try:
        network = read_network(files[0])
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise _damaged(files[0], str(error).strip().partition("\n")[0]) from error
    return network.placed_on(device)


def read_network(file: Path) -> Sam3dBody:
    """The network before `Sam3dBody.placed_on`, its rig with those vertices alone that keypoints depend on.

    ValueError says what is wrong with the file.
    """
    with safe_open(file, framework="pt") as archive:
        names = {our_name(name): name for name in archive.keys()}  # noqa: SIM118  no mapping
        arrays = {ours: _info(archive.get_slice(name)) for ours, name in names.items()}
        sizes = read_sizes(arrays)
        check_layout(arrays, sizes)
        state = prepared({ours: archive.get_tensor(names[ours]) for ours in needed(sizes)})
    state = _without_unused_vertices(state)
    rig = {name.removeprefix("rig."): value for name, value in state.items() if name.startswith("rig.")}
    sizes = replace(
        sizes, rig=RigSizes(len(rig["base_shape"]), len(rig["lbs_skin_weights"]), rig["pose_corr_weight"].shape[1])
    )
    with torch.device("meta"):
        network = Sam3dBody(sizes)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _info(array: Any) -> ArrayInfo:
    kind = array.get_dtype()
    if kind not in _TYPES:
        raise ValueError(f"it has numbers of type {kind}")
    return ArrayInfo(_TYPES[kind], tuple(array.get_shape()))


def _without_unused_vertices(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state with the rig's skin where the keypoints are: they depend on a few hundred of 18,439 vertices."""
    mappings = [f"{branch}.head_pose.keypoint_mapping" for branch in ("body", "hand")]
    count = len(state["rig.base_shape"])
    used = torch.stack([(state[name][:, :count] != 0).any(0) for name in mappings]).any(0)
    vertices = used.nonzero()[:, 0]
    columns = torch.cat([vertices, torch.arange(count, count + JOINT_COUNT)])
    rig = {name.removeprefix("rig."): value for name, value in state.items() if name.startswith("rig.")}
    return {
        **state,
        **{f"rig.{name}": value for name, value in restricted(rig, vertices).items()},
        **{name: state[name][:, columns].contiguous() for name in mappings},
    }


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(
        "model-damaged",
        f"SAM 3D Body in {path} cannot be used: {reason}.",
        how_to_get(model_named(MODEL)),
    )
