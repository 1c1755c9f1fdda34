"""The correction of the camera on a reconstruction's collection.

It is relative to the take that is shown. Another take is shown under the same camera: what it was made with and the correction
make the camera together, so that the scene's world, with all that the animator has built in it, stays what it is.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import bpy

from ...core.contract.reconstruction import Reconstruction
from ..reconstruction_properties import contact_list, set_correction
from .camera_correction import CameraCorrection, CameraStance, corrected, correction_between, stance
from .clip import clip_info
from .names import CAMERA_STANCE_PROPERTY


def correction_of(collection: bpy.types.Collection) -> CameraCorrection:
    values = contact_list(collection)
    return CameraCorrection(values.camera_pitch, values.camera_roll, values.camera_height, values.camera_focal)


def as_corrected(collection: bpy.types.Collection, reconstruction: Reconstruction) -> Reconstruction:
    """A take as the collection's correction has it, which the collection remembers for `read_stance`."""
    result = corrected(reconstruction, correction_of(collection))
    seen = _stance(result)
    stored: Any = collection
    stored[CAMERA_STANCE_PROPERTY] = [seen.pitch, seen.roll, seen.height, seen.fov]
    return result


def as_shown(collection: bpy.types.Collection, reconstruction: Reconstruction) -> Reconstruction:
    """Any take under the camera that is shown."""
    return corrected(reconstruction, _correction_for(collection, reconstruction))


def keep_camera(collection: bpy.types.Collection, reconstruction: Reconstruction) -> None:
    """Let the correction be that of this take, which will be shown next, for the camera that is shown now."""
    set_correction(contact_list(collection), _correction_for(collection, reconstruction))


def keep_corrected_camera(
    source: bpy.types.Collection, target: bpy.types.Collection, reconstruction: Reconstruction
) -> None:
    """`keep_camera` for a take that is imported into `target`, where the animator has corrected the camera of `source`.

    Without a correction the take is shown under its own camera: it may have been reconstructed with a known one.
    """
    if correction_of(source).changes:
        set_correction(contact_list(target), _correction_for(source, reconstruction))


@contextmanager
def correction_restored_on_error(collection: bpy.types.Collection) -> Generator[None]:
    """Let the correction, and the camera that `read_stance` tells, be as they were if the block raises."""
    stored: Any = collection
    correction, seen = correction_of(collection), read_stance(collection)
    try:
        yield
    except BaseException:
        set_correction(contact_list(collection), correction)
        if seen is not None:
            stored[CAMERA_STANCE_PROPERTY] = [seen.pitch, seen.roll, seen.height, seen.fov]
        raise


def read_stance(collection: bpy.types.Collection) -> CameraStance | None:
    """How the clip's camera stands with its correction, None for an import by an earlier version."""
    stored: Any = collection
    values = stored.get(CAMERA_STANCE_PROPERTY)
    return CameraStance(*values) if values is not None and len(values) == 4 else None


def _correction_for(collection: bpy.types.Collection, reconstruction: Reconstruction) -> CameraCorrection:
    shown = read_stance(collection)
    if shown is None:
        return correction_of(collection)
    return correction_between(reconstruction.motion, _stance(reconstruction), shown)


def _stance(reconstruction: Reconstruction) -> CameraStance:
    return stance(reconstruction.motion, clip_info(reconstruction.info).image_size[0])
