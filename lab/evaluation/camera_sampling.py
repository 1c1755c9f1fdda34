"""Random cameras of the kind that people film two people with: lenses, heights, directions, and often one person behind the
other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from core.contract.rotations import rigid_transform
from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT, Camera
from core.transforms import transform_points

from ..rendering.cameras import look_at

LANDSCAPE, PORTRAIT = (960, 540), (540, 960)
_FILM = 36.0
"""mm, the long side of the film that focal lengths refer to."""
_NEAREST, _FARTHEST = 1.6, 30.0
"""metres from the camera: the nearest joint, and the farthest middle of the two people."""
_BISECTIONS = 24
"""Steps of the search for the distance."""
_CROWN, _SOLE = 0.18, 0.08
"""metres of a person above the head's joint and below the ankles'."""


@dataclass(frozen=True)
class CameraDistribution:
    """What random cameras are like. Shares are probabilities."""

    height: tuple[float, float] = (0.8, 2.2)
    """metres above the floor; only the lowest one counts where a pitch is given."""
    pitch: tuple[float, float] | None = None
    """radians by which cameras look up; None where their height decides."""
    roll: float = math.radians(2.0)
    """Standard deviation of the rotation about the optical axis."""
    portrait_share: float = 0.3
    focal_length: tuple[float, float] = (28.0, 70.0)
    """mm, for a film of 36 mm."""
    fill: tuple[float, float] = (0.35, 0.95)
    """Share of the image's height that the two people take, over the whole clip."""
    in_line_share: float = 0.45
    """Cameras that look along the line from one person to the other, so that one occludes the other."""
    in_line_angle: float = math.radians(35)
    """How far such cameras are off that line at most."""
    cropped_share: float = 0.15
    """Cameras that leave feet or heads out of the image."""
    cropped: tuple[float, float] = (0.1, 0.3)
    """How much taller than the image the people then are, in heights of the image."""
    cropped_edges: tuple[float, ...] = (-0.5, 0.5)
    """What such images leave out, with equal probability: -0.5 the feet, 0.5 the heads."""
    most_truncated: float = 0.25
    """Largest share of joints outside the image, over the clip."""
    aim: float = 0.04
    """Standard deviation of the distance between the people's middle and the image's, as a share of the image."""
    side_margin: float = 0.02
    """Share of the image's width that stays free on either side."""


NARROW_CAMERAS = CameraDistribution()
"""Held by somebody who stands: the cameras of the benchmark."""
WIDE_CAMERAS = CameraDistribution(height=(0.4, 3.6), roll=math.radians(9.0))
"""From near the floor up to a ladder, and tilted sideways: for training."""
FREE_CAMERAS = CameraDistribution(
    height=(0.15, 0.15),
    pitch=(-math.radians(60), math.radians(30)),
    roll=math.radians(14.0),
    focal_length=(24.0, 85.0),
)
"""As drones, tall tripods and cameras on the ground see people: for training."""
MEDIUM_CAMERAS = CameraDistribution(
    cropped_share=1.0, cropped=(0.3, 0.9), cropped_edges=(-0.5,), most_truncated=0.6, portrait_share=0.0
)
"""Medium shots, in which the image ends between the shins and the waist."""
CAMERAS = {"narrow": NARROW_CAMERAS, "wide": WIDE_CAMERAS, "free": FREE_CAMERAS, "medium": MEDIUM_CAMERAS}


def sample_camera(
    joints_inworld: Float[np.ndarray, "2 T J 3"],
    rng: np.random.Generator,
    distribution: CameraDistribution = NARROW_CAMERAS,
) -> tuple[Camera, tuple[int, int]]:
    """A camera that sees two people throughout a clip, and its image's (width, height) in px; the body's 22 joints come first."""
    points = _outline(joints_inworld)
    across = (joints_inworld[1, :, 0] - joints_inworld[0, :, 0]).mean(0)
    while True:
        camera, size = _sample(points, across, rng, distribution)
        pixels = _project(camera, points)
        if ((pixels < 0) | (pixels >= size)).any(-1).mean() <= distribution.most_truncated:
            return camera, size


def _sample(
    points: np.ndarray, across: np.ndarray, rng: np.random.Generator, distribution: CameraDistribution
) -> tuple[Camera, tuple[int, int]]:
    """A camera for points [N,3] of two people; `across` [3] leads from one to the other. The order of draws is part of a seed."""
    size = PORTRAIT if rng.random() < distribution.portrait_share else LANDSCAPE
    focal = max(size) * math.exp(rng.uniform(*np.log(distribution.focal_length))) / _FILM
    middle = (points.min(0) + points.max(0)) / 2
    direction = _sample_direction(across, rng, distribution)
    height, fill = rng.uniform(*distribution.height), rng.uniform(*distribution.fill)
    rise = None if distribution.pitch is None else -math.tan(rng.uniform(*distribution.pitch))
    roll = rng.normal(0, distribution.roll)
    aim = rng.normal(0, distribution.aim, 2)
    cropped = rng.uniform(*distribution.cropped) if rng.random() < distribution.cropped_share else 0.0
    if cropped:
        # the rest fills the image, and the cropped part lies beyond its upper or lower edge
        fill, aim[1] = 1 + cropped, rng.choice(distribution.cropped_edges) * cropped
    margin = distribution.side_margin * size[0] * (-1 if cropped else 1)

    def camera(distance: float) -> Camera:
        raised = height if rise is None else max(middle[2] + distance * rise, distribution.height[0])
        position = np.append(middle[:2] + distance * direction, raised)
        return _look_at(position, middle, focal, size, roll, aim)

    near, far = _NEAREST, _FARTHEST
    for _ in range(_BISECTIONS):
        distance = math.sqrt(near * far)
        if _is_too_near(camera(distance), points, size, fill, margin):
            near = distance
        else:
            far = distance
    return camera(far), size


def _outline(joints: np.ndarray) -> np.ndarray:
    """[N,3]: all body joints over the clip, the crowns of the heads and the soles of the feet."""
    crown, soles = joints[:, :, [JOINT_INDEX["head"]]].copy(), joints[:, :, [JOINT_INDEX["left_ankle"]]].copy()
    crown[..., 2] += _CROWN
    soles[..., 2] -= _SOLE
    return np.concatenate([part.reshape(-1, 3) for part in (joints[:, :, :BODY_COUNT], crown, soles)]).astype(float)


def _sample_direction(across: np.ndarray, rng: np.random.Generator, distribution: CameraDistribution) -> np.ndarray:
    """[2], the horizontal direction from the two people to the camera."""
    angle = rng.uniform(-math.pi, math.pi)
    if rng.random() < distribution.in_line_share:
        offset = rng.uniform(-distribution.in_line_angle, distribution.in_line_angle)
        angle = math.atan2(across[1], across[0]) + offset + math.pi * rng.integers(2)
    return np.array([math.cos(angle), math.sin(angle)])


def _look_at(
    position: np.ndarray, target: np.ndarray, focal: float, size: tuple[int, int], roll: float, aim: np.ndarray
) -> Camera:
    """A camera whose image shows the target off its middle by `aim` [2], in shares of the image's sides."""
    K = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    # rotate so that the ray through the aimed pixel, not through the middle, meets the target
    yaw, pitch = np.arctan2(aim * size, focal)
    rotation = _about_x(pitch) @ _about_y(-yaw) @ _about_z(roll) @ look_at(position, target)[:3, :3]
    return Camera(K, rigid_transform(rotation, -rotation @ position))


def _is_too_near(camera: Camera, points: np.ndarray, size: tuple[int, int], fill: float, margin: float) -> bool:
    """Whether people take more than `fill` of the image's height, pass the margin at its sides (px), or are out of focus."""
    if (points @ camera.T_cw[2, :3] + camera.T_cw[2, 3]).min() < _NEAREST:
        return True
    pixels = _project(camera, points)
    is_too_wide = pixels[:, 0].min() < margin or pixels[:, 0].max() > size[0] - margin
    return bool(is_too_wide or np.ptp(pixels[:, 1]) > fill * size[1])


def _project(camera: Camera, points: np.ndarray) -> np.ndarray:
    """px [N,2] of world points [N,3] in front of the camera."""
    incam = transform_points(camera.T_cw, points)
    return incam[:, :2] / incam[:, 2:] * camera.K[0, 0] + camera.K[:2, 2]


def _about_x(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_z(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
