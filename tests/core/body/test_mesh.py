"""The arrays that Blender builds its meshes from."""

import torch

from core.body.mesh import body_arrays
from core.body.model import forward_kinematics, linear_blend_skinning, rest_joints, rest_vertices
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import REGIONS


def test_arrays_skin_like_the_body(body):
    """Skinning as Blender does it, with at most 8 weights a vertex, moves no vertex by more than a millimetre."""
    assert body.posedirs is None, "the free body must not need what an armature cannot express"
    generator = torch.Generator().manual_seed(0)
    betas = torch.randn(2, 16, generator=generator)
    arrays = body_arrays(body, betas)
    rotations = axis_angle_to_matrix(torch.randn(2, 55, 3, generator=generator) * 0.4)
    rest = rest_joints(body, betas)
    joints, world = forward_kinematics(rotations, rest, torch.zeros(2, 3))
    expected = linear_blend_skinning(body, betas, rotations, rest, joints, world)

    index, weights = torch.from_numpy(arrays.skin_joints).long(), torch.from_numpy(arrays.skin_weights)
    rest_skin = torch.from_numpy(arrays.rest_vertices)
    local = rest_skin[:, :, None] - rest[:, index]
    moved = (world[:, index] @ local[..., None])[..., 0] + joints[:, index]
    found = (moved * weights[None, ..., None]).sum(2)
    assert (found - expected).norm(dim=-1).max() < 1e-3


def test_sliders_move_the_mesh_as_the_core_does(body):
    betas = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    arrays = body_arrays(body, torch.zeros(2, 16))
    shaped = torch.from_numpy(arrays.rest_vertices) + torch.einsum(
        "vdk,pk->pvd", torch.from_numpy(arrays.shape_vertices), betas
    )
    assert torch.allclose(shaped, rest_vertices(body, betas), atol=1e-5)
    moved = body.J_template + torch.einsum("jdk,pk->pjd", torch.from_numpy(arrays.shape_joints), betas)
    assert torch.allclose(moved, rest_joints(body, betas), atol=1e-5)


def test_types_and_shapes_of_the_contract(body):
    arrays = body_arrays(body, torch.zeros(2, 16))
    count, faces = len(body.v_template), len(body.faces)
    shapes = {name: (value.dtype.name, value.shape) for name, value in vars(arrays).items()}
    assert shapes == {
        "faces": ("int32", (faces, 3)),
        "uv": ("float32", (faces, 3, 2)),
        "skin_joints": ("int32", (count, 8)),
        "skin_weights": ("float32", (count, 8)),
        "rest_vertices": ("float32", (2, count, 3)),
        "shape_vertices": ("float32", (count, 3, 16)),
        "shape_joints": ("float32", (55, 3, 16)),
        "vertex_region": ("int32", (count,)),
    }
    assert abs(arrays.skin_weights.sum(1) - 1).max() < 1e-6
    assert arrays.vertex_region.max() == len(REGIONS) - 1
