"""Where the exported people are: which frames, the paths of their root bones, and the origin of the files."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..contract.errors import UserError
from ..contract.rotations import Y_UP_TO_Z_UP, headings, matrix_to_quaternion, quaternion_about_z, quaternion_to_matrix
from .animation import AnimatedPerson, Animation
from .settings import ExportSettings

_SMOOTHING = 0.35
"""Standard deviation of the root's Gaussian filter, seconds: the sway of steps (1-2 Hz) goes, turns and walks stay."""


@dataclass(frozen=True)
class Placed:
    """An animation as its files hold it."""

    animation: Animation
    origin_inworld: np.ndarray
    """[3] metres: the point of the scene's world that is the origin of the files."""


def place(animation: Animation, settings: ExportSettings) -> Placed:
    """The chosen frames with other paths of the roots, moved to the chosen origin. UserError `no-frames` if none is left."""
    animation = animation.rows(_chosen(animation, settings))
    people = tuple(_with_root(person, settings.root, animation.frame_rate) for person in animation.people)
    starts = np.array([person.positions[0, 0] for person in people])
    on_floor = np.array([1.0, 1.0, 0.0])
    origin = {"world": np.zeros(3), "centre": starts.mean(0) * on_floor, "feet": starts[0] * on_floor}[settings.origin]
    moved = tuple(replace(person, positions=person.positions - origin) for person in people)
    return Placed(replace(animation, people=moved), origin)


def _chosen(animation: Animation, settings: ExportSettings) -> np.ndarray:
    first, last = settings.frames
    frames = animation.clip_frames
    half = 0.5 - 1e-6  # a frame between two of the clip belongs to the nearer one
    chosen = np.ones(len(frames), bool)
    if first is not None:
        chosen &= frames >= first - half
    if last is not None:
        chosen &= frames <= last + half
    if not chosen.any():
        raise UserError(
            "no-frames",
            f"The range {first}:{last} holds no frame of {frames[0]:.0f}:{frames[-1]:.0f}.",
            "Choose another range.",
        )
    return np.flatnonzero(chosen)


def _with_root(person: AnimatedPerson, mode: str, frame_rate: float) -> AnimatedPerson:
    """The person with another path of the bone `root`; the other bones stay where they are in the world."""
    if mode == "raw":
        return person
    rotations, positions = person.rotations.copy(), person.positions.copy()
    if mode == "in-place":
        rotations[:, 0], positions[:, 0] = rotations[0, 0], positions[0, 0]
    else:
        angles = headings(matrix_to_quaternion(person.rotations[:, 0] @ Y_UP_TO_Z_UP.T))
        path = smooth(np.c_[angles, person.positions[:, 0]], _SMOOTHING * frame_rate)
        rotations[:, 0] = quaternion_to_matrix(quaternion_about_z(path[:, 0])) @ Y_UP_TO_Z_UP
        positions[:, 0] = path[:, 1:]
    return replace(person, rotations=rotations, positions=positions)


def smooth(values: np.ndarray, deviation: float) -> np.ndarray:
    """Values [T,N] after a Gaussian filter of this standard deviation in frames.

    Beyond both ends they go on as their point reflection, so that the first and the last frame stay where they are.
    """
    count = len(values)
    reach = min(int(np.ceil(4 * deviation)), count - 1)
    if reach < 1:
        return values
    before, after = 2 * values[0] - values[reach:0:-1], 2 * values[-1] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, values, after])
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.stack([np.convolve(column, kernel / kernel.sum(), "valid") for column in padded.T], 1)
