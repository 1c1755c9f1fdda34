"""What the user chooses for an export: roots, origins, frames, weights, names, and the JSON beside the files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.reconstruction import Reconstruction, save
from core.contract.skeleton import BONES, JOINTS
from core.export import TARGETS, ExportSettings, export_reconstruction
from core.export.animation import Animation
from core.export.bone_names import NAME_SETS
from core.export.bvh import euler_zxy
from core.export.from_reconstruction import animation_of
from core.export.placement import place
from core.export.weights import limit_weights


@pytest.fixture
def walk(made_up: Reconstruction) -> Animation:
    """Five seconds of two people who walk a curve and sway with every step."""
    frames, rate = 150, 30
    time = np.arange(frames) / rate
    sway = np.sin(2 * np.pi * 1.8 * time)
    motion = made_up.motion
    pelvis = np.stack([np.stack([0.05 * sway, -time, 0.95 + 0.02 * sway], -1)] * 2)
    turn = Rotation.from_rotvec(np.c_[time * 0, time * 0, 0.3 * time + 0.25 * sway]) * Rotation.from_euler(
        "x", 90, degrees=True
    )
    longer = {
        name: np.repeat(getattr(motion, name)[:, :1], frames, 1)
        for name in ("body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose", "joints")
    }
    motion = replace(
        motion,
        **longer,
        pelvis=pelvis,
        global_orient=np.stack([turn.as_rotvec()] * 2),
        time=time,
        frame_index=np.arange(20, 20 + frames),
    )
    return animation_of(replace(made_up, motion=motion))


def yaw_rates(animation: Animation) -> np.ndarray:
    """Degrees a second of the first person's root."""
    axes = animation.people[0].rotations[:, 0, :, 0]
    return np.abs(np.degrees(np.diff(np.unwrap(np.arctan2(axes[:, 1], axes[:, 0]))))) * animation.frame_rate


def test_a_smoothed_root_keeps_the_way_and_loses_the_sway(walk):
    raw = place(walk, ExportSettings(root="raw")).animation
    smoothed = place(walk, ExportSettings(root="smoothed")).animation
    assert yaw_rates(raw).max() > 120
    assert yaw_rates(smoothed).max() < 40
    way = smoothed.people[0].positions[:, 0]
    assert np.abs(way[:, 0]).max() < 0.02 and np.abs(way[:, 1] + np.arange(150) / 30).max() < 0.02
    for before, after in zip(raw.people, smoothed.people):
        np.testing.assert_array_equal(before.positions[:, 1:], after.positions[:, 1:])
        np.testing.assert_array_equal(before.rotations[:, 1:], after.rotations[:, 1:])


def test_a_root_in_place_stands_still(walk):
    person = place(walk, ExportSettings(root="in-place")).animation.people[0]
    assert np.ptp(person.positions[:, 0], 0).max() == 0 and np.ptp(person.rotations[:, 0], 0).max() == 0
    assert np.ptp(person.positions[:, 1], 0)[1] > 4


def test_people_are_exported_around_the_chosen_origin(made_up):
    animation = animation_of(made_up)
    ground = made_up.motion.pelvis[:, 0] * (1, 1, 0)
    for choice, point in (("world", np.zeros(3)), ("centre", ground.mean(0)), ("feet", ground[0])):
        placed = place(animation, ExportSettings(origin=choice))
        np.testing.assert_allclose(placed.origin_inworld, point, atol=1e-6)
        for person, joints in zip(placed.animation.people, made_up.motion.joints):
            np.testing.assert_allclose(person.positions[:, 1:], joints - point, atol=1e-5)


def test_a_range_of_the_clips_frames(walk):
    placed = place(walk, ExportSettings(frames=(30, 49)))
    assert placed.animation.clip_frames[[0, -1]].tolist() == [30, 49]
    assert len(placed.animation.people[1].positions) == 20
    with pytest.raises(UserError, match="holds no frame"):
        place(walk, ExportSettings(frames=(500, None)))


def test_limited_weights_sum_to_one_and_keep_the_largest():
    draw = np.random.default_rng(0)
    weights = draw.random((200, 8)) * (draw.random((200, 8)) < 0.7)
    weights[0] = 0
    bones, kept = limit_weights(np.tile(np.arange(8), (200, 1)), weights, 4)
    np.testing.assert_allclose(kept.sum(1), 1)
    for vertex in range(1, 200):
        largest = np.sort(weights[vertex])[::-1][:4]
        np.testing.assert_allclose(kept[vertex], largest / largest.sum())
        np.testing.assert_allclose(weights[vertex][bones[vertex]][kept[vertex] > 0], largest[largest > 0])
    narrow = limit_weights(np.array([[3, 5]]), np.array([[0.4, 0.4]]), 8)
    assert narrow[0].shape == (1, 8) and narrow[1].tolist() == [[0.5, 0.5, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("name_set", NAME_SETS)
def test_every_set_names_every_bone_once(name_set):
    names = NAME_SETS[name_set]
    assert set(names) == set(BONES) and len({name.casefold() for name in names.values()}) == len(BONES)


def test_names_that_engines_map_by_themselves():
    """Samples from the engines' own skeletons; SMPL's joints begin where the bones of others do."""
    wanted = {
        "manny": {"left_shoulder": "upperarm_l", "left_collar": "clavicle_l", "right_ankle": "foot_r"},
        "mixamo": {
            "left_shoulder": "mixamorig:LeftArm",
            "spine3": "mixamorig:Spine2",
            "right_pinky2": "mixamorig:RightHandPinky2",
        },
        "unity": {"left_shoulder": "LeftUpperArm", "left_thumb1": "LeftThumbProximal"},
        "godot": {
            "left_collar": "LeftShoulder",
            "left_thumb1": "LeftThumbMetacarpal",
            "right_pinky3": "RightLittleDistal",
        },
    }
    for name_set, samples in wanted.items():
        assert {bone: NAME_SETS[name_set][bone] for bone in samples} == samples


def test_euler_angles_rebuild_their_rotation():
    matrices = Rotation.random(500, rng=np.random.default_rng(0)).as_matrix()
    locked = Rotation.from_euler("ZXY", [[30, 90, 40], [10, -90, 0]], degrees=True).as_matrix()
    for each in (matrices, locked):
        back = Rotation.from_euler("ZXY", euler_zxy(each)).as_matrix()
        np.testing.assert_allclose(back, each, atol=1e-9)


def test_the_json_says_what_the_files_do_not(made_up: Reconstruction, tmp_path: Path):
    early = Contact(0, "left_palm", 1, "right_palm", 0, 5)
    late = Contact(0, "chest", 1, "chest", 7, 9)
    rejected = Contact(0, "head", 1, "head", 5, 9, state="rejected")
    info = replace(made_up.info, contacts=(early, late, rejected))
    save(tmp_path, replace(made_up, info=info))
    settings = ExportSettings("gltf", origin="centre", frames=(4, 6))
    *files, path = export_reconstruction(tmp_path, settings, tmp_path / "out")
    record = json.loads(path.read_text())
    assert (record["frame_rate"], record["frames"], record["clip_frames"]) == (25, 3, [4, 6])
    assert [(c["id"], c["frame_start"], c["frame_end"]) for c in record["contacts"]] == [(early.id, 0, 1)]
    assert [person["files"] for person in record["people"]] == [[files[0].name]] * 2
    assert [person["bones"]["pelvis"] for person in record["people"]] == ["A_pelvis", "B_pelvis"]
    starts = np.array([person["start"]["position"] for person in record["people"]])
    np.testing.assert_allclose(starts.mean(0), 0, atol=1e-6)
    pelvis = made_up.motion.pelvis[:, 4] * (1, 1, 0)
    np.testing.assert_allclose(
        np.linalg.norm(record["offset_a_to_b"]["position"]), np.linalg.norm(pelvis[1] - pelvis[0]), rtol=1e-4
    )


def test_choices_that_do_not_exist_are_refused(made_up: Reconstruction, tmp_path: Path):
    save(tmp_path, made_up)
    for settings in (ExportSettings("maya"), ExportSettings("gltf", root="wild"), ExportSettings("gltf", weights=5)):
        with pytest.raises(UserError) as caught:
            export_reconstruction(tmp_path, settings, tmp_path / "out")
        assert caught.value.code == "bad-export"
    with pytest.raises(UserError) as caught:
        export_reconstruction(tmp_path, ExportSettings("unreal"), tmp_path / "out")
    assert caught.value.code == "needs-blender" and "Unreal" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_every_target_names_a_set_and_a_format():
    assert all(target.names in NAME_SETS and target.weights in (4, 8) for target in TARGETS.values())
    assert len(JOINTS) == 55
