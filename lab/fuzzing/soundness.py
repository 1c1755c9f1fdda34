"""Judges what a reader accepted, by rules of its own, so that a check that a reader lacks is found.

Every function returns what is wrong with a value in a few words, or None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

from core.body.model import BodyModel
from core.contract.edits import Edits
from core.contract.names import is_identifier
from core.contract.reconstruction import BodyArrays, Info, MotionArrays, Reconstruction
from core.contract.skeleton import PARENTS
from core.perception.detections import Detections

_LARGEST = 1e6
"""No length, angle or pixel of a real result is larger."""
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._ -]*")


def problem_of_reconstruction(value: Reconstruction) -> str | None:
    """What is wrong with a reconstruction that its reader let through; None if nothing is."""
    motion, body = value.motion, value.body
    return (
        problem_of_numbers(motion)
        or problem_of_numbers(body)
        or _problem_of_timeline(motion)
        or _problem_of_skeleton(motion)
        or _problem_of_mesh(body)
        or problem_of_info(value.info)
    )


def problem_of_info(value: Info) -> str | None:
    """The same of its description."""
    names = [value.take, *(take.id for take in value.takes)]
    if wrong := [name for name in names if not _FILE_NAME.fullmatch(name)]:
        return f"{wrong[0]!r} is accepted as the id of a take"
    if value.take not in names[1:]:
        return "its take is not in the list of takes"
    texts = (value.prompt, value.device, *value.warnings, *(person.name for person in value.people))
    if not all(isinstance(text, str) for text in texts):
        return "a text is not text"
    numbers = [person.height for person in value.people] + [take.energy for take in value.takes]
    if not all(_is_number(number) for number in numbers):
        return "a number is not finite"
    first, last = value.clip["frames"]
    if not (isinstance(first, int) and isinstance(last, int) and first <= last):
        return "the frames of the clip are not a range"
    return None


def problem_of_edits(value: Edits) -> str | None:
    """The same of an animator's edits."""
    for pin in value.pins:
        numbers = (*(pin.rotation or ()), *(pin.position or ()))
        if not all(_is_number(number) and abs(number) < 1e4 for number in numbers):
            return "a pin is far outside of any scene"
        if pin.frame < 0:
            return "a pin is before the clip"
    for contact in value.contacts or ():
        if contact.person_b == contact.person_a or contact.frame_start < 0 or not _is_number(contact.weight):
            return "a contact is impossible"
        if contact.probability is not None and not _is_number(contact.probability):
            return "a contact's probability is no number"
        if not is_identifier(contact.touch) or contact.reached not in (None, True, False):
            return "a contact belongs to no touch"
    return None


def problem_of_detections(value: Detections) -> str | None:
    """The same of detections."""
    frames = len(value.frame_index)
    by_frame = ("keypoints", "covariance", "world_landmarks", "found", "hands", "hand_landmarks", "masks")
    wrong = [name for name in by_frame if getattr(value, name).shape[1] != frames]
    return f"{wrong[0]} has another number of frames" if wrong else problem_of_numbers(value)


def problem_of_body(value: BodyModel) -> str | None:
    """The same of a body model."""
    arrays = {name: part for name, part in vars(value).items() if isinstance(part, torch.Tensor)}
    if any(not bool(torch.isfinite(part).all()) for part in arrays.values() if part.is_floating_point()):
        return "a tensor is not finite"
    if any(float(part.abs().max()) > _LARGEST for part in arrays.values() if part.is_floating_point() and part.numel()):
        return "a tensor has absurd values"
    faces = arrays["faces"]
    return "faces are out of bounds" if int(faces.min()) < 0 or int(faces.max()) >= len(arrays["v_template"]) else None


def problem_of_network(value: torch.nn.Module) -> str | None:
    """The same of a network's weights."""
    finite = all(bool(torch.isfinite(part).all()) for part in value.state_dict().values() if part.is_floating_point())
    return None if finite else "a weight is not finite"


def problem_of_numbers(value: Any) -> str | None:
    """All arrays in a value, dataclasses and sequences are searched, must be finite and of a sane size."""
    for array in _arrays(value):
        if array.dtype.kind == "O":
            return "an array holds objects"
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            return "an array is not finite"
        if array.dtype.kind == "f" and array.size and float(np.abs(array).max()) > _LARGEST:
            return "an array has absurd values"
    return None


def _problem_of_timeline(motion: MotionArrays) -> str | None:
    if len(motion.frame_index) < 1:
        return "it has no frames"
    if (np.diff(motion.frame_index) <= 0).any() or motion.frame_index[0] < 0:
        return "frames do not rise"
    return "times do not rise" if (np.diff(motion.time) <= 0).any() else None


def _problem_of_skeleton(motion: MotionArrays) -> str | None:
    bones = motion.rest_joints[:, 1:] - motion.rest_joints[:, list(PARENTS[1:])]
    return "a bone has no length" if (np.abs(bones).max(-1) == 0).any() else None


def _problem_of_mesh(body: BodyArrays) -> str | None:
    vertices = body.rest_vertices.shape[1]
    if body.faces.min(initial=0) < 0 or body.faces.max(initial=0) >= vertices:
        return "faces are out of bounds"
    if body.skin_joints.min(initial=0) < 0 or body.skin_joints.max(initial=0) >= 55:
        return "skin joints are out of bounds"
    if len(body.skin_joints) != vertices or len(body.skin_weights) != vertices or len(body.vertex_region) != vertices:
        return "arrays have different numbers of vertices"
    if (body.skin_weights < 0).any() or np.abs(body.skin_weights.sum(1) - 1).max(initial=0) > 0.01:
        return "skinning weights do not sum to one"
    return None


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value):
        for item in fields(value):
            yield from _arrays(getattr(value, item.name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _arrays(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _arrays(part)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
