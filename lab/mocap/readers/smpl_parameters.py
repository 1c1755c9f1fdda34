"""Recordings kept as parameters of an SMPL-family body, as captures of our body: what AMASS, InterHuman and Inter-X share.

Pose carries over between bodies of the family, shape (betas) does not: every capture is on our mean body. The recorded body's
pelvis joint lies at `trans` plus its place in the rest pose, which only the licensed files tell; both the place and the size of
that body are found from the feet instead.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, slerp
from core.contract.errors import UserError

from ..capture import Capture
from ..foot_ik import detect_foot_contact, pose_skeleton

RATE = 30.0
"""frames a second of every capture."""
_TURN_UP = Rotation.from_rotvec([np.pi / 2, 0, 0])
"""Takes a world with Y up to one with Z up."""
_MEAN = np.zeros(16, np.float32)
_SCALES = (0.8, 1.25)
"""How much smaller or larger than our mean body a recorded one may be."""
_FAR_ENOUGH = 0.5
"""metres that standing feet must carry the pelvis along before the body's size is told from it."""


@dataclass(frozen=True)
class SmplParameters:
    """One person, T frames, in the recording's own world (metres)."""

    source: str
    subject: str
    text: tuple[str, ...]
    rate: float
    up: Literal["y", "z"]
    global_orient: np.ndarray
    """[T,3]"""
    body_pose: np.ndarray
    """[T,21,3]"""
    trans: np.ndarray
    """[T,3] the pelvis joint, but for a constant."""


def to_capture(person: SmplParameters) -> Capture:
    """On the floor, the way scaled by our legs' length over the recorded body's."""
    return _landed(_scaled(_upright(person)))


def to_capture_pair(people: tuple[SmplParameters, SmplParameters]) -> tuple[Capture, Capture]:
    """Both in one world and as far from each other as they were: nothing is scaled, each is put on the floor."""
    first, second = (_upright(person) for person in people)
    frames = min(len(first.pelvis), len(second.pelvis))
    middle = (first.pelvis[0] + second.pelvis[0]) / 2 * np.array([1, 1, 0], np.float32)
    return tuple(
        _landed(
            replace(
                person,
                global_orient=person.global_orient[:frames],
                body_pose=person.body_pose[:frames],
                pelvis=person.pelvis[:frames] - middle,
                foot_contact=person.foot_contact[:frames],
            )
        )
        for person in (first, second)
    )  # pyright: ignore[reportReturnType]


def read_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Those of the named arrays that an npz has; others are not even looked at, as they may be pickled objects.

    UserError `mocap-unreadable` where the file is damaged or a named array is a pickled object.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names if name in archive.files}
    except (OSError, ValueError, EOFError, BadZipFile, KeyError) as error:
        raise unreadable(path, str(error)) from error


def unreadable(path: Path, reason: str) -> UserError:
    return UserError("mocap-unreadable", f"{path} cannot be read: {reason}.", "Fetch the file again.")


def as_frames(path: Path, name: str, values: np.ndarray, width: int) -> np.ndarray:
    """[T,...] reshaped to float64 [T,width]. UserError `mocap-unreadable` where that does not go or numbers are missing."""
    if values.ndim < 2 or values.shape[0] == 0 or values[0].size < width:
        raise unreadable(path, f"`{name}` has the shape {values.shape}, not [T,{width}]")
    flat = values.reshape(len(values), -1)[:, :width].astype(np.float64)
    if not np.isfinite(flat).all():
        raise unreadable(path, f"`{name}` holds numbers that are not finite")
    return flat


def _upright(person: SmplParameters) -> Capture:
    """Z up, at RATE, not yet on the floor."""
    turn = _TURN_UP if person.up == "y" else Rotation.identity()
    orient = (turn * Rotation.from_rotvec(person.global_orient)).as_rotvec()
    angles = np.concatenate([orient[:, None], person.body_pose.reshape(-1, 21, 3)], 1)
    angles, pelvis = resample_poses(angles, turn.apply(person.trans), person.rate)
    return Capture(
        source=person.source,
        subject=person.subject,
        text=person.text,
        rate=RATE,
        global_orient=angles[:, 0].astype(np.float32),
        body_pose=angles[:, 1:].astype(np.float32),
        pelvis=pelvis.astype(np.float32),
        betas=_MEAN,
        foot_contact=np.zeros((len(pelvis), 2), bool),
    )


def resample_poses(angles: np.ndarray, places: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Axis-angles [T,J,3] and places [T,3] of `rate` frames a second at RATE: rotations by slerp."""
    if len(angles) < 2 or abs(rate - RATE) < 0.01:
        return angles, places
    at = np.arange(int((len(angles) - 1) * RATE / rate + 1e-6) + 1) * rate / RATE
    before = np.minimum(at.astype(int), len(angles) - 2)
    share = at - before
    here, there = (axis_angle_to_matrix(torch.from_numpy(angles[frame])) for frame in (before, before + 1))
    turned = matrix_to_axis_angle(slerp(here, there, torch.from_numpy(share)[:, None])).numpy()
    return turned, places[before] * (1 - share[:, None]) + places[before + 1] * share[:, None]


def _scaled(capture: Capture) -> Capture:
    """The way scaled so that feet which stand still in the recording stand still on our body.

    While a foot stands, the pelvis moves by what the foot moves backwards relative to it: least squares over all frames.
    """
    soles = _soles(replace(capture, pelvis=np.zeros_like(capture.pelvis)))
    if len(soles) < 3:
        return capture
    moved = np.diff(capture.pelvis[:, :2], axis=0)
    back = -np.diff(soles.mean(2)[..., :2], axis=0)
    lower = np.arange(len(moved)), soles[:-1, ..., 2].min(2).argmin(1)
    carried = back[lower]
    # only where the lower foot goes the pelvis' way: neither flight nor turning on the spot
    stands = (np.linalg.norm(carried - moved, axis=1) < 0.35 * np.linalg.norm(moved, axis=1)) & (
        np.linalg.norm(moved, axis=1) > 0.3 / RATE
    )
    if np.linalg.norm(moved[stands], axis=1).sum() < _FAR_ENOUGH:
        return capture
    scale = float((carried[stands] * moved[stands]).sum() / (moved[stands] ** 2).sum())
    return replace(capture, pelvis=capture.pelvis * np.float32(np.clip(scale, *_SCALES)))


def _landed(capture: Capture) -> Capture:
    """Moved up or down by one number, so that the soles' usual lowest place is the floor; standing feet marked."""
    soles = _soles(capture)
    floor = float(np.percentile(soles[..., 2].min((1, 2)), 20))
    soles[..., 2] -= floor
    pelvis = capture.pelvis - np.array([0, 0, floor], np.float32)
    return replace(capture, pelvis=pelvis, foot_contact=detect_foot_contact(soles, RATE))


def _soles(capture: Capture) -> np.ndarray:
    angles = np.concatenate([capture.global_orient[:, None], capture.body_pose], 1)
    rotations = axis_angle_to_matrix(torch.from_numpy(angles)).numpy()
    return pose_skeleton(rotations, capture.pelvis, load_body(None), capture.betas).soles
