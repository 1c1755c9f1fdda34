"""Forward kinematics and skinning, against the smplx package on the same file and against themselves."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.body.files import DEFAULT_BODY, load_body
from core.body.model import BodyModel, forward_kinematics, linear_blend_skinning, rest_joints, rest_vertices
from core.body.rotations import axis_angle_to_matrix


def random_pose(batch: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """betas [B,16], axis-angles [B,55,3], pelvis [B,3]."""
    generator = torch.Generator().manual_seed(seed)
    betas = torch.randn(batch, 16, generator=generator)
    pose = torch.randn(batch, 55, 3, generator=generator) * 0.4
    return betas, pose, torch.randn(batch, 3, generator=generator)


def posed(body: BodyModel, betas, pose, pelvis):
    """joints [B,55,3] and vertices [B,V,3]."""
    rotations, rest = axis_angle_to_matrix(pose), rest_joints(body, betas)
    joints, world = forward_kinematics(rotations, rest, pelvis)
    return joints, linear_blend_skinning(body, betas, rotations, rest, joints, world)


def reference(file: Path, betas, pose, pelvis, rest):
    """The smplx package's joints and vertices; its translation moves the rest pelvis, ours places the pelvis."""
    smplx = pytest.importorskip("smplx")
    model = smplx.SMPLX(
        str(file), num_betas=16, batch_size=len(betas), use_pca=False, flat_hand_mean=True, use_face_contour=False
    )
    with torch.no_grad():
        out = model(
            betas=betas,
            global_orient=pose[:, 0],
            body_pose=pose[:, 1:22].flatten(1),
            jaw_pose=pose[:, 22],
            leye_pose=pose[:, 23],
            reye_pose=pose[:, 24],
            left_hand_pose=pose[:, 25:40].flatten(1),
            right_hand_pose=pose[:, 40:55].flatten(1),
            transl=pelvis - rest[:, 0],
        )
    return out.joints[:, :55], out.vertices


def test_agrees_with_smplx(body):
    betas, pose, pelvis = random_pose(3)
    joints, vertices = posed(body, betas, pose, pelvis)
    expected_joints, expected_vertices = reference(DEFAULT_BODY, betas, pose, pelvis, rest_joints(body, betas))
    assert (joints - expected_joints).norm(dim=-1).max() < 1e-5
    assert (vertices - expected_vertices).norm(dim=-1).max() < 1e-5


def test_agrees_with_smplx_on_a_file_with_pose_correctives(tmp_path, write_body):
    file = write_body(tmp_path / "SMPLX_NEUTRAL.npz", correctives=0.02)
    body = load_body(file)
    assert body.posedirs is not None
    betas, pose, pelvis = random_pose(2, seed=1)
    joints, vertices = posed(body, betas, pose, pelvis)
    expected_joints, expected_vertices = reference(file, betas, pose, pelvis, rest_joints(body, betas))
    assert (joints - expected_joints).norm(dim=-1).max() < 1e-5
    assert (vertices - expected_vertices).norm(dim=-1).max() < 1e-5
    plain = posed(replace(body, posedirs=None), betas, pose, pelvis)[1]
    assert (vertices - plain).norm(dim=-1).max() > 1e-3


def test_rest_pose_is_the_shaped_template(body):
    betas, _, _ = random_pose(2)
    rest = rest_joints(body, betas)
    joints, vertices = posed(body, betas, torch.zeros(2, 55, 3), rest[:, 0])
    assert torch.allclose(joints, rest, atol=1e-6)
    assert torch.allclose(vertices, rest_vertices(body, betas), atol=1e-5)


def test_pelvis_is_where_it_is_put(body):
    betas, pose, pelvis = random_pose(4)
    assert torch.equal(posed(body, betas, pose, pelvis)[0][:, 0], pelvis)


def test_22_joints_are_the_first_of_55(body):
    betas, pose, pelvis = random_pose(3)
    rotations, rest = axis_angle_to_matrix(pose), rest_joints(body, betas)
    all_joints, all_world = forward_kinematics(rotations, rest, pelvis)
    joints, world = forward_kinematics(rotations[:, :22], rest[:, :22], pelvis)
    assert torch.equal(joints, all_joints[:, :22])
    assert torch.equal(world, all_world[:, :22])


def test_people_by_frames_share_one_shape_a_person(body):
    """Leading axes [people, frames] with one shape a person give what single poses give."""
    betas, _, _ = random_pose(2)
    _, pose, pelvis = random_pose(6, seed=3)
    rotations = axis_angle_to_matrix(pose).reshape(2, 3, 55, 3, 3)
    some = body.subset(torch.arange(0, len(body.v_template), 97))
    rest = rest_joints(some, betas)[:, None]
    joints, world = forward_kinematics(rotations, rest, pelvis.reshape(2, 3, 3))
    vertices = linear_blend_skinning(some, betas[:, None], rotations, rest, joints, world)
    assert joints.shape == (2, 3, 55, 3)
    assert vertices.shape == (2, 3, len(some.v_template), 3)
    single_joints, single_vertices = posed(some, betas[1:], pose[5:], pelvis[5:])
    assert torch.allclose(joints[1, 2], single_joints[0], atol=1e-6)
    assert torch.allclose(vertices[1, 2], single_vertices[0], atol=1e-6)


def test_subset_skins_the_same_points(body):
    betas, pose, pelvis = random_pose(2)
    chosen = torch.tensor([5, 900, 12000, 3])
    every = posed(body, betas, pose, pelvis)[1]
    assert torch.allclose(posed(body.subset(chosen), betas, pose, pelvis)[1], every[:, chosen], atol=1e-6)


def test_gradients_at_the_rest_pose_are_finite_and_reach_everything(body):
    some = body.subset(torch.arange(0, len(body.v_template), 50))
    betas, pose, pelvis = (torch.zeros(*shape, requires_grad=True) for shape in ((1, 16), (1, 55, 3), (1, 3)))
    joints, vertices = posed(some, betas, pose, pelvis)
    weights = torch.randn(vertices.shape, generator=torch.Generator().manual_seed(0))
    ((vertices * weights).sum() + joints.sum()).backward()
    for value in (betas, pose, pelvis):
        assert value.grad is not None
        assert torch.isfinite(value.grad).all()
        assert (value.grad.abs().sum(-1) > 0).all()


def test_moves_to_another_precision_and_device_as_a_whole(body):
    moved = body.to("cpu")
    assert moved.identity == body.identity
    assert moved.faces.dtype == torch.int64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_same_on_the_gpu(body):
    betas, pose, pelvis = random_pose(2)
    expected = posed(body, betas, pose, pelvis)[1]
    found = posed(body.to("cuda"), betas.cuda(), pose.cuda(), pelvis.cuda())[1]
    assert (found.cpu() - expected).norm(dim=-1).max() < 1e-5
