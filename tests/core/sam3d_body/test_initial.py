"""What SAM 3D Body finds becomes our body's motion: the joint table, the fit, and how sure the result is of each joint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.model import forward_kinematics
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from core.contract.skeleton import JOINT_INDEX, JOINTS
from core.fitting.prior import JointPrior, fused
from core.motion import BODY_COUNT, pose_motion
from core.sam3d_body.initial import initial_from_lifted
from core.sam3d_body.lifting import LiftedPeople, person_boxes
from core.sam3d_body.skeleton import PLACES, RIG_JOINT, RestPose, lifted
from tests.core.fitting import synthetic
from tests.core.sam3d_body.tiny import rest_skeleton


@pytest.fixture(scope="module")
def body():
    return load_body(None)


@pytest.fixture(scope="module")
def scene(body):
    return synthetic.scene(body, frames=16)


def _seen_by_a_network(scene, body, noise: float = 0.0, turned: np.ndarray | None = None) -> LiftedPeople:
    """The truth as the rig would show it, with noise in every joint's place; `turned`: rotations of each frame's camera."""
    truth = pose_motion(body, scene.truth.motion_incam)
    rest = rest_skeleton()
    frames = truth.joints.shape[1]
    to_frame = torch.eye(3).expand(frames, 3, 3) if turned is None else torch.from_numpy(turned).float().mT
    joints = torch.zeros(2, frames, 127, 3)
    rotations = torch.eye(3).repeat(2, frames, 127, 1, 1)
    for name, place in RIG_JOINT.items():
        joint = JOINT_INDEX[name]
        joints[:, :, place] = truth.joints[:, :, joint]
        change = truth.global_rotations[:, :, joint] @ rest.ours[joint].T
        rotations[:, :, place] = change @ rest.rotations[place]
    for ankle, carrier in ((4, 7), (20, 23)):
        change = rotations[:, :, ankle] @ rest.rotations[ankle].T
        rotations[:, :, carrier] = change @ rest.rotations[carrier]
    joints = joints + noise * torch.randn(joints.shape, generator=torch.Generator().manual_seed(3))
    joints = (to_frame[:, None] @ joints[..., None])[..., 0]
    K = scene.observations.K
    keypoints = torch.zeros(2, frames, 70, 2)
    compared = {5: 75, 6: 39, 7: 76, 8: 40, 9: 2, 10: 18, 11: 3, 12: 19, 13: 4, 14: 20, 41: 42, 62: 78}
    for keypoint, place in compared.items():
        pixels = joints[:, :, place] @ K.T
        keypoints[:, :, keypoint] = pixels[..., :2] / pixels[..., 2:]
    return LiftedPeople(
        joints.numpy(),
        (to_frame[:, None] @ rotations).numpy(),
        keypoints.numpy(),
        np.ones((2, frames, 2), bool),
        np.ones((2, frames), bool),
        rest.joints.numpy(),
        rest.rotations.numpy(),
    )


def _still(frames: int) -> np.ndarray:
    return np.tile(np.eye(3), (frames, 1, 1))


def _initial(people: LiftedPeople, scene, body, turning: np.ndarray | None = None):
    frames = people.known.shape[1]
    return initial_from_lifted(
        people, _still(frames) if turning is None else turning, scene.observations, body, scene.camera
    )


def _errors(estimate, scene, body) -> torch.Tensor:
    """metres [P,T,22] of joints about the pelvis, for people of the mean size."""
    ours, true = (pose_motion(body, each.motion_incam).joints[:, :, :BODY_COUNT] for each in (estimate, scene.truth))
    size = torch.tensor(
        [float(pose_motion(body, scene.truth.motion_incam).rest[i, 0, :BODY_COUNT].norm()) for i in (0, 1)]
    )
    size = size / float(body.J_template[:BODY_COUNT].norm())
    relative = (true - true[:, :, :1]) / size[:, None, None, None]
    return ((ours - ours[:, :, :1]) - relative).norm(dim=-1)


def test_every_joint_has_its_own_place_in_the_rig():
    assert len(set(RIG_JOINT.values())) == len(RIG_JOINT) == len(JOINTS) - 3  # jaw and eyes stay with the head
    for name, place in RIG_JOINT.items():
        mirrored = name.replace("left_", "right_")
        if name.startswith("left_"):
            assert place != RIG_JOINT[mirrored]


def test_the_table_gives_a_pose_back_whatever_the_rigs_rest_pose_and_axes(body):
    rest = rest_skeleton()
    pose = RestPose.of(body, rest.joints, rest.rotations)
    angles = 0.5 * torch.randn(6, len(JOINTS), 3, generator=torch.Generator().manual_seed(1))
    angles[:, 22:25] = 0
    angles[:, [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]] = 0  # nothing to share with the forearm
    matrices = axis_angle_to_matrix(angles)
    joints, world = forward_kinematics(matrices, body.J_template.expand(6, -1, -1), torch.tensor([0.2, -0.1, 3.0]))
    places, axes = torch.zeros(6, 127, 3), torch.zeros(6, 127, 3, 3)
    for name, place in RIG_JOINT.items():
        joint = JOINT_INDEX[name]
        places[:, place] = joints[:, joint]
        axes[:, place] = world[:, joint] @ rest.ours[joint].T @ rest.rotations[place]
    for ankle, carrier in ((4, 7), (20, 23)):
        axes[:, carrier] = axes[:, ankle] @ rest.rotations[ankle].T @ rest.rotations[carrier]
    found = lifted(places, axes, pose)
    torch.testing.assert_close(found.joints, joints[:, :BODY_COUNT], atol=2e-3, rtol=0)
    torch.testing.assert_close(found.sizes, torch.ones(6), atol=1e-4, rtol=0)
    off = matrix_to_axis_angle(found.rotations.mT @ matrices).norm(dim=-1)
    arms = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("shoulder", "elbow", "wrist")]
    assert float(off[:, arms].max()) < 0.15  # a rest pose does not say how an upper arm rolls
    off[:, arms] = 0
    assert float(off.max()) < 1e-3
    assert PLACES[JOINT_INDEX["jaw"]] == RIG_JOINT["head"]


def test_half_of_a_rolled_hand_goes_to_the_forearm(body):
    rest = rest_skeleton()
    pose = RestPose.of(body, rest.joints, rest.rotations)
    axes = rest.rotations[None].clone()
    forearm = torch.nn.functional.normalize(rest.joints[78] - rest.joints[76], dim=0)
    axes[:, 78:101] = axis_angle_to_matrix(1.2 * forearm) @ axes[:, 78:101]
    found = lifted(rest.joints[None], axes, pose)
    wrist = matrix_to_axis_angle(found.rotations[0, JOINT_INDEX["left_wrist"]])
    assert float(wrist.norm()) == pytest.approx(0.6, abs=0.08)


def test_people_as_the_rig_shows_them_come_back_as_our_bodies(scene, body):
    estimate = _initial(_seen_by_a_network(scene, body), scene, body)
    assert estimate is not None and estimate.prior is not None
    errors = _errors(estimate, scene, body)
    assert float(errors.mean()) < 0.015
    truth = pose_motion(body, scene.truth.motion_incam).joints[:, :, :BODY_COUNT].numpy()
    # one K for the whole clip: how far away people are is known, too
    assert np.abs(estimate.prior.joints_incam[:, :, 0] - truth[:, :, 0]).max() < 0.06
    fingers = slice(2 * -15, None)
    ours, true = (pose_motion(body, each.motion_incam).rotations[:, :, fingers] for each in (estimate, scene.truth))
    assert float(matrix_to_axis_angle(ours.mT @ true).norm(dim=-1).median()) < 0.05


def test_noise_gaps_and_frames_of_the_other_person_are_bridged(scene, body):
    people = _seen_by_a_network(scene, body, noise=0.02)
    known = people.known.copy()
    known[0, 4:7] = False
    joints, keypoints, rotations = (each.copy() for each in (people.joints, people.keypoints, people.rotations))
    for array in (joints, keypoints, rotations):
        array[1, 9] = array[0, 9]  # once it looks at the other one
    people = replace(people, known=known, joints=joints, keypoints=keypoints, rotations=rotations)
    estimate = _initial(people, scene, body)
    assert estimate is not None and estimate.prior is not None
    assert float(_errors(estimate, scene, body).mean()) < 0.03
    prior = estimate.prior
    assert prior.sigma_across[0, 5].mean() > 2 * prior.sigma_across[0, 10].mean()
    assert prior.sigma_across[1, 9].mean() > 2 * prior.sigma_across[1, 13].mean()


def test_a_joint_is_known_better_across_the_ray_than_along_and_seen_than_hidden(scene, body):
    estimate = _initial(_seen_by_a_network(scene, body), scene, body)
    assert estimate is not None and estimate.prior is not None
    prior = estimate.prior
    assert (prior.sigma_along > prior.sigma_across).all()
    elbow, hidden = JOINT_INDEX["left_elbow"], scene.hidden
    seen = [t for t in range(16) if t not in hidden]
    assert prior.sigma_across[0, list(hidden), elbow].min() > prior.sigma_across[0, seen, elbow].max()


def test_a_camera_that_turns_is_taken_out(scene, body):
    angles = np.linspace(-0.1, 0.1, 16)[:, None] * np.array([0.0, 1.0, 0.0])
    turning = axis_angle_to_matrix(torch.from_numpy(angles)).numpy()
    still = _initial(_seen_by_a_network(scene, body), scene, body)
    turned = _initial(_seen_by_a_network(scene, body, turned=turning), scene, body, turning)
    assert turned is not None and still is not None
    np.testing.assert_allclose(turned.motion_incam.pelvis, still.motion_incam.pelvis, atol=5e-3)


def test_people_who_are_not_those_of_the_clip_are_not_taken(scene, body):
    people = _seen_by_a_network(scene, body)
    swapped = replace(
        people, **{name: getattr(people, name)[::-1].copy() for name in ("joints", "rotations", "keypoints")}
    )
    assert _initial(swapped, scene, body) is None
    assert _initial(LiftedPeople.nobody(2, 16), scene, body) is None


def test_boxes_hold_what_is_seen_and_stay_in_the_picture(scene):
    boxes = person_boxes(scene.detections)
    seen = scene.detections.keypoints[..., 2] > 0.3
    pixels = scene.detections.keypoints[..., :2].clip(0, [synthetic.WIDTH, synthetic.HEIGHT])
    assert (pixels[seen] >= boxes[:, :, None, :2].repeat(33, 2)[seen] - 1e-3).all()
    assert boxes[..., :2].min() >= 0 and boxes[..., 2].max() <= synthetic.WIDTH
    nobody = replace(scene.detections, found=np.zeros_like(scene.detections.found))
    assert not np.isfinite(person_boxes(nobody)).any()


def test_two_priors_meet_where_the_surer_one_is(body):
    def prior(x: float, z: float, along: float, across: float) -> JointPrior:
        joints = np.zeros((2, 1, 22, 3), np.float32)
        joints[..., 0], joints[..., 2] = x, z
        return JointPrior(joints, np.full((2, 1, 22), along, np.float32), np.full((2, 1, 22), across, np.float32))

    # the first knows the picture, the second the depth
    both = fused(prior(0.0, 3.0, 0.5, 0.01), prior(0.2, 4.0, 0.05, 0.1))
    assert both.joints_incam[0, 0, 0, 2] == pytest.approx(3.99, abs=0.01)
    assert both.joints_incam[0, 0, 5, 0] == pytest.approx(0.002, abs=0.001)
    assert (both.sigma_along < 0.05).all() and (both.sigma_across < 0.01).all()
