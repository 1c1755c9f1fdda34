"""Cameras that somebody might film two people with: lenses, heights and sides varied, often one person before the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.contract.skeleton import JOINT_INDEX
from core.motion import Camera

LANDSCAPE, PORTRAIT = (960, 540), (540, 960)
_PORTRAIT_SHARE = 0.3
_LENS = (28.0, 70.0)
"""mm on the long side of a 36 mm picture."""
_FILM = 36.0
"""mm"""
_FILL = (0.35, 0.95)
"""Share of the picture's height that the two people take, from the highest to the lowest point over the whole clip."""
_SIDE_ON_SHARE, _SIDE_ON = 0.45, math.radians(35)
"""Share of the cameras that look along the line from one person to the other, within this angle: one hides the other."""
_CUT_SHARE, _CUT = 0.15, (0.1, 0.3)
"""Share of the cameras that leave feet or heads out of the picture, and how much of the people's height that is."""
_MOST_OUTSIDE = 0.25
"""Share of the people's joints, over the clip, that may be out of the picture."""
_AIM = 0.04
"""Standard deviation of how far off the people's middle the camera looks, as a share of the picture."""
_NEAREST, _FARTHEST = 1.6, 30.0
"""metres from the camera to any joint; to the people's middle."""
_HALVINGS = 24
"""Of the range of distances."""
_SIDE_MARGIN = 0.02
"""Share of the picture's width that stays free at both sides."""
_CROWN, _SOLE = 0.18, 0.08
"""metres of a person above the head's joint and below the ankles'."""


@dataclass(frozen=True)
class CameraDistribution:
    """How cameras are drawn: a person who holds one stands, kneels or climbs."""

    height: tuple[float, float] = (0.8, 2.2)
    """metres over the floor."""
    roll: float = math.radians(2.0)
    """Standard deviation of how far the camera is tilted sideways."""


NARROW_CAMERAS = CameraDistribution()
"""Held by somebody who stands: the cameras of the benchmark."""
WIDE_CAMERAS = CameraDistribution(height=(0.4, 3.6), roll=math.radians(9.0))
"""From near the floor up to a ladder, and tilted: more than a benchmark needs, for training."""


def sample_camera(
    joints: np.ndarray, rng: np.random.Generator, distribution: CameraDistribution = NARROW_CAMERAS
) -> tuple[Camera, tuple[int, int]]:
    """A camera that sees two people through a clip, and its picture's (width, height) in px.

    joints [2,T,J,3], the body's 22 joints first, world frame. Everything is drawn from `rng`; the distance follows from the
    lens and from how large people shall be, and both stay within the picture's sides.
    """
    points = _outline(joints)
    along = (joints[1, :, 0] - joints[0, :, 0]).mean(0)
    while True:
        camera, size = _drawn(points, along, rng, distribution)
        pixels = _pixels(camera, points)
        if ((pixels < 0) | (pixels >= size)).any(-1).mean() <= _MOST_OUTSIDE:
            return camera, size


def _drawn(
    points: np.ndarray, along: np.ndarray, rng: np.random.Generator, distribution: CameraDistribution
) -> tuple[Camera, tuple[int, int]]:
    """A camera for points [N,3] of two people, `along` [3] from one to the other."""
    size = PORTRAIT if rng.random() < _PORTRAIT_SHARE else LANDSCAPE
    focal = max(size) * math.exp(rng.uniform(*np.log(_LENS))) / _FILM
    middle = (points.min(0) + points.max(0)) / 2
    back = _direction(along, rng)
    height, fill, roll = rng.uniform(*distribution.height), rng.uniform(*_FILL), rng.normal(0, distribution.roll)
    aim = rng.normal(0, _AIM, 2)
    cut = rng.uniform(*_CUT) if rng.random() < _CUT_SHARE else 0.0
    if cut:
        # what is shown of them fills the picture, and the rest lies beyond its upper or lower edge
        fill, aim[1] = 1 + cut, rng.choice([-0.5, 0.5]) * cut

    def camera(distance: float) -> Camera:
        place = np.append(middle[:2] + distance * back, height)
        return _looking(place, middle, focal, size, roll, aim)

    near, far = _NEAREST, _FARTHEST
    for _ in range(_HALVINGS):
        distance = math.sqrt(near * far)
        if _too_large(camera(distance), points, size, fill, aside=bool(cut)):
            near = distance
        else:
            far = distance
    return camera(far), size


def _outline(joints: np.ndarray) -> np.ndarray:
    """[N,3]: all body joints over the clip, the crown of each head and the soles of the feet."""
    crown, soles = joints[:, :, [JOINT_INDEX["head"]]].copy(), joints[:, :, [JOINT_INDEX["left_ankle"]]].copy()
    crown[..., 2] += _CROWN
    soles[..., 2] -= _SOLE
    return np.concatenate([part.reshape(-1, 3) for part in (joints[:, :, :22], crown, soles)]).astype(float)


def _direction(along: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[2], the horizontal direction from the two people to the camera."""
    angle = rng.uniform(-math.pi, math.pi)
    if rng.random() < _SIDE_ON_SHARE:
        angle = math.atan2(along[1], along[0]) + rng.uniform(-_SIDE_ON, _SIDE_ON) + math.pi * rng.integers(2)
    return np.array([math.cos(angle), math.sin(angle)])


def _looking(
    place: np.ndarray, target: np.ndarray, focal: float, size: tuple[int, int], roll: float, aim: np.ndarray
) -> Camera:
    """A camera at `place` whose picture shows `target` off its middle by the shares `aim` [2] of its sides."""
    K = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    forward = _unit(target - place)
    right = _unit(np.cross(forward, (0, 0, 1)))
    level = np.stack([right, np.cross(forward, right), forward])
    # turn so that the ray through the wanted pixel, not the middle's, meets the target
    across, down = np.arctan2(aim * size, focal)
    turned = _about_x(down) @ _about_y(-across) @ _about_z(roll) @ level
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = turned, -turned @ place
    return Camera(K, world)


def _too_large(camera: Camera, points: np.ndarray, size: tuple[int, int], fill: float, *, aside: bool) -> bool:
    """Whether people take more of the picture than `fill` of its height, or of its width than there is (`aside`: some may
    leave it), or somebody is too near to be in focus."""
    if (points @ camera.T_cw[2, :3] + camera.T_cw[2, 3]).min() < _NEAREST:
        return True
    pixels = _pixels(camera, points)
    margin = _SIDE_MARGIN * size[0] * (-1 if aside else 1)
    wide = pixels[:, 0].min() < margin or pixels[:, 0].max() > size[0] - margin
    return bool(wide or np.ptp(pixels[:, 1]) > fill * size[1])


def _pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    """px [N,2] of world points [N,3] before the camera."""
    seen = points @ camera.T_cw[:3, :3].T + camera.T_cw[:3, 3]
    return seen[:, :2] / seen[:, 2:] * camera.K[0, 0] + camera.K[:2, 2]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _about_x(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_z(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
