"""A synthetic reconstruction made of the free body alone: two people who wave, turn around, crouch and touch.

Its kinematics and skinning are written from the equations, independently of the add-on, so that tests can compare Blender with
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

BODY_FILE = Path(__file__).resolve().parents[2] / "core" / "body" / "data" / "SMPLX_NEUTRAL.npz"
PEOPLE = 2
JOINTS = 55

_SMPLX_TO_WORLD = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=float)
"""SMPL-X rests Y up; the world is Z up."""


@dataclass(frozen=True)
class Made:
    """A reconstruction that was saved, with what tests need to compute its vertices. P = 2 people, T frames."""

    reconstruction: Any
    """`core.contract.reconstruction.Reconstruction`"""
    rotations: np.ndarray
    """[P,T,55,3,3] relative to the parent joint; for the pelvis from the rest pose to the world."""
    parents: np.ndarray
    """int [55]"""

    def vertices_inworld(self, person: int, frame: int) -> np.ndarray:
        """[V,3] by linear blend skinning without pose correctives."""
        motion, body = self.reconstruction.motion, self.reconstruction.body
        rest_joints = motion.rest_joints[person].astype(float)
        joints, rotations_inworld = forward_kinematics(
            self.rotations[person, frame], rest_joints, motion.pelvis[person, frame], self.parents
        )
        moved = np.einsum("jab,vb->vja", rotations_inworld, body.rest_vertices[person].astype(float))
        moved += (joints - np.einsum("jab,jb->ja", rotations_inworld, rest_joints))[None]
        rows = np.arange(len(moved))[:, None]
        return (body.skin_weights[..., None] * moved[rows, body.skin_joints]).sum(1)


def make_reconstruction(
    folder: Path,
    contract: ModuleType,
    *,
    frames: int = 25,
    frame_rate: float = 24.0,
    first_frame: int = 0,
    clip: Path | None = None,
    moving_camera: bool = False,
    take: str = "take-1",
    seed: int = 0,
) -> Made:
    """Save a reconstruction to `folder`.

    `contract` is `core.contract` as the code under test imports it, so that both use the same classes.
    """
    skeleton, record = contract.skeleton, contract.reconstruction
    parents = np.array(skeleton.PARENTS)
    body, betas, rest_joints = _two_bodies(contract)

    seconds = (first_frame + np.arange(frames)) / frame_rate
    pose, rotations, pelvis = _two_people_moving(seconds - seconds[0], seed, skeleton.JOINT_INDEX)
    joints, _ = forward_kinematics(rotations, rest_joints[:, None], pelvis, parents)
    confidence = np.ones((PEOPLE, frames, 22))
    hidden = [skeleton.JOINT_INDEX["left_elbow"], skeleton.JOINT_INDEX["left_wrist"]]
    confidence[0, frames // 2 :, hidden] = 0.1
    K, T_cw = _camera(seconds - seconds[0], moving_camera)

    f32 = np.float32
    motion = record.MotionArrays(
        frame_index=(first_frame + np.arange(frames)).astype(np.int32), time=seconds,
        body_pose=pose[:, :, 1:22].astype(f32), global_orient=pose[:, :, 0].astype(f32), pelvis=pelvis.astype(f32),
        left_hand_pose=pose[:, :, 25:40].astype(f32), right_hand_pose=pose[:, :, 40:55].astype(f32),
        jaw_pose=pose[:, :, 22].astype(f32), betas=betas.astype(f32), joints=joints.astype(f32),
        keypoints=np.zeros((PEOPLE, frames, 33, 3), f32), confidence=confidence.astype(f32),
        camera_K=K.astype(f32), camera_world=T_cw.astype(f32), rest_joints=rest_joints.astype(f32),
    )  # fmt: skip
    reconstruction = record.Reconstruction(
        motion,
        body,
        _info(folder, contract, first_frame, frames, frame_rate, clip, take, seed),
    )
    record.save(folder, reconstruction)
    return Made(reconstruction, axis_angle_to_matrix(_all_axis_angles(motion)), parents)


def add_take(folder: Path, contract: ModuleType, take: str, **options: Any) -> Made:
    """Save another take into a folder, beside those that it has, as Refine does. For the options see `make_reconstruction`."""
    record = contract.reconstruction
    listed = record.load_info(folder).takes
    made = make_reconstruction(folder, contract, take=take, **options)
    info = replace(made.reconstruction.info, takes=(*listed, *made.reconstruction.info.takes))
    record.save(folder, replace(made.reconstruction, info=info))
    return made


def make_two_takes(
    folder: Path, contract: ModuleType, takes: tuple[str, str] = ("take-1", "take-2"), frame_rate: float = 24.0
) -> tuple[Made, Made]:
    """Save a reconstruction with two takes, the second of which is active."""
    first = make_reconstruction(folder, contract, take=takes[0], seed=1, frame_rate=frame_rate)
    return first, add_take(folder, contract, takes[1], seed=2, frame_rate=frame_rate)


@cache
def free_body() -> dict[str, np.ndarray]:
    """Arrays of the body file; `shapes` [V,3,16] and `shape_joints` [55,3,16] are of the first 16 betas."""
    with np.load(BODY_FILE, allow_pickle=False) as file:
        body = {name: file[name] for name in ("v_template", "J_regressor", "weights", "f", "ft", "vt")}
        body["shapes"] = file["shapedirs"][..., :16].copy()
    body["shape_joints"] = np.einsum("jv,vdk->jdk", body["J_regressor"], body["shapes"])
    return body


def axis_angle_to_matrix(axis_angle: np.ndarray) -> np.ndarray:
    """[...,3] -> [...,3,3] by Rodrigues' formula."""
    angle = np.linalg.norm(axis_angle, axis=-1)[..., None, None]
    axis = axis_angle / np.maximum(angle[..., 0], 1e-12)
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis_angle.shape, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def matrix_to_axis_angle(matrices: np.ndarray) -> np.ndarray:
    """[...,3,3] -> [...,3] from the antisymmetric part, near half a turn from the symmetric one."""
    angle = np.arccos(np.clip((np.trace(matrices, axis1=-2, axis2=-1) - 1) / 2, -1, 1))
    flat, result = matrices.reshape(-1, 3, 3), np.zeros((angle.size, 3))
    for i, (m, a) in enumerate(zip(flat, angle.ravel())):
        axis = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
        if np.pi - a < 1e-3:
            values, vectors = np.linalg.eigh((m + m.T) / 2)
            line = vectors[:, values.argmax()]
            axis = line * (1 if line @ axis >= 0 else -1)
        length = np.linalg.norm(axis)
        result[i] = axis / length * a if length > 1e-12 else 0
    return result.reshape(*matrices.shape[:-2], 3)


def forward_kinematics(
    rotations: np.ndarray, rest_joints: np.ndarray, pelvis: np.ndarray, parents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions [...,55,3] and global rotations [...,55,3,3] of the joints from relative rotations [...,55,3,3]."""
    positions, global_rotations = np.empty(rotations.shape[:-1]), np.empty(rotations.shape)
    positions[..., 0, :], global_rotations[..., 0, :, :] = pelvis, rotations[..., 0, :, :]
    for joint in range(1, JOINTS):
        above = global_rotations[..., parents[joint], :, :]
        global_rotations[..., joint, :, :] = above @ rotations[..., joint, :, :]
        bone = rest_joints[..., joint, :] - rest_joints[..., parents[joint], :]
        positions[..., joint, :] = positions[..., parents[joint], :] + (above @ bone[..., None])[..., 0]
    return positions, global_rotations


def _two_people_moving(
    seconds: np.ndarray, seed: int, joint_index: dict[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axis-angles [P,T,55,3], relative rotations [P,T,55,3,3] and pelvis positions [P,T,3] of two people who face each other."""
    frames = len(seconds)
    rng = np.random.default_rng(seed)
    amplitude = rng.normal(0, 0.25, (PEOPLE, JOINTS, 3))
    speed = rng.uniform(2, 5, (PEOPLE, JOINTS, 1))
    pose = amplitude[:, None] * np.sin(speed[:, None] * seconds[None, :, None, None] + amplitude[:, None])
    pose[:, :, 23:25] = 0  # eyes
    pose[:, :, joint_index["right_shoulder"]] += (0.0, 0.9, 0.0)
    pose[:, :, joint_index["left_shoulder"]] += (0.0, 0.0, -1.0)
    pose[1, :, joint_index["left_knee"], 0] += 0.8 + 0.5 * np.sin(seconds)

    rotations = axis_angle_to_matrix(pose)
    pelvis = np.empty((PEOPLE, frames, 3))
    for person, (facing, side) in enumerate(((0.0, 0.45), (np.pi, -0.45))):
        # the second person turns past half a turn, where axis-angles wrap
        heading = facing + (2.5 * seconds if person else 0.3 * np.sin(seconds))
        about_z = axis_angle_to_matrix(np.stack([0 * heading, 0 * heading, heading], -1))
        rotations[person, :, 0] = about_z @ _SMPLX_TO_WORLD @ rotations[person, :, 0]
        pelvis[person, :, 0] = 0.1 * np.sin(seconds)
        pelvis[person, :, 1] = side + 0.05 * seconds
        pelvis[person, :, 2] = 0.95 + 0.05 * np.cos(3 * seconds)
    pose[:, :, 0] = matrix_to_axis_angle(rotations[:, :, 0])
    return pose, rotations, pelvis


def _camera(seconds: np.ndarray, moving: bool) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics [T,3,3] and extrinsics [T,4,4], world to camera."""
    K = np.tile(np.array([[700.0, 0, 330.0], [0, 700.0, 170.0], [0, 0, 1]]), (len(seconds), 1, 1))
    sway = 0.2 * np.sin(seconds) if moving else 0 * seconds
    T_cw = [_look_at(np.array([3.2 + x, -0.8, 1.5]), np.array([0.0, 0.0, 0.9])) for x in sway]
    return K, np.array(T_cw)


def _look_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """[4,4] from the world to a camera with x right, y down, z forward."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    matrix[:3, 3] = -matrix[:3, :3] @ position
    return matrix


@cache
def _two_bodies(contract: ModuleType) -> tuple[Any, np.ndarray, np.ndarray]:
    """The `BodyArrays` of the two people, their betas [P,16] and their joints at rest [P,55,3]. No array can be written to."""
    source = free_body()
    betas = np.zeros((PEOPLE, 16))
    betas[0, :3], betas[1, :3] = (1.0, -0.5, 0.3), (-1.0, 0.8, -0.2)
    vertices = source["v_template"] + np.einsum("vdk,pk->pvd", source["shapes"], betas)
    rest_joints = np.einsum("jv,pvd->pjd", source["J_regressor"], vertices)
    body = _body_arrays(vertices, contract)
    for array in (betas, rest_joints, *vars(body).values()):
        array.setflags(write=False)
    return body, betas, rest_joints


def _body_arrays(vertices: np.ndarray, contract: ModuleType) -> Any:
    source = free_body()
    order, weights = _strongest_weights()
    return contract.reconstruction.BodyArrays(
        faces=source["f"].astype(np.int32),
        uv=source["vt"][source["ft"].astype(int)].astype(np.float32),
        skin_joints=order.astype(np.int32),
        skin_weights=weights.astype(np.float32),
        rest_vertices=vertices.astype(np.float32),
        shape_vertices=source["shapes"].astype(np.float32),
        shape_joints=source["shape_joints"].astype(np.float32),
        vertex_region=_regions(source["weights"].argmax(1), contract.skeleton),
    )


@cache
def _strongest_weights() -> tuple[np.ndarray, np.ndarray]:
    """The eight joints of each vertex [V,8] that move it most, and their weights, with a sum of one."""
    of_body = free_body()["weights"]
    order = np.argsort(-of_body, axis=1)[:, :8]
    weights = np.take_along_axis(of_body, order, 1)
    return order, weights / weights.sum(1, keepdims=True)


def _regions(strongest_joint: np.ndarray, skeleton: ModuleType) -> np.ndarray:
    """A rough region for each vertex, int [V], from the joint that moves it most."""
    of_joint = {"head": "head", "neck": "neck", "spine3": "chest", "pelvis": "hips", "spine1": "belly"}
    for side in ("left", "right"):
        parts = {"shoulder": "upper_arm", "elbow": "forearm", "wrist": "palm", "hip": "thigh", "knee": "shin"}
        of_joint |= {f"{side}_{joint}": f"{side}_{region}" for joint, region in parts.items()}
        of_joint |= {f"{side}_ankle": f"{side}_foot", f"{side}_foot": f"{side}_foot"}
    numbers = [skeleton.REGIONS.index(of_joint[name]) if name in of_joint else -1 for name in skeleton.JOINTS]
    return np.array(numbers, dtype=np.int32)[strongest_joint]


def _info(
    folder: Path,
    contract: ModuleType,
    first_frame: int,
    frames: int,
    frame_rate: float,
    clip: Path | None,
    take: str,
    seed: int,
) -> Any:
    """Information with three contacts: a detected one, an enforced one with the ground, a rejected one."""
    record, contact, foot = contract.reconstruction, contract.contact.Contact, contract.foot_contact.FootContact
    last, middle = first_frame + frames - 1, first_frame + frames // 2
    return record.Info(
        clip={
            "path": str(clip or folder / "missing.mp4"), "width": 640, "height": 360, "frame_rate": frame_rate,
            "frames": [first_frame, last],
        },
        people=(record.Person(0, "Person 1", 0, 1.75), record.Person(1, "Person 2", 1, 1.65)),
        body={"id": "free body", "path": "default"},
        prompt="", prompt_source="none",
        contacts=(
            contact(0, "right_palm", 1, "right_palm", first_frame + 2, middle, 0.9, distance=0.012),
            contact(1, "left_foot", "ground", "ground", first_frame, last, 1.0, state="enforced"),
            contact(0, "head", 1, "chest", middle, last, 0.4, state="rejected"),
        ),
        take=take, takes=(record.Take(take, "", seed, 1.0, "reconstruct"),),
        foot_contacts=(foot(0, "left", first_frame, middle, confidence=0.9), foot(1, "right", middle, last, confidence=0.4)),
        warnings=(), seed=seed, device="cpu", versions={}, seconds={},
    )  # fmt: skip


def _all_axis_angles(motion: Any) -> np.ndarray:
    """Relative axis-angles [P,T,55,3] as they were saved in float32."""
    eyes = np.zeros((*motion.global_orient.shape[:2], 2, 3))
    return np.concatenate(
        [
            motion.global_orient[:, :, None], motion.body_pose, motion.jaw_pose[:, :, None], eyes,
            motion.left_hand_pose, motion.right_hand_pose,
        ],
        axis=2,
    ).astype(float)  # fmt: skip
