"""The correction of the camera on a reconstruction's collection, and what it made of the world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from ...core.contract.edits import Pin
from ...core.contract.reconstruction import Reconstruction
from ..reconstruction_properties import contact_list, set_correction
from .camera_correction import CameraCorrection, CameraStance, corrected, stance, world_change
from .clip import clip_info
from .names import CAMERA_STANCE_PROPERTY, WORLD_CHANGE_PROPERTY
from .rotations import axis_angle_to_quaternion, matrix_to_quaternion, quaternion_to_axis_angle, quaternion_to_matrix


def correction_of(collection: bpy.types.Collection) -> CameraCorrection:
    values = contact_list(collection)
    return CameraCorrection(values.camera_pitch, values.camera_roll, values.camera_height, values.camera_focal)


def copy_correction(source: bpy.types.Collection, target: bpy.types.Collection) -> None:
    set_correction(contact_list(target), correction_of(source))


def as_corrected(collection: bpy.types.Collection, reconstruction: Reconstruction) -> Reconstruction:
    """A take as the collection's correction has it, which the collection remembers for `read_stance` and `to_take_world`."""
    correction = correction_of(collection)
    result = corrected(reconstruction, correction)
    seen = stance(result.motion, clip_info(result.info).image_size[0])
    stored: Any = collection
    stored[CAMERA_STANCE_PROPERTY] = [seen.pitch, seen.roll, seen.height, seen.fov]
    if correction.changes:
        stored[WORLD_CHANGE_PROPERTY] = world_change(reconstruction.motion, correction).ravel().tolist()
    else:
        stored.pop(WORLD_CHANGE_PROPERTY, None)
    return result


def read_stance(collection: bpy.types.Collection) -> CameraStance | None:
    """How the clip's camera stands with its correction, None for an import by an earlier version."""
    stored: Any = collection
    values = stored.get(CAMERA_STANCE_PROPERTY)
    return CameraStance(*values) if values is not None and len(values) == 4 else None


def to_take_world(collection: bpy.types.Collection, pins: list[Pin]) -> list[Pin]:
    """Pins of the scene in the world of the take, which Refine goes on from: its camera is the one that was estimated."""
    stored: Any = collection
    values = stored.get(WORLD_CHANGE_PROPERTY)
    if values is None or len(values) != 16:
        return pins
    back = np.linalg.inv(np.array(values).reshape(4, 4))
    return [_moved(pin, back) for pin in pins]


def _moved(pin: Pin, matrix: np.ndarray) -> Pin:
    """A pin in another world. Rotations are relative to the parent joint, but for the pelvis."""
    if pin.position is not None:
        x, y, z = (matrix[:3, :3] @ np.array(pin.position) + matrix[:3, 3]).tolist()
        pin = replace(pin, position=(x, y, z))
    if pin.rotation is not None and pin.joint == "pelvis":
        pin = replace(pin, rotation=_turned(pin.rotation, matrix))
    if pin.world_rotation is not None:
        pin = replace(pin, world_rotation=_turned(pin.world_rotation, matrix))
    return pin


def _turned(rotation: tuple[float, float, float], matrix: np.ndarray) -> tuple[float, float, float]:
    """An axis-angle rotation into the world, in another world."""
    turned = matrix[:3, :3] @ quaternion_to_matrix(axis_angle_to_quaternion(np.array(rotation)))
    x, y, z = quaternion_to_axis_angle(matrix_to_quaternion(turned)).tolist()
    return x, y, z
