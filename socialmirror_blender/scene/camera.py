"""The clip's camera: its pose and lens at every frame."""

from __future__ import annotations

import hashlib
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .animation import animate, stop_animating
from .names import CAMERA_MOTION_PROPERTY
from .rotations import make_sign_continuous, matrix_to_quaternion

SENSOR_WIDTH = 36.0
"""mm. Only its ratio to the focal length matters."""
_OPENCV_TO_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])
"""OpenCV's camera has x right, y down, z forward; Blender's has x right, y up, z backward."""
_CONSTANT = 1e-6
"""A property that varies less than this gets no F-curves."""


def build_camera(
    collection: bpy.types.Collection,
    name: str,
    K: np.ndarray,
    T_cw: np.ndarray,
    image_size: tuple[int, int],
    frames: np.ndarray,
) -> bpy.types.Object:
    """A camera object, linked to `collection`; for the arrays see `key_camera`.

    The lens is fitted to the width of the image, so that the image's centre stays right if the scene renders in another
    aspect ratio.
    """
    data = bpy.data.cameras.new(name)
    camera = bpy.data.objects.new(name, data)
    collection.objects.link(camera)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_WIDTH
    data.clip_end = 1000.0
    data.passepartout_alpha = 0.85  # what stands beside the clip's frame does not distract from it
    camera.rotation_mode = "QUATERNION"
    key_camera(camera, K, T_cw, image_size, frames)
    return camera


def key_camera(
    camera: bpy.types.Object, K: np.ndarray, T_cw: np.ndarray, image_size: tuple[int, int], frames: np.ndarray
) -> None:
    """Animate pose and lens at scene frames [S]. Nothing changes if it has this motion, nor does what else is animated.

    K [S,3,3] are intrinsics in pixels with (0, 0) at the image's top left corner, T_cw [S,4,4] take the world to the camera
    (x right, y down, z forward), image_size is (width, height) in pixels, which are taken as square.
    """
    digest = hashlib.sha256(repr(image_size).encode())
    for array in (K, T_cw, frames):
        digest.update(np.ascontiguousarray(array, dtype=np.float64).tobytes())
    stored: Any = camera
    if stored.get(CAMERA_MOTION_PROPERTY) == digest.hexdigest():
        return  # takes share their camera, to which the animator may have given keyframes
    stored[CAMERA_MOTION_PROPERTY] = digest.hexdigest()
    data: Any = camera.data
    pose_inworld = np.linalg.inv(T_cw.astype(np.float64)) @ _OPENCV_TO_BLENDER
    rotation = make_sign_continuous(matrix_to_quaternion(pose_inworld[:, :3, :3]))
    camera.matrix_world = Matrix(pose_inworld[0].tolist())
    _animate(camera, "location", pose_inworld[:, :3, 3], frames)
    _animate(camera, "rotation_quaternion", rotation, frames)

    width, height = image_size
    _animate(data, "lens", K[:, 0, 0, None] * SENSOR_WIDTH / width, frames)
    _animate(data, "shift_x", 0.5 - K[:, 0, 2, None] / width, frames)
    _animate(data, "shift_y", (K[:, 1, 2, None] - height / 2) / width, frames)


def _animate(owner: Any, prop: str, values: np.ndarray, frames: np.ndarray) -> None:
    """Set a property to values [S,n], with F-curves if they vary."""
    first = values[0].tolist()
    setattr(owner, prop, first if len(first) > 1 else first[0])
    if np.ptp(values, axis=0).max() < _CONSTANT:
        stop_animating(owner, prop)
    else:
        animate(owner, prop, values, frames)
