"""From takes in memory to the files of a reconstruction's folder: here motions leave the camera's frame for the world."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..body.mesh import body_arrays
from ..body.model import BodyModel
from ..clip import Clip
from ..contract.errors import UserError
from ..contract.reconstruction import (
    INFO_FILE,
    JOURNAL_FILE,
    MOTION_FILE,
    PERSON_NAMES,
    TAKES_FOLDER,
    Info,
    MotionArrays,
    Person,
    Reconstruction,
    Take,
    load_info,
    load_take_motion,
    save,
)
from ..fitting.fit import FittedMotion
from ..motion import pose_motion
from ..observations.stabilisation import estimate_camera_rotation
from ..perception.detections import Detections
from ..progress import JobProgress
from .stages import same_motion
from .takes import SAME_MOTION, MadeTakes

_TAKE = re.compile(r"take-([0-9]{1,9})", re.ASCII)


def motion_arrays(fitted: FittedMotion, detections: Detections, body: BodyModel) -> MotionArrays:
    """A fitted motion with its camera and keypoints, as it is written."""
    motion = fitted.motion_inworld
    to_middle = np.tile(np.eye(4), (len(detections.time), 1, 1))
    to_middle[:, :3, :3] = estimate_camera_rotation(detections, fitted.camera.K).rotations
    posed = pose_motion(body, motion)
    people, frames = motion.pelvis.shape[:2]

    def single(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array, np.float32)

    return MotionArrays(
        frame_index=detections.frame_index.astype(np.int32),
        time=detections.time.astype(np.float64),
        body_pose=single(motion.body_pose),
        global_orient=single(motion.global_orient),
        pelvis=single(motion.pelvis),
        left_hand_pose=single(motion.left_hand_pose),
        right_hand_pose=single(motion.right_hand_pose),
        jaw_pose=np.zeros((people, frames, 3), np.float32),
        betas=single(motion.betas),
        joints=single(posed.joints.cpu().numpy()),
        keypoints=single(detections.keypoints),
        confidence=single(fitted.confidence),
        camera_K=single(np.broadcast_to(fitted.camera.K, (frames, 3, 3))),
        camera_world=single(to_middle.swapaxes(1, 2) @ fitted.camera.T_cw),
        rest_joints=single(posed.rest[:, 0].cpu().numpy()),
    )


def save_takes(
    folder: Path, body: BodyModel, made: MadeTakes, infos: Sequence[Info], best: Take, progress: JobProgress
) -> None:
    """Write all takes or none, the best as the active one."""
    active = next(number for number, info in enumerate(infos) if info.take == best.id)
    body = body.to(torch.device("cpu"))
    motions = [motion_arrays(one.fitted, made.detections, body) for one in made.takes]
    bodies = body_arrays(body, torch.from_numpy(made.takes[active].fitted.motion_incam.betas))
    others = [pair for number, pair in enumerate(zip(motions, infos)) if number != active]
    save(folder, Reconstruction(motions[active], bodies, infos[active]), progress.check, others=others)


def moves_as_take(folder: Path, take: str, made: MadeTakes) -> bool:
    """Whether the first of the takes is the motion that a take of the folder has already; no if that cannot be read."""
    try:
        before = load_take_motion(folder, take)
    except UserError:
        return False
    return same_motion(made.takes[0].fitted.motion_inworld, before, SAME_MOTION)


def clip_record(clip: Clip, detections: Detections) -> dict[str, Any]:
    """What a reconstruction says of its clip."""
    return {
        "path": str(clip.path.absolute()),
        "width": clip.width,
        "height": clip.height,
        "frame_rate": clip.frame_rate,
        "frames": [int(detections.frame_index[0]), int(detections.frame_index[-1])],
    }


def people(detections: Detections, fitted: FittedMotion, body: BodyModel) -> tuple[Person, ...]:
    """Both people with their heights in metres, measured at the rest pose."""
    bodies = body_arrays(body.to(torch.device("cpu")), torch.from_numpy(fitted.motion_incam.betas))
    heights = np.ptp(bodies.rest_vertices[:, :, 1], axis=1)
    return tuple(
        Person(index, name, int(track), round(float(height), 3))
        for index, (name, track, height) in enumerate(zip(PERSON_NAMES, detections.track_ids, heights))
    )


def versions() -> dict[str, str]:
    """Of the product, of Python and of the packages that results depend on."""
    packages = {name: metadata.version(name) for name in ("torch", "numpy", "opencv-python-headless")}
    return {"socialmirror": __version__, "python": platform.python_version(), **packages}


def holds_result(folder: Path) -> bool:
    """Whether there is a result, or what is left of one, so that nothing else may be written there."""
    if any((folder / name).exists() for name in (INFO_FILE, JOURNAL_FILE, MOTION_FILE)):
        return True
    return next((folder / TAKES_FOLDER).glob("take-*.npz"), None) is not None


def free_names(folder: Path) -> Iterator[str]:
    """The unused of take-001, take-002, ..., after all that are used."""
    used = [_TAKE.fullmatch(path.stem) for path in (folder / TAKES_FOLDER).glob("take-*.*")]
    first = max((int(found[1]) for found in used if found), default=0) + 1
    return (f"take-{number:03d}" for number in count(first))


def take_with_key(folder: Path, takes: Sequence[Take], result_key: str) -> str | None:
    """The id of the take that has this very result already."""
    for take in takes:
        try:
            settings = load_info(folder, take.id).settings
        except UserError:
            continue
        if settings.get("result_key") == result_key:
            return take.id
    return None


def with_takes(kept: Sequence[Take], made: Sequence[Take]) -> tuple[Take, ...]:
    """The takes with those that were made in their old places, or last where they are new."""
    return tuple(({take.id: take for take in kept} | {take.id: take for take in made}).values())
