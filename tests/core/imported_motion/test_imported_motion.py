"""Motion of other tools is read from their files, checked, and placed over the people of the clip."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.contract.errors import UserError
from core.fitting.camera import KnownCamera, floor_from_extrinsics
from core.imported_motion import place_in_clip, read_imported_pair
from core.motion import PairMotion, pose_motion
from core.pipeline.cache import MemoryCache
from core.pipeline.nodes import nodes_of_detections
from core.pipeline.stage import Given, run
from core.progress import JobProgress
from tests.core.conftest import Recorder
from tests.core.fitting import synthetic


@pytest.fixture(scope="module")
def body():
    return load_body(None)


@pytest.fixture(scope="module")
def scene(body):
    return synthetic.scene(body)


def _plain(folder: Path, motion: PairMotion, people: tuple[int, ...], **more: Any) -> Path:
    file = folder / f"people{''.join(map(str, people))}.npz"
    picked = list(people)
    np.savez(
        file, global_orient=motion.global_orient[picked], body_pose=motion.body_pose[picked],
        transl=motion.pelvis[picked], **more,
    )  # fmt: skip
    return file


def _amass(folder: Path, motion_inworld: PairMotion, person: int, rate: float) -> Path:
    """A recording that shows each pose twice."""
    poses = np.zeros((motion_inworld.pelvis.shape[1], 165))
    poses[:, :3], poses[:, 3:66] = (
        motion_inworld.global_orient[person],
        motion_inworld.body_pose[person].reshape(-1, 63),
    )
    poses[:, 75:120] = motion_inworld.left_hand_pose[person].reshape(-1, 45)
    file = folder / f"person{person}_stageii.npz"
    trans = motion_inworld.pelvis[person] + (0.0, 0.2, 5.0)
    np.savez(file, poses=poses.repeat(2, 0), trans=trans.repeat(2, 0), mocap_frame_rate=rate)
    return file


def _errors(estimate, scene, body) -> tuple[float, float]:
    """Mean errors in metres of the joints about the pelvis, and of the pelvis."""
    ours, true = (pose_motion(body, each.motion_incam).joints[:, :, :22] for each in (estimate, scene.truth))
    centred = (ours - ours[:, :, :1]) - (true - true[:, :, :1])
    return float(centred.norm(dim=-1).mean()), float((ours - true)[:, :, 0].norm(dim=-1).mean())


def test_a_file_with_both_people_is_placed_over_them_in_either_order(scene, body, tmp_path):
    for people in ((0, 1), (1, 0)):
        pair = read_imported_pair([_plain(tmp_path, scene.truth.motion_incam, people)])
        pose_error, place_error = _errors(place_in_clip(pair, scene.observations, body), scene, body)
        assert pose_error < 0.03
        assert place_error < 0.3  # they are taller and smaller than the mean body that the keypoints place


def test_recordings_in_another_world_and_rate_are_turned_to_the_camera(scene, body, tmp_path):
    rate = 2 / float(np.median(np.diff(scene.observations.time)))  # twice the clip's
    files = [_amass(tmp_path, scene.motion, person, rate) for person in (1, 0)]
    estimate = place_in_clip(read_imported_pair(files), scene.observations, body)
    pose_error, _ = _errors(estimate, scene, body)
    assert pose_error < 0.05


def test_the_camera_that_the_user_knows_is_that_of_the_placed_motion(scene, body, tmp_path):
    pair = read_imported_pair([_plain(tmp_path, scene.truth.motion_incam, (0, 1))])
    known = KnownCamera(synthetic.FOV, pitch=14.0, roll=-6.0)
    clip = nodes_of_detections(Given(scene.detections, "clip"), known, Given(body, body.identity), Given(pair, "pair"))
    results: Any = run([clip.initial], MemoryCache(), JobProgress(Recorder()))
    pitch, roll, _ = floor_from_extrinsics(torch.from_numpy(results[clip.initial].camera.T_cw))
    np.testing.assert_allclose(np.degrees([pitch, roll]), [14.0, -6.0], atol=0.01)


def test_a_result_of_gvhmr_is_read_without_executing_a_pickle(scene, tmp_path):
    files = []
    for person in (0, 1):
        motion = scene.truth.motion_incam
        incam = {
            "global_orient": torch.from_numpy(motion.global_orient[person]),
            "body_pose": torch.from_numpy(motion.body_pose[person].reshape(-1, 63)),
            "transl": torch.from_numpy(motion.pelvis[person]),
            "betas": torch.zeros(1, 10),
        }
        files.append(tmp_path / f"hmr4d_results{person}.pt")
        torch.save({"smpl_params_incam": incam, "K_fullimg": torch.eye(3)}, files[-1])
    first, second = read_imported_pair(files)
    np.testing.assert_allclose(second.body_pose, scene.truth.motion_incam.body_pose[1], atol=1e-6)
    assert (first.frame_of_reference, first.frame_rate) == ("camera", 30.0)


class _Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


def test_pickles_are_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.pkl").write_bytes(pickle.dumps(_Evil()))
    torch.save({"smpl_params_incam": _Evil()}, tmp_path / "evil.pt")
    for name, code in (("demo.pkl", "initial-pickle"), ("evil.pt", "initial-unreadable")):
        with pytest.raises(UserError) as caught:
            read_imported_pair([tmp_path / name])
        assert caught.value.code == code
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"anything": np.zeros(3)}, "neither `global_orient` nor"),
        ({"global_orient": np.zeros((9, 3)), "body_pose": np.zeros((9, 63))}, "no numbers `transl`"),
        ({"global_orient": np.zeros((9, 3)), "body_pose": np.zeros((8, 63)), "transl": np.zeros((9, 3))}, "shapes"),
        (
            {"global_orient": np.full((9, 3), np.nan), "body_pose": np.zeros((9, 63)), "transl": np.zeros((9, 3))},
            "finite",
        ),
        (
            {"global_orient": np.zeros((9, 3)), "body_pose": np.zeros((9, 64)), "transl": np.zeros((9, 3))},
            r"shapes .*64",
        ),
        (
            {
                "global_orient": np.zeros((9, 1, 3, 3)),
                "body_pose": np.zeros((9, 21, 3, 3)),
                "transl": np.zeros((9, 3)),
            },
            "matrices, not axis-angles",
        ),
        ({"global_orient": np.zeros(()), "body_pose": np.zeros(()), "transl": np.zeros(())}, "shapes"),
        ({"poses": np.zeros((9, 99)), "trans": np.zeros((9, 3)), "mocap_framerate": 30}, r"`poses` has .*99"),
        ({"poses": np.zeros((9, 156)), "trans": np.zeros((9, 3)), "mocap_framerate": 0}, "frame rate"),
    ],
)
def test_a_file_that_is_not_valid_says_why(arrays, reason, tmp_path):
    np.savez(tmp_path / "person.npz", **arrays)
    with pytest.raises(UserError, match=reason):
        read_imported_pair([tmp_path / "person.npz"])


def test_one_person_alone_is_refused(scene, tmp_path):
    with pytest.raises(UserError, match="of 1 person, not of two"):
        read_imported_pair([_plain(tmp_path, scene.truth.motion_incam, (0,))])


def test_the_motion_of_another_clip_is_refused(scene, body, tmp_path):
    motion = scene.truth.motion_incam
    upside_down = motion.transformed(np.diag([1.0, -1.0, -1.0, 1.0]))
    with pytest.raises(UserError) as caught:
        place_in_clip(read_imported_pair([_plain(tmp_path, upside_down, (0, 1))]), scene.observations, body)
    assert caught.value.code == "initial-unlike"
    short = {name: getattr(motion, name)[:, :7] for name in ("global_orient", "body_pose")}
    np.savez(tmp_path / "short.npz", **short, transl=motion.pelvis[:, :7], frame_rate=30.0)
    with pytest.raises(UserError) as caught:
        place_in_clip(read_imported_pair([tmp_path / "short.npz"]), scene.observations, body)
    assert caught.value.code == "initial-short"


@pytest.mark.parametrize("shape", [(63,), (69,), (21, 3), (23, 3)])
@pytest.mark.parametrize("root", [(3,), (1, 3)])
def test_shapes_in_which_tools_save_a_body_are_read_alike(shape, root, tmp_path):
    draw = np.random.default_rng(1)
    pose, orient, transl = draw.normal(size=(2, 9, *shape)), draw.normal(size=(2, 9, 3)), draw.normal(size=(2, 9, 3))
    files = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for person, file in enumerate(files):
        arrays = {"global_orient": orient[person].reshape(9, *root), "transl": transl[person].reshape(9, *root)}
        np.savez(file, body_pose=pose[person], **arrays)
    np.savez(
        tmp_path / "both.npz",
        body_pose=pose,
        global_orient=orient.reshape(2, 9, *root),
        transl=transl.reshape(2, 9, *root),
    )
    for read in (read_imported_pair(files), read_imported_pair([tmp_path / "both.npz"])):
        for person, motion in enumerate(read):
            assert np.array_equal(motion.body_pose, pose[person].reshape(9, -1, 3)[:, :21])
            assert np.array_equal(motion.global_orient, orient[person])
            assert np.array_equal(motion.translation, transl[person])


def test_the_hands_of_the_only_person_who_has_some_are_kept(scene, body, tmp_path):
    with_hands = _amass(tmp_path, scene.motion, 0, 2 / float(np.median(np.diff(scene.observations.time))))
    _, other = read_imported_pair([_plain(tmp_path, scene.truth.motion_incam, (0, 1))])
    [one, _] = read_imported_pair([with_hands, with_hands])
    fist = np.full_like(one.body_pose[:, :15], 0.4)
    pair = replace(one, left_hand_pose=fist, right_hand_pose=fist), other
    placed = place_in_clip(pair, scene.observations, body).motion_incam
    np.testing.assert_allclose(placed.left_hand_pose[0], 0.4, atol=1e-4)
    assert np.abs(placed.left_hand_pose[1] - 0.4).max() > 0.1
