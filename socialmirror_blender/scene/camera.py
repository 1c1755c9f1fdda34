"""The clip's camera, with the clip behind the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .. import compat
from .keys import write_curve
from .rotations import quaternion_from_matrix, sign_continuous
from .timing import Timeline, lerp

SENSOR_WIDTH = 36.0  # mm; only its ratio to the focal length matters
_OPENCV_TO_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])  # Blender's camera looks along -z with y up
_STILL = 1e-6


def build_camera(
    collection: bpy.types.Collection,
    name: str,
    intrinsics: np.ndarray,
    world_to_camera: np.ndarray,
    size: tuple[int, int],
    frames: np.ndarray,
) -> bpy.types.Object:
    """A camera with pose and lens at `frames` [S], keyed only where they change.

    intrinsics [S,3,3] px with (0, 0) the picture's top left corner, world_to_camera [S,4,4] (x right, y down, z
    forward), size (width, height) px. Pixels are taken as square. The lens fits the width, so that the picture's
    middle stays right whatever shape the scene renders in.
    """
    data = bpy.data.cameras.new(name)
    camera = bpy.data.objects.new(name, data)
    collection.objects.link(camera)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_WIDTH
    data.clip_end = 1000.0
    camera.rotation_mode = "QUATERNION"
    key_camera(camera, intrinsics, world_to_camera, size, frames)
    return camera


def key_camera(
    camera: bpy.types.Object,
    intrinsics: np.ndarray,
    world_to_camera: np.ndarray,
    size: tuple[int, int],
    frames: np.ndarray,
) -> None:
    """Set pose and lens of an existing camera, see `build_camera`; its former actions are let go."""
    data: Any = camera.data
    camera.animation_data_clear()
    data.animation_data_clear()
    pose = np.linalg.inv(world_to_camera.astype(np.float64)) @ _OPENCV_TO_BLENDER
    turned = sign_continuous(quaternion_from_matrix(pose[:, :3, :3]))
    camera.matrix_world = Matrix(pose[0].tolist())
    _animate(camera, "location", pose[:, :3, 3], frames)
    _animate(camera, "rotation_quaternion", turned, frames)

    width, height = size
    lens = intrinsics[:, 0, 0] * SENSOR_WIDTH / width
    shift = np.stack([0.5 - intrinsics[:, 0, 2] / width, (intrinsics[:, 1, 2] - height / 2) / width], -1)
    _animate(data, "lens", lens[:, None], frames)
    _animate(data, "shift_x", shift[:, :1], frames)
    _animate(data, "shift_y", shift[:, 1:], frames)


def show_clip(camera: bpy.types.Object, path: Path, timeline: Timeline) -> None:
    """Put the movie behind the scene, its first frame where the clip's time is 0; nothing where there is no movie."""
    if not path.is_file():
        return
    try:
        movie = bpy.data.movieclips.load(str(path), check_existing=False)
    except RuntimeError:  # a file that Blender's own decoder cannot read; the motion is none the worse
        return
    data: Any = camera.data
    background = data.background_images.new()
    background.source = "MOVIE_CLIP"
    background.clip = movie
    background.alpha = 1.0
    background.frame_method = "FIT"
    data.show_background_images = True
    keep_clip_in_step(camera, timeline)


def keep_clip_in_step(camera: bpy.types.Object, timeline: Timeline) -> None:
    """Show the first frame of the movie behind the camera, if there is one, where the clip's time is 0."""
    for movie in shown_clips(camera):
        movie.frame_start = round(timeline.zero)


def shown_clips(camera: bpy.types.Object) -> list[bpy.types.MovieClip]:
    data: Any = camera.data
    return [background.clip for background in data.background_images if background.clip is not None]


def clip_notes(camera: bpy.types.Object, path: Path, timeline: Timeline, clip_rate: float) -> str:
    """What the user should know about the clip behind the camera, empty where all is well.

    Movies play frame by frame behind a camera, whatever the rates, so they drift where the scene's rate is another.
    """
    if not shown_clips(camera):
        return f"The clip {path} is not there or cannot be shown, so the camera has no background."
    if abs(timeline.fps - clip_rate) > 0.01 * clip_rate:
        return (
            f"The scene runs at {timeline.fps:g} frames a second, the clip at {clip_rate:g}: the motion is right, but the "
            "clip behind the camera drifts. Set the scene's frame rate to the clip's and import again."
        )
    return ""


def resample_camera(
    intrinsics: np.ndarray, world_to_camera: np.ndarray, seconds: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Camera [T,...] with time stamps `seconds` as it is `at` other times; rotations are made orthogonal again."""
    if len(at) == len(seconds) and np.array_equal(at, seconds):
        return intrinsics, world_to_camera
    between = lerp(world_to_camera.astype(np.float64), seconds, at)
    left, _, right = np.linalg.svd(between[:, :3, :3])
    # the camera's place is what moves steadily, not the translation, which is written in the camera's own axes
    places = -np.einsum("tba,tb->ta", world_to_camera[:, :3, :3].astype(np.float64), world_to_camera[:, :3, 3])
    between[:, :3, :3] = left @ right
    between[:, :3, 3] = -np.einsum("tab,tb->ta", between[:, :3, :3], lerp(places, seconds, at))
    return lerp(intrinsics.astype(np.float64), seconds, at), between


def _animate(owner: Any, prop: str, values: np.ndarray, frames: np.ndarray) -> None:
    """Set `prop` to values [S,n], with curves where it changes."""
    first = values[0].tolist()
    setattr(owner, prop, first if len(first) > 1 else first[0])
    if np.ptp(values, axis=0).max() < _STILL:
        return
    bag = compat.channels(owner)
    if bag is None:
        action = bpy.data.actions.new(owner.name)
        slot, bag = compat.new_channels(action, owner.name, id_type=owner.id_type)
        compat.assign_action(owner, action, slot)
    for axis in range(values.shape[1]):
        write_curve(bag, prop, axis, frames, values[:, axis])
