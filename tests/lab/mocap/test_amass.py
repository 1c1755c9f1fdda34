"""A synthetic folder in AMASS's layout: a person of another size walks along +Y with straight legs, Z up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.body.model import forward_kinematics, rest_joints
from core.body.rotations import axis_angle_to_matrix
from core.contract.errors import UserError
from core.contract.skeleton import JOINT_INDEX
from lab.mocap.capture import Capture
from lab.mocap.readers import amass

FRAMES, RATE = 241, 120.0
HEIGHT = 0.9
LEG = 0.78
"""Length of the recorded person's leg, from hip to sole, metres."""


def stiff_walk() -> tuple[np.ndarray, np.ndarray]:
    """Poses [T,66] that face +Y with legs swinging about the hips by up to 20 degrees, and the resulting path [T,3]."""
    seconds = np.arange(FRAMES) / RATE
    swing = np.radians(20) * np.sin(2 * np.pi * seconds)
    poses = np.zeros((FRAMES, 22, 3))
    # upright (+90 degrees about X) and then half a turn about Z: facing +Y
    poses[:, 0] = np.array([0, 1, 1]) / np.sqrt(2) * np.pi
    poses[:, JOINT_INDEX["left_hip"], 0] = -swing
    poses[:, JOINT_INDEX["right_hip"], 0] = swing
    # the leg that moves backwards supports the body, so the pelvis moves forwards
    way = np.concatenate([[0], np.cumsum(np.abs(np.diff(LEG * np.sin(swing))))])
    trans = np.stack([np.zeros(FRAMES), way, np.full(FRAMES, HEIGHT + 0.35)], 1)
    return poses.reshape(FRAMES, 66), trans


def write(path: Path, **changes: object) -> Path:
    poses, trans = stiff_walk()
    arrays = {
        "poses": np.concatenate([poses, np.zeros((FRAMES, 90))], 1),
        "trans": trans,
        "betas": np.full(16, 2.0),
        "dmpls": np.zeros((FRAMES, 8)),
        "gender": np.array({"an": "object"}, dtype=object),
        "mocap_framerate": np.array(RATE),
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})  # pyright: ignore
    return path


def joints(capture: Capture) -> np.ndarray:
    rest = rest_joints(load_body(None), torch.from_numpy(capture.betas)[None])[:, :22]
    angles = np.concatenate([capture.global_orient[:, None], capture.body_pose], 1)
    return forward_kinematics(axis_angle_to_matrix(torch.from_numpy(angles)), rest, torch.from_numpy(capture.pelvis))[
        0
    ].numpy()


def test_smplh_recordings_are_read_without_opening_pickled_arrays(tmp_path: Path) -> None:
    write(tmp_path / "BMLrub" / "rub012" / "0005_stiff_walk_poses.npz")
    (capture,) = amass.read(tmp_path)
    assert capture.source == "amass-BMLrub/rub012/0005_stiff_walk_poses"
    assert capture.subject == "amass-bmlrub-rub012"
    assert capture.text == ("stiff walk",)
    assert capture.rate == 30.0
    assert len(capture.pelvis) == 61  # two seconds with both ends
    assert not capture.betas.any()  # those of another body


def test_people_are_upright_on_the_floor_and_face_along_their_path(tmp_path: Path) -> None:
    (capture,) = amass.read(write(tmp_path / "S" / "1" / "a_poses.npz"))
    at = joints(capture)
    assert at[:, JOINT_INDEX["head"], 2].min() > 1.4
    soles = at[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]], 2]
    assert 0.0 < soles.min() < 0.06  # the joint is inside the foot
    ahead = at[:, JOINT_INDEX["left_hip"]] - at[:, JOINT_INDEX["right_hip"]]
    np.testing.assert_allclose(
        ahead[:, 0], -np.linalg.norm(ahead, axis=1), atol=1e-3
    )  # the left is -X, so the person faces +Y
    assert capture.pelvis[-1, 1] > capture.pelvis[0, 1] + 0.8


def test_the_path_is_scaled_to_the_length_of_our_legs(tmp_path: Path) -> None:
    """The recorded legs are shorter, so the path must become longer for standing feet to stay in place."""
    (capture,) = amass.read(write(tmp_path / "S" / "1" / "a_poses.npz"))
    rest = load_body(None).J_template.numpy()
    leg = rest[JOINT_INDEX["left_hip"], 1] - load_body(None).v_template[:, 1].min().item()
    _, trans = stiff_walk()
    assert np.ptp(capture.pelvis[:, 1]) == pytest.approx(np.ptp(trans[:, 1]) * leg / LEG, rel=0.04)


def test_smplx_recordings_are_read(tmp_path: Path) -> None:
    poses, _ = stiff_walk()
    write(
        tmp_path / "CMU" / "02" / "02_01_stageii.npz",
        poses=None,
        mocap_framerate=None,
        mocap_frame_rate=np.array(RATE),
        root_orient=poses[:, :3],
        pose_body=poses[:, 3:],
        surface_model_type=np.array("smplx"),
    )
    other = amass.read(write(tmp_path / "S" / "1" / "a_poses.npz"))[0]
    (capture,) = amass.read(tmp_path / "CMU")
    assert capture.subject == "cmu-02"  # the subject's name in CMU's own files
    assert capture.text == ()
    np.testing.assert_allclose(capture.body_pose, other.body_pose, atol=1e-6)
    np.testing.assert_allclose(capture.pelvis, other.pelvis, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trans": None}, "no `poses` and `trans`"),
        ({"mocap_framerate": None}, "frame rate"),
        ({"trans": np.zeros((7, 3))}, "7 frames"),
        ({"poses": np.full((FRAMES, 156), np.nan)}, "finite"),
        ({"poses": np.zeros((FRAMES, 12))}, "(241, 12)"),
    ],
)
def test_the_error_for_a_damaged_file_says_what_is_wrong(tmp_path: Path, changes: dict, message: str) -> None:
    path = write(tmp_path / "S" / "1" / "a_poses.npz", **changes)
    with pytest.raises(UserError) as error:
        amass.read(path)
    assert str(path) in error.value.message and message in error.value.message


def test_the_error_for_a_folder_without_recordings_describes_the_layout(tmp_path: Path) -> None:
    (tmp_path / "shape.npz").touch()
    with pytest.raises(UserError, match="NAME_poses"):
        amass.read(tmp_path)
