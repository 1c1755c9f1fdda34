"""From the posed body to the detector's landmarks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.landmarks import LandmarkRegressor, read_landmark_weights, regress_landmarks
from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix
from core.contract.errors import UserError
from core.contract.files import write_npz
from core.contract.skeleton import JOINT_INDEX, JOINTS, LANDMARK_INDEX, LANDMARKS, mirrored
from core.motion import pose


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def regressor(body) -> LandmarkRegressor:
    return LandmarkRegressor.for_body(body)


def resting(body: BodyModel, regressor: LandmarkRegressor) -> torch.Tensor:
    return regress_landmarks(regressor, body.J_template, body.v_template[regressor.vertices])


def test_landmarks_lie_on_the_part_of_the_body_that_they_name(body, regressor):
    points = resting(body, regressor)
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        for side in ("left", "right"):
            away = points[LANDMARK_INDEX[f"{side}_{name}"]] - body.J_template[JOINT_INDEX[f"{side}_{name}"]]
            assert away.norm() < 0.09, (side, name)
    nose, ear = points[LANDMARK_INDEX["nose"]], points[LANDMARK_INDEX["left_ear"]]
    assert nose[2] > ear[2] + 0.05 and abs(nose[0]) < 0.01
    heel, toes = points[LANDMARK_INDEX["left_heel"]], points[LANDMARK_INDEX["left_foot_index"]]
    assert toes[2] > heel[2] + 0.15


def test_left_and_right_are_mirror_images(body, regressor):
    points = resting(body, regressor)
    twins = points[[LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS]] * torch.tensor([-1.0, 1.0, 1.0])
    assert (points - twins).norm(dim=-1).max() < 0.002


def test_landmarks_move_rigidly_with_the_body(body, regressor):
    torch.manual_seed(0)
    rotations = axis_angle_to_matrix(0.2 * torch.randn(1, 1, len(JOINTS), 3))
    betas = torch.randn(1, 16)
    turn, shift = axis_angle_to_matrix(torch.tensor([0.3, -1.2, 2.0])), torch.tensor([0.4, -3.0, 7.0])
    turned = rotations.clone()
    turned[:, :, 0] = turn @ rotations[:, :, 0]
    placed = []
    for given, pelvis in ((rotations, torch.zeros(1, 1, 3)), (turned, shift.expand(1, 1, 3))):
        posed = pose(body, given, pelvis, betas)
        placed.append(regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices))))
    assert torch.allclose(placed[0] @ turn.T + shift, placed[1], atol=1e-4)


def test_another_mesh_of_the_same_body_gives_the_same_landmarks(body, regressor):
    order = torch.randperm(len(body.v_template), generator=torch.Generator().manual_seed(1))
    directions = body.posedirs
    if directions is not None:
        directions = directions.unflatten(0, (-1, 3))[order].flatten(0, 1)
    shuffled = dataclasses.replace(
        body,
        v_template=body.v_template[order],
        shapedirs=body.shapedirs[order],
        posedirs=directions,
        lbs_weights=body.lbs_weights[order],
    )
    again = LandmarkRegressor.for_body(shuffled)
    assert torch.allclose(resting(shuffled, again), resting(body, regressor), atol=1e-5)


def test_a_file_of_landmarks_that_is_not_this_versions_is_named_with_a_way_out(tmp_path):
    path = tmp_path / "landmarks.npz"
    joint = np.zeros(3)
    for arrays in ({"joint": joint}, {"joint": joint, "offset": np.zeros((3, 3)), "weights": np.zeros(7)}):
        write_npz(path, arrays)
        with pytest.raises(UserError) as caught:
            read_landmark_weights(path)
        assert caught.value.code == "file-damaged" and "install the extension again" in caught.value.hint
    path.write_bytes(b"no npz")
    with pytest.raises(UserError) as caught:
        read_landmark_weights(path)
    assert caught.value.code == "file-unreadable" and "install the extension again" in caught.value.hint
