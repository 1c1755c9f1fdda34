"""A reconstruction made from nothing but the free body file: two people who wave, turn, crouch and touch.

Its own kinematics and skinning, in numpy straight from the equations, are what the tests compare Blender with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

BODY_FILE = Path(__file__).resolve().parents[2] / "core" / "body" / "data" / "SMPLX_NEUTRAL.npz"
PEOPLE = 2
JOINTS = 55


@dataclass(frozen=True)
class Made:
    """What was saved, with the matrices that tests need. `turns` [P,T,55,3,3] are relative rotations."""

    reconstruction: Any
    """`core.contract.reconstruction.Reconstruction`"""
    turns: np.ndarray
    parents: np.ndarray

    def vertices(self, person: int, frame: int) -> np.ndarray:
        """[V,3] world, by linear blend skinning without pose correctives."""
        motion, body = self.reconstruction.motion, self.reconstruction.body
        rest = motion.rest_joints[person].astype(float)
        joints, world = kinematics(self.turns[person, frame], rest, motion.pelvis[person, frame], self.parents)
        moved = np.einsum("jab,vb->vja", world, body.rest_vertices[person].astype(float))
        moved += (joints - np.einsum("jab,jb->ja", world, rest))[None]
        rows = np.arange(len(moved))[:, None]
        return (body.skin_weights[..., None] * moved[rows, body.skin_joints]).sum(1)


@cache
def free_body() -> dict[str, np.ndarray]:
    """The body file's arrays, read once; `shapes` [V,3,16] and `shape_joints` [55,3,16] are of the first 16 betas."""
    with np.load(BODY_FILE, allow_pickle=False) as file:
        body = {name: file[name] for name in ("v_template", "J_regressor", "weights", "f", "ft", "vt")}
        body["shapes"] = file["shapedirs"][..., :16].copy()
    body["shape_joints"] = np.einsum("jv,vdk->jdk", body["J_regressor"], body["shapes"])
    return body


def rodrigues(vectors: np.ndarray) -> np.ndarray:
    """Axis-angle [...,3] -> matrices [...,3,3]."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    axis = vectors / np.maximum(angle[..., 0], 1e-12)
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vectors.shape, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def kinematics(
    turns: np.ndarray, rest: np.ndarray, pelvis: np.ndarray, parents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """turns [55,3,3], rest [55,3], pelvis [3] -> joints [55,3] and world rotations [55,3,3]."""
    joints, world = np.empty((JOINTS, 3)), np.empty((JOINTS, 3, 3))
    joints[0], world[0] = pelvis, turns[0]
    for joint in range(1, JOINTS):
        parent = parents[joint]
        world[joint] = world[parent] @ turns[joint]
        joints[joint] = joints[parent] + world[parent] @ (rest[joint] - rest[parent])
    return joints, world


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
    """Write a reconstruction to `folder` with the product's own contract (`core.contract`, given so that the
    module is the one the add-on uses)."""
    skeleton, record = contract.skeleton, contract.reconstruction
    source = free_body()
    rng = np.random.default_rng(seed)
    betas = np.zeros((PEOPLE, 16))
    betas[0, :3], betas[1, :3] = (1.0, -0.5, 0.3), (-1.0, 0.8, -0.2)
    vertices = source["v_template"] + np.einsum("vdk,pk->pvd", source["shapes"], betas)
    rest = np.einsum("jv,pvd->pjd", source["J_regressor"], vertices)
    parents = np.array(skeleton.PARENTS)

    seconds = (first_frame + np.arange(frames)) / frame_rate
    phase = seconds - seconds[0]
    pose = np.zeros((PEOPLE, frames, JOINTS, 3))
    wobble = rng.normal(0, 0.25, (PEOPLE, JOINTS, 3))
    speed = rng.uniform(2, 5, (PEOPLE, JOINTS, 1))
    pose[:] = wobble[:, None] * np.sin(speed[:, None] * phase[None, :, None, None] + wobble[:, None])
    pose[:, :, 23:25] = 0  # eyes
    names = skeleton.JOINT_INDEX
    pose[0, :, names["right_shoulder"]] += (0.0, 0.9, 0.0)
    pose[1, :, names["right_shoulder"]] += (0.0, 0.9, 0.0)
    pose[:, :, names["left_shoulder"]] += (0.0, 0.0, -1.0)
    pose[1, :, names["left_knee"]] += np.stack([0.8 + 0.5 * np.sin(phase), 0 * phase, 0 * phase], -1)

    turns = rodrigues(pose)
    upright = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=float)
    pelvis = np.empty((PEOPLE, frames, 3))
    for person, (facing, side) in enumerate(((0.0, 0.45), (np.pi, -0.45))):
        # the second turns right round, past the half turn where angles wrap
        headings = facing + (2.5 * phase if person else 0.3 * np.sin(phase))
        about = rodrigues(np.stack([0 * headings, 0 * headings, headings], -1))
        turns[person, :, 0] = about @ upright @ turns[person, :, 0]
        pelvis[person] = np.stack([0.1 * np.sin(phase), side + 0.05 * phase, 0.95 + 0.05 * np.cos(3 * phase)], -1)
    pose[:, :, 0] = _axis_angles(turns[:, :, 0])
    joints = np.array(
        [[kinematics(turns[p, t], rest[p], pelvis[p, t], parents)[0] for t in range(frames)] for p in range(PEOPLE)]
    )
    confidence = np.ones((PEOPLE, frames, 22))
    confidence[0, frames // 2 :, [names["left_elbow"], names["left_wrist"]]] = 0.1

    intrinsics = np.tile(np.array([[700.0, 0, 330.0], [0, 700.0, 170.0], [0, 0, 1]]), (frames, 1, 1))
    world_to_camera = np.empty((frames, 4, 4))
    for t in range(frames):
        sway = 0.2 * np.sin(phase[t]) if moving_camera else 0.0
        world_to_camera[t] = _look_at(np.array([3.2 + sway, -0.8, 1.5]), np.array([0.0, 0.0, 0.9]))

    f32 = np.float32
    motion = record.MotionArrays(
        frame_index=(first_frame + np.arange(frames)).astype(np.int32), time=seconds,
        body_pose=pose[:, :, 1:22].astype(f32), global_orient=pose[:, :, 0].astype(f32), pelvis=pelvis.astype(f32),
        left_hand_pose=pose[:, :, 25:40].astype(f32), right_hand_pose=pose[:, :, 40:55].astype(f32),
        jaw_pose=pose[:, :, 22].astype(f32), betas=betas.astype(f32), joints=joints.astype(f32),
        keypoints=np.zeros((PEOPLE, frames, 33, 3), f32), confidence=confidence.astype(f32),
        camera_K=intrinsics.astype(f32), camera_world=world_to_camera.astype(f32), rest_joints=rest.astype(f32),
    )  # fmt: skip
    order = np.argsort(-source["weights"], axis=1)[:, :8]
    weights = np.take_along_axis(source["weights"], order, 1)
    body = record.BodyArrays(
        faces=source["f"].astype(np.int32),
        uv=source["vt"][source["ft"].astype(int)].astype(f32),
        skin_joints=order.astype(np.int32),
        skin_weights=(weights / weights.sum(1, keepdims=True)).astype(f32),
        rest_vertices=vertices.astype(f32),
        shape_vertices=source["shapes"].astype(f32),
        shape_joints=source["shape_joints"].astype(f32),
        vertex_region=_regions(source["weights"].argmax(1), skeleton),
    )
    last = first_frame + frames - 1
    middle = first_frame + frames // 2
    contacts = (
        contract.contact.Contact(0, "right_palm", 1, "right_palm", first_frame + 2, middle, 0.9, distance=0.012),
        contract.contact.Contact(1, "left_foot", "ground", "ground", first_frame, last, 1.0, state="enforced"),
        contract.contact.Contact(0, "head", 1, "chest", middle, last, 0.4, state="rejected"),
    )
    info = record.Info(
        clip={
            "path": str(clip or folder / "missing.mp4"), "width": 640, "height": 360, "frame_rate": frame_rate,
            "frames": [first_frame, last],
        },
        people=(record.Person(0, "Person 1", 0, 1.75), record.Person(1, "Person 2", 1, 1.65)),
        body={"id": "free body", "path": "default"},
        prompt="", prompt_source="none", contacts=contacts, take=take,
        takes=(record.Take(take, "", seed, 1.0, "reconstruct"),),
        warnings=(), seed=seed, device="cpu", versions={}, seconds={},
    )  # fmt: skip
    reconstruction = record.Reconstruction(motion, body, info)
    record.save(folder, reconstruction)
    return Made(reconstruction, rodrigues(_local(motion)), parents)


def _local(motion: Any) -> np.ndarray:
    """All relative rotations [P,T,55,3] as the saved float32 arrays have them."""
    eyes = np.zeros((*motion.global_orient.shape[:2], 2, 3))
    return np.concatenate(
        [
            motion.global_orient[:, :, None], motion.body_pose, motion.jaw_pose[:, :, None], eyes,
            motion.left_hand_pose, motion.right_hand_pose,
        ],
        axis=2,
    ).astype(float)  # fmt: skip


def _regions(strongest: np.ndarray, skeleton: ModuleType) -> np.ndarray:
    """A rough region for each vertex from its strongest joint; enough for contacts to land somewhere sensible."""
    of_joint = {"head": "head", "neck": "neck", "spine3": "chest", "pelvis": "hips", "spine1": "belly"}
    for side in ("left", "right"):
        parts = {"shoulder": "upper_arm", "elbow": "forearm", "wrist": "palm", "hip": "thigh", "knee": "shin"}
        of_joint |= {f"{side}_{joint}": f"{side}_{region}" for joint, region in parts.items()}
        of_joint |= {f"{side}_ankle": f"{side}_foot", f"{side}_foot": f"{side}_foot"}
    numbers = [skeleton.REGIONS.index(of_joint[name]) if name in of_joint else -1 for name in skeleton.JOINTS]
    return np.array(numbers, dtype=np.int32)[strongest]


def _axis_angles(matrices: np.ndarray) -> np.ndarray:
    """[...,3,3] -> [...,3], from the antisymmetric part; near a half turn from the symmetric one."""
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


def _look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """World to camera, x right, y down, z forward."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix
