"""Small valid inputs that fuzzing starts from: a reconstruction, a body file, a cache entry, edits, a checkpoint, recordings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.body.files import load_body
from core.contract.contact import Contact
from core.contract.edits import Edits, Pin
from core.contract.reconstruction import (
    BAD,
    GOOD,
    BodyArrays,
    Info,
    Measured,
    MotionArrays,
    Person,
    Quality,
    Reconstruction,
    Scores,
    Stretch,
    Take,
)
from core.contract.skeleton import JOINTS, PARENTS
from core.motion import PairMotion, pose_motion
from core.perception.detections import MASK_WIDTH, Detections

FRAMES = 5
TAKES = ("take-001", "take-002")
_VERTICES, _FACES = 24, 40


@lru_cache(maxsize=1)
def reconstruction() -> Reconstruction:
    """Two people who sway for a few frames, with a small mesh."""
    return Reconstruction(_motion_arrays(), _body_arrays(), info())


def info(take: str = TAKES[0]) -> Info:
    """The record of one of the two takes."""
    contacts = (
        Contact(
            0,
            "right_palm",
            1,
            "right_palm",
            11,
            13,
            0.9,
            distance=0.01,
            id="contact-1",
            touch="shake",
            probability=0.8,
            reached=True,
        ),
        Contact(1, "left_foot", "ground", "ground", 10, 14, state="enforced", source="user", id="contact-2"),
    )
    takes = tuple(
        Take(name, "", number, 0.5 + number, "reconstruct", Scores(1.2, 8.0, 1.5, 12.0))
        for number, name in enumerate(TAKES)
    )
    return Info(
        clip={"path": "clip.mp4", "width": 640, "height": 360, "frame_rate": 25.0, "frames": [10, 9 + FRAMES]},
        people=(Person(0, "Person A", 0, 1.75), Person(1, "Person B", 1, 1.65)),
        body={"id": "free body", "path": "default"},
        prompt="Two people shake hands.",
        prompt_source="captioner",
        contacts=contacts,
        take=take,
        takes=takes,
        warnings=("Person B is not seen after frame 60, so the motion there is guessed.",),
        seed=0,
        device="cpu",
        versions={"socialmirror": "0"},
        seconds={"perception": 3.0},
        settings={"seed": 0},
        quality=Quality(
            (Measured("picture", 0, 2.5, GOOD), Measured("penetration", None, 90.0, BAD)),
            (Stretch("penetration", None, 11, 13, 85.0, BAD),),
            ("Another camera was tried.",),
        ),
    )


def edits() -> dict[str, Any]:
    pins = (Pin(0, "left_wrist", 11, rotation=(0.1, 0.2, 0.3)), Pin(1, "head", 12, position=(0.1, 0.4, 1.6)))
    return Edits(info().contacts, pins, "They hug.").to_json()


@lru_cache(maxsize=1)
def detections() -> Detections:
    rng = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return rng.random(shape).astype(np.float32)

    return Detections(
        frame_index=np.arange(10, 10 + FRAMES),
        time=np.arange(FRAMES) / 25,
        image_size=np.array([640, 360]),
        keypoints=random(2, FRAMES, 33, 3),
        covariance=np.tile(np.eye(2, dtype=np.float32), (2, FRAMES, 33, 1, 1)),
        world_landmarks=random(2, FRAMES, 33, 3),
        found=np.ones((2, FRAMES), bool),
        hands=random(2, FRAMES, 2, 21, 3),
        hand_landmarks=random(2, FRAMES, 2, 21, 3),
        masks=np.zeros((2, FRAMES, MASK_WIDTH * 9 // 16, MASK_WIDTH), np.uint8),
        track_ids=np.array([0, 1]),
        camera_motion=random(FRAMES),
    )


def body_file() -> dict[str, np.ndarray]:
    """A body in the layout of SMPL-X v1.0, with few vertices."""
    rng = np.random.default_rng(1)
    regressor, weights = rng.random((len(JOINTS), _VERTICES)), rng.random((_VERTICES, len(JOINTS)))
    parents = np.array(PARENTS, np.int64)
    return {
        "v_template": rng.normal(0, 0.5, (_VERTICES, 3)).astype(np.float32),
        "shapedirs": rng.normal(0, 0.01, (_VERTICES, 3, 20)).astype(np.float32),
        "posedirs": rng.normal(0, 0.01, (_VERTICES, 3, (len(JOINTS) - 1) * 9)).astype(np.float32),
        "J_regressor": (regressor / regressor.sum(1, keepdims=True)).astype(np.float32),
        "weights": (weights / weights.sum(1, keepdims=True)).astype(np.float32),
        "kintree_table": np.stack([parents, np.arange(len(JOINTS))]),
        "f": rng.integers(0, _VERTICES, (_FACES, 3)).astype(np.uint32),
        "ft": rng.integers(0, _VERTICES, (_FACES, 3)).astype(np.uint32),
        "vt": rng.random((_VERTICES, 2)).astype(np.float32),
    }


def amass() -> dict[str, np.ndarray]:
    """A recording of SMPL+H in AMASS's layout."""
    frames = 12
    return {
        "poses": np.zeros((frames, 156)),
        "trans": np.tile([0.0, 0.0, 0.9], (frames, 1)),
        "betas": np.zeros(16),
        "mocap_framerate": np.array(60.0),
    }


def _motion_arrays() -> MotionArrays:
    rng = np.random.default_rng(2)
    angles = rng.normal(0, 0.1, (2, FRAMES, 55, 3)).astype(np.float32)
    angles[:, :, 0] = (np.pi / 2, 0, 0)
    pelvis = np.tile(np.array([0, 0, 0.95], np.float32), (2, FRAMES, 1))
    pelvis[1, :, 0] = 0.6
    motion = PairMotion(
        global_orient=angles[:, :, 0],
        body_pose=angles[:, :, 1:22],
        left_hand_pose=angles[:, :, 25:40],
        right_hand_pose=angles[:, :, 40:],
        pelvis=pelvis,
        betas=np.zeros((2, 16), np.float32),
    )
    with torch.no_grad():
        posed = pose_motion(load_body(None), motion)
    T_cw = np.array([[1, 0, 0, 0], [0, 0, -1, 1], [0, 1, 0, 3], [0, 0, 0, 1]], np.float32)
    K = np.array([[600, 0, 320], [0, 600, 180], [0, 0, 1]], np.float32)
    return MotionArrays(
        frame_index=np.arange(10, 10 + FRAMES, dtype=np.int32),
        time=np.arange(10, 10 + FRAMES) / 25,
        body_pose=motion.body_pose,
        global_orient=motion.global_orient,
        pelvis=motion.pelvis,
        left_hand_pose=motion.left_hand_pose,
        right_hand_pose=motion.right_hand_pose,
        jaw_pose=np.zeros((2, FRAMES, 3), np.float32),
        betas=motion.betas,
        joints=posed.joints.numpy(),
        keypoints=np.full((2, FRAMES, 33, 3), 0.5, np.float32),
        confidence=np.ones((2, FRAMES, 22), np.float32),
        camera_K=np.tile(K, (FRAMES, 1, 1)),
        camera_world=np.tile(T_cw, (FRAMES, 1, 1)),
        rest_joints=posed.rest[:, 0].numpy(),
    )


def _body_arrays() -> BodyArrays:
    rng = np.random.default_rng(3)
    weights = np.zeros((_VERTICES, 8), np.float32)
    weights[:, :2] = (0.75, 0.25)
    return BodyArrays(
        faces=np.stack([np.roll(np.arange(_VERTICES), -shift) for shift in (0, 1, 2)], 1).astype(np.int32),
        uv=rng.random((_VERTICES, 3, 2)).astype(np.float32),
        skin_joints=rng.integers(0, len(JOINTS), (_VERTICES, 8)).astype(np.int32),
        skin_weights=weights,
        rest_vertices=rng.normal(0, 0.5, (2, _VERTICES, 3)).astype(np.float32),
        shape_vertices=rng.normal(0, 0.01, (_VERTICES, 3, 16)).astype(np.float32),
        shape_joints=rng.normal(0, 0.01, (len(JOINTS), 3, 16)).astype(np.float32),
        vertex_region=np.full(_VERTICES, -1, np.int32),
    )


def write_takes(folder: Path) -> None:
    """Save the reconstruction with both of its takes, as a run does."""
    from core.contract.reconstruction import save

    made = reconstruction()
    save(folder, made, others=[(made.motion, info(TAKES[1]))])


ASF = """# synthetic
:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name lfemur
    direction 0 -1 0
    length 8
    axis 0 0 90 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 2
    name ltibia
    direction 0 -1 0
    length 7
    axis 0 0 0 XYZ
    dof rx
  end
:hierarchy
  begin
    root lfemur
    lfemur ltibia
  end
"""
AMC = """#!OML:ASF synthetic
:FULLY-SPECIFIED
:DEGREES
1
root 0 10 2 0 0 0
lfemur 0 0 0
ltibia 0
2
root 0 10 2 90 90 0
lfemur 0 90 0
ltibia 90
"""
BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0 70 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 10 0
    }
  }
  JOINT LeftUpLeg
  {
    OFFSET 10 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT LeftLeg
    {
      OFFSET 0 -40 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 0 -45 12
      }
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
0 90 0 0 0 0 0 0 0 0 0 0 0 0 0
100 90 0 90 90 0 0 -90 0 0 90 0 0 10 0
"""
