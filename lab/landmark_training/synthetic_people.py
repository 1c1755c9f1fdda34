"""Random single people with shapes, clothes, poses and cameras, as scenes for `lab.rendering.blender_process`."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, JOINTS
from core.fitting.limits import joint_limits
from core.motion import pose

from ..choreography.appearance.clothing import Colour, Outfit, dress, offset_by_thickness
from ..rendering.cameras import look_at

SIZE = (640, 640)
_FOCAL = 880.0

Angles = dict[str, tuple[float, float, float]]
"""Degrees about X, Y, Z of the rest axes, by joint; of the left side, for joints on both sides."""

_DOWN: Angles = {"shoulder": (0, -5, -70), "elbow": (0, -14, 0)}
POSES: dict[str, tuple[Angles, Angles, Angles]] = {
    # name: (both sides and middle, left only, right only); right ones are given as if they were left
    "stand": (_DOWN, {}, {}),
    "walk": (_DOWN, {"hip": (-28, 0, 0), "knee": (12, 0, 0), "shoulder": (18, -5, -70)},
             {"hip": (16, 0, 0), "knee": (30, 0, 0), "shoulder": (-20, -5, -70)}),
    "stride": (_DOWN, {"hip": (-45, 0, 0), "knee": (25, 0, 0)}, {"hip": (20, 0, 0), "knee": (50, 0, 0)}),
    "reach": (_DOWN, {}, {"shoulder": (0, -55, -35), "elbow": (0, -45, 0)}),
    "both forward": ({"shoulder": (0, -75, -15), "elbow": (0, -30, 0)}, {}, {}),
    "raised": ({"shoulder": (0, -10, 55), "elbow": (0, -25, 0)}, {}, {}),
    "wave": (_DOWN, {"shoulder": (0, -15, 25), "elbow": (-60, -60, 0)}, {}),
    "apart": ({"shoulder": (0, 0, -10)}, {}, {}),
    "hips": ({"shoulder": (0, 25, -45), "elbow": (0, -95, 0)}, {}, {}),
    "embrace": ({"shoulder": (0, -70, -12), "elbow": (0, -75, 0), "spine3": (6, 0, 0)}, {}, {}),
    "sit": (_DOWN | {"hip": (-88, 0, 8), "knee": (88, 0, 0), "elbow": (0, -50, 0)}, {}, {}),
    "bend": (_DOWN | {"spine1": (25, 0, 0), "spine2": (18, 0, 0), "hip": (-35, 0, 0), "shoulder": (0, -45, -50)}, {}, {}),
    "crouch": ({"hip": (-75, 0, 12), "knee": (95, 0, 0), "ankle": (-18, 0, 0), "spine1": (18, 0, 0),
                "shoulder": (0, -50, -40), "elbow": (0, -60, 0)}, {}, {}),
    "look": (_DOWN | {"neck": (5, 25, 0), "head": (5, 25, 0), "spine2": (0, 12, 0)}, {}, {"elbow": (0, -70, 0)}),
}  # fmt: skip
_POSE_NOISE = {"shoulder": 12, "elbow": 14, "hip": 7, "knee": 7, "wrist": 12, "neck": 7, "head": 8, "ankle": 4}
_OTHER_NOISE = 3
"""degrees, standard deviation of the angles about X; less about the other axes."""
_FABRICS: tuple[Colour, ...] = (
    (0.05, 0.12, 0.36), (0.48, 0.06, 0.07), (0.08, 0.08, 0.09), (0.62, 0.58, 0.50), (0.10, 0.28, 0.15),
    (0.45, 0.30, 0.08), (0.30, 0.14, 0.34), (0.55, 0.62, 0.68), (0.14, 0.16, 0.26), (0.70, 0.68, 0.66),
)  # fmt: skip
_SKINS: tuple[Colour, ...] = ((0.70, 0.47, 0.37), (0.58, 0.37, 0.27), (0.40, 0.23, 0.15), (0.18, 0.10, 0.07))
_HAIRS: tuple[Colour, ...] = ((0.02, 0.014, 0.01), (0.11, 0.05, 0.02), (0.30, 0.18, 0.07), (0.35, 0.34, 0.33))


def person_scene(
    body: BodyModel, face: Float[np.ndarray, "51 3"], rng: np.random.Generator, views: int
) -> dict[str, np.ndarray]:
    """One person in every pose from `views` cameras each, F images.

    In addition to what the renderer reads: `joints` [F,55,3] and the bare `skin` [F,V,3] in the world, metres, `betas` [16] and
    `pose_name` [F].
    """
    betas = torch.from_numpy(rng.normal(0, 1, 16).astype(np.float32))
    betas[0] = float(rng.uniform(-1.0, 1.2))
    names = [name for name in POSES for _ in range(views)]
    rotations = torch.stack([random_pose(name, rng) for name in names])
    azimuth = np.array([_azimuth(view, views, rng) for _ in POSES for view in range(views)])
    upright = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))
    heading = torch.zeros(len(names), 3)
    heading[:, 2] = torch.from_numpy(azimuth)
    rotations[:, 0] = axis_angle_to_matrix(heading) @ upright @ rotations[:, 0]

    posed = pose(body, rotations[None], torch.zeros(1, len(names), 3), betas[None])
    skin, joints = posed.skin(body)[0].numpy(), posed.joints[0].numpy()
    floor = skin[..., 2].min(1)
    skin[..., 2] -= floor[:, None]
    joints[..., 2] -= floor[:, None]
    outfit = random_outfit(rng)
    clothes = dress(body, face, outfit)
    T_cw = np.stack([_camera(joints[frame, 0], rng) for frame in range(len(names))])
    K = np.array([[_FOCAL, 0, SIZE[0] / 2], [0, _FOCAL, SIZE[1] / 2], [0, 0, 1]])
    return {
        "vertices": offset_by_thickness(skin, body.faces.numpy(), clothes.thickness)[None].astype(np.float32),
        "faces": body.faces.numpy().astype(np.int32),
        "materials": clothes.materials[None],
        "colours": np.array([outfit.colours], np.float32),
        "camera_K": np.tile(K, (len(names), 1, 1)),
        "camera_world": T_cw,
        "image_size": np.array(SIZE),
        "rate": np.array(25.0),
        "room": np.array(int(rng.integers(2))),
        "joints": joints.astype(np.float32),
        "skin": skin.astype(np.float32),
        "betas": betas.numpy(),
        "pose_name": np.array(names),
    }


def random_pose(name: str, rng: np.random.Generator) -> Float[Tensor, "55 3 3"]:
    """Rotations relative to the parent joint: a pose with noise, within the joint limits, with half bent fingers."""
    both, left, right = POSES[name]
    swapped = rng.random() < 0.5
    degrees = np.zeros((len(JOINTS), 3))
    for joint in BODY_JOINTS[1:]:
        side, _, part = joint.rpartition("_") if joint.startswith(("left_", "right_")) else ("", "", joint)
        own = left if (side == "left") != swapped else right
        angles = np.array(own.get(part, both.get(part, (0, 0, 0))) if side else both.get(part, (0, 0, 0)), float)
        angles += rng.normal(0, _POSE_NOISE.get(part, _OTHER_NOISE), 3) * (1, 0.6, 0.6)
        degrees[JOINT_INDEX[joint]] = angles * (1, -1, -1) if side == "right" else angles
    radians = torch.from_numpy(np.radians(degrees)).float()
    low, high = joint_limits()
    radians[1 : len(BODY_JOINTS)] = torch.minimum(torch.maximum(radians[1 : len(BODY_JOINTS)], low), high)
    bend = float(rng.uniform(0.1, 0.7))
    radians[25:37, 2], radians[40:52, 2] = -bend, bend
    return axis_angle_to_matrix(radians)


def random_outfit(rng: np.random.Generator) -> Outfit:
    """Clothes of any colours, for people of whom nothing but the body is to be learned."""

    def pick(colours: tuple[Colour, ...]) -> Colour:
        return colours[int(rng.integers(len(colours)))]

    skin, hair = pick(_SKINS), pick(_HAIRS)
    lips = (skin[0] * 0.8, skin[1] * 0.4, skin[2] * 0.45)
    iris = (0.05, 0.05, 0.05)
    return Outfit(
        sleeves=float(rng.choice([0.5, 0.9, 1.9])),
        legs=float(rng.choice([0.9, 2.0, 2.0])),
        stripes=float(rng.choice([0.0, 0.06, 0.1])),
        long_hair=bool(rng.random() < 0.5),
        colours=(
            skin,
            pick(_FABRICS),
            pick(_FABRICS),
            pick(_FABRICS),
            pick(_FABRICS),
            hair,
            (0.75, 0.75, 0.75),
            iris,
            hair,
            lips,
        ),
    )


def _azimuth(view: int, views: int, rng: np.random.Generator) -> float:
    """radians; all around the person, more often the front than the back."""
    around = 2 * math.pi * (view + rng.random()) / views - math.pi
    return around - 0.35 * math.sin(around)


def _camera(pelvis: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """World -> camera [4,4]: in front of the room's back wall, looking roughly at a person at the origin."""
    target = np.array([*rng.normal(0, 0.12, 2), pelvis[2] * rng.uniform(0.8, 1.1)])
    distance, height = rng.uniform(2.6, 4.0), rng.uniform(0.9, 1.9)
    around = rng.uniform(-0.6, 0.6)
    place = np.array([distance * math.sin(around), -distance * math.cos(around), height])
    return look_at(place, target)
