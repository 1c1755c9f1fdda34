"""Exported files are read as other programs read them, with their kinematics instead of ours."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import smplx
import torch
import trimesh
from scipy.spatial.transform import Rotation

from core.body.files import DEFAULT_BODY
from core.contract.reconstruction import Reconstruction, save
from core.contract.rotations import quaternion_to_axis_angle
from core.contract.skeleton import JOINTS
from core.export import ExportSettings, export_reconstruction
from core.export.uniform_rate import resample_uniformly

CLIP = "clip"
Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Z up -> Y up."""


@pytest.fixture(scope="session")
def folder(made_up: Reconstruction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reconstruction")
    save(out, made_up)
    return out


def export_target(folder: Path, target: str, out: Path, **choices: Any) -> list[Path]:
    """The files without the JSON."""
    *paths, record = export_reconstruction(folder, ExportSettings(target, **choices), out)
    assert record.suffix == ".json"
    return paths


def test_smplx_poses_the_same_joints_from_an_amass_file(folder, tmp_path, made_up):
    paths = export_target(folder, "amass", tmp_path)
    assert [path.name for path in paths] == [f"{CLIP}_person-a.npz", f"{CLIP}_person-b.npz"]
    for person, path in enumerate(paths):
        file = np.load(path, allow_pickle=False)
        frames = len(file["poses"])
        model = smplx.SMPLX(
            str(DEFAULT_BODY), num_betas=16, use_pca=False, flat_hand_mean=True, batch_size=frames, dtype=torch.float64
        )
        poses = torch.from_numpy(file["poses"]).reshape(frames, 55, 3)
        output = model(
            betas=torch.from_numpy(file["betas"]).expand(frames, -1),
            transl=torch.from_numpy(file["trans"]),
            global_orient=poses[:, 0],
            body_pose=poses[:, 1:22].flatten(1),
            jaw_pose=poses[:, 22],
            leye_pose=poses[:, 23],
            reye_pose=poses[:, 24],
            left_hand_pose=poses[:, 25:40].flatten(1),
            right_hand_pose=poses[:, 40:55].flatten(1),
        )
        difference = output.joints[:, :55].detach().numpy() - made_up.motion.joints[person]
        assert np.abs(difference).max() < 1e-5
        assert file["mocap_frame_rate"] == file["mocap_framerate"] == pytest.approx(25)
        assert str(file["surface_model_type"]) == "smplx"
        parts = np.concatenate(
            [file[name] for name in ("root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand")], 1
        )
        np.testing.assert_array_equal(parts, file["poses"])


def read_bvh(path: Path) -> tuple[list[str], np.ndarray, float]:
    """Joint names, joints [T,J,3] from the file's hierarchy and channels, and the frame time."""
    hierarchy, motion = path.read_text().split("MOTION")
    names, offsets, parents, channels, stack = [], [], [], [], []
    for line in hierarchy.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT", "End"):
            parents.append(stack[-1] if stack else -1)
            names.append(" ".join(words[1:]))
            channels.append([])
        elif words[0] == "{":
            stack.append(len(names) - 1)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            offsets.append([float(word) for word in words[1:]])
        elif words[0] == "CHANNELS":
            channels[-1] = words[2:]
            assert len(channels[-1]) == int(words[1])
    lines = motion.strip().splitlines()
    count, frame_time = int(lines[0].split()[1]), float(lines[1].split()[2])
    values = np.array([[float(word) for word in line.split()] for line in lines[2:]])
    assert values.shape == (count, sum(len(names) for names in channels))
    positions = np.zeros((count, len(names), 3))
    rotations = np.tile(np.eye(3), (count, len(names), 1, 1))
    column = 0
    for joint, parent in enumerate(parents):
        translation = np.tile(np.array(offsets[joint]), (count, 1))
        rotation = np.tile(np.eye(3), (count, 1, 1))
        for channel in channels[joint]:
            axis = channel[0].lower()
            if channel.endswith("position"):
                translation[:, "xyz".index(axis)] += values[:, column]
            else:
                rotation = rotation @ Rotation.from_euler(axis, values[:, [column]], degrees=True).as_matrix()
            column += 1
        if parent < 0:
            positions[:, joint], rotations[:, joint] = translation, rotation
        else:
            positions[:, joint] = positions[:, parent] + (rotations[:, parent] @ translation[:, :, None])[..., 0]
            rotations[:, joint] = rotations[:, parent] @ rotation
    joints = [index for index, name in enumerate(names) if name != "Site"]
    return [names[index] for index in joints], positions[:, joints], frame_time


def test_a_bvh_file_gives_the_same_joints_in_centimetres(folder, tmp_path, made_up):
    for person, path in enumerate(export_target(folder, "bvh", tmp_path)):
        names, joints, frame_time = read_bvh(path)
        assert sorted(names) == sorted(JOINTS)
        expected = made_up.motion.joints[person][:, [JOINTS.index(name) for name in names]] @ Y_UP.T * 100
        assert np.abs(joints - expected).max() < 1e-3
        assert frame_time == pytest.approx(1 / 25)


def test_bvh_curves_have_no_jumps(made_up, tmp_path):
    motion = made_up.motion
    spin = np.zeros_like(motion.global_orient)
    spin[..., 1] = np.linspace(0, 12, spin.shape[1])
    spin = (Rotation.from_euler("x", 90, degrees=True) * Rotation.from_rotvec(spin.reshape(-1, 3))).as_rotvec()
    turning = replace(motion, global_orient=spin.reshape(motion.global_orient.shape).astype(np.float32))
    save(tmp_path, replace(made_up, motion=turning))
    path = export_target(tmp_path, "bvh", tmp_path / "out")[0]
    values = np.array([line.split() for line in path.read_text().splitlines() if re.match(r"^-?\d", line)], float)
    assert np.abs(np.diff(values[:, 3:6], axis=0)).max() < 90


def glb_parts(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    binary = 20 + size
    assert struct.unpack_from("<I4s", data, binary)[1] == b"BIN\0"
    return json.loads(data[20:binary]), data[binary + 8 :]


def glb_array(document: dict, binary: bytes, accessor: int) -> np.ndarray:
    entry = document["accessors"][accessor]
    view = document["bufferViews"][entry["bufferView"]]
    kind = {5126: np.float32, 5123: np.uint16, 5125: np.uint32}[entry["componentType"]]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
    return np.frombuffer(binary, kind, entry["count"] * width, view["byteOffset"]).reshape(entry["count"], width)


def test_a_glb_file_animates_both_skinned_people(folder, tmp_path, made_up):
    (path,) = export_target(folder, "gltf", tmp_path)
    document, binary = glb_parts(path)
    frame = 7
    rotations: dict[int, np.ndarray] = {}
    translations: dict[int, np.ndarray] = {}
    animation = document["animations"][0]
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        times = glb_array(document, binary, sampler["input"])[:, 0]
        np.testing.assert_allclose(times, np.arange(12) / 25, atol=1e-6)
        value = glb_array(document, binary, sampler["output"])[frame]
        (rotations if channel["target"]["path"] == "rotation" else translations)[channel["target"]["node"]] = value
    matrices: dict[int, np.ndarray] = {}

    def compute(index: int, parent: np.ndarray) -> None:
        node = document["nodes"][index]
        local = np.eye(4)
        local[:3, :3] = Rotation.from_quat(rotations.get(index, node.get("rotation", [0, 0, 0, 1]))).as_matrix()
        local[:3, 3] = translations.get(index, node.get("translation", [0, 0, 0]))
        matrices[index] = parent @ local
        for child in node.get("children", []):
            compute(child, matrices[index])

    for root in document["scenes"][0]["nodes"]:
        compute(root, np.eye(4))
    for person, skin in enumerate(document["skins"]):
        joints = np.array([matrices[node][:3, 3] for node in skin["joints"]])[1:]
        np.testing.assert_allclose(joints, made_up.motion.joints[person, frame] @ Y_UP.T, atol=1e-5)
        bind = glb_array(document, binary, skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        attributes = document["meshes"][person]["primitives"][0]["attributes"]
        points, which, weights = (
            glb_array(document, binary, attributes[name]) for name in ("POSITION", "JOINTS_0", "WEIGHTS_0")
        )
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        skinning = np.array([matrices[node] for node in skin["joints"]]) @ bind
        posed = np.einsum("vk,vkab,vb->va", weights, skinning[which], np.c_[points, np.ones(len(points))])[:, :3]
        # the skin follows the skeleton: the posed body is as tall as a person
        assert 1.2 < np.ptp(posed[:, 1]) < 2.3
        centre = made_up.motion.joints[person, frame].mean(0) @ Y_UP.T
        assert np.linalg.norm(posed.mean(0) - centre) < 0.4


def test_trimesh_opens_the_glb(folder, tmp_path, made_up):
    (path,) = export_target(folder, "gltf", tmp_path)
    scene = trimesh.load_scene(path)
    assert len(scene.geometry) == 2
    for person, mesh in enumerate(scene.geometry.values()):
        assert len(mesh.faces) == len(made_up.body.faces)
        extent = np.ptp(made_up.body.rest_vertices[person], axis=0)
        np.testing.assert_allclose(mesh.extents, extent, atol=1e-4)


def test_irregular_time_stamps_are_resampled(made_up):
    motion = made_up.motion
    time = motion.time - motion.time[0]
    uneven = np.sort(np.append(time[:-1] + np.tile([0, 0.02], 6)[:-1], time[-1]))
    uneven[0] = 0
    straight = np.zeros_like(motion.pelvis)
    straight[..., 0] = uneven
    turn = np.zeros_like(motion.global_orient)
    turn[..., 2] = uneven
    even = resample_uniformly(replace(motion, time=uneven, pelvis=straight, global_orient=turn))
    at = np.arange(12) / even.frame_rate
    assert even.frame_rate == pytest.approx(11 / time[-1])
    np.testing.assert_allclose(even.pelvis[0, :, 0], at, atol=1e-6)
    angles = quaternion_to_axis_angle(even.rotations[0, :, 0])[:, 2]
    np.testing.assert_allclose(angles, at, atol=1e-6)
    np.testing.assert_allclose(even.clip_frames[[0, -1]], made_up.motion.frame_index[[0, -1]])


def test_uniform_time_stamps_leave_the_frames_unchanged(made_up):
    even = resample_uniformly(made_up.motion)
    np.testing.assert_array_equal(even.pelvis, made_up.motion.pelvis)
    assert even.frame_rate == pytest.approx(25)
