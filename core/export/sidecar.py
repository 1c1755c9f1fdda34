"""The JSON beside exported files: what programs and scripts cannot read from the files themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..contract.files import write_json
from ..contract.names import file_stem
from ..contract.rotations import Y_UP_TO_Z_UP, headings, matrix_to_quaternion
from ..contract.skeleton import BONES
from .animation import AnimatedPerson
from .layout import FilePlan
from .placement import Placed
from .settings import ExportSettings

SCHEMA = 1
_FLAT_HANDS = (
    "Hand poses are relative to the flat hand: smplx.create(..., num_betas=16, flat_hand_mean=True, use_pca=False). "
    "The betas hold for the body in surface_model only; on another body the joints are elsewhere."
)


def write_sidecar(placed: Placed, settings: ExportSettings, plans: list[FilePlan], folder: Path) -> Path:
    """Write `CLIP_TARGET.json` and return its path."""
    path = folder / f"{file_stem(placed.animation.clip, 'clip')}_{settings.target}.json"
    write_json(path, sidecar(placed, settings, plans))
    return path


def sidecar(placed: Placed, settings: ExportSettings, plans: list[FilePlan]) -> dict[str, Any]:
    """Rate and length, both people's places at the start, and the contacts by frames of the files, counted from 0.

    Places are in metres in a world that is Z up, with the origin of the files; headings in degrees about Z, 0 facing -Y.
    """
    animation = placed.animation
    first, second = animation.people
    frames = len(animation.clip_frames)
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "clip": animation.clip,
        "target": settings.target,
        "frame_rate": animation.frame_rate,
        "frames": frames,
        "clip_frames": [float(animation.clip_frames[0]), float(animation.clip_frames[-1])],
        "metres_per_unit": settings.preset.unit,
        "root": settings.root,
        "origin": {"choice": settings.origin, "scene_position": placed.origin_inworld.tolist()},
        "offset_a_to_b": _offset(first, second),
        "people": [_person(person, plans) for person in animation.people],
        "contacts": [
            contact.to_json() | {"frame_start": max(start, 0), "frame_end": min(end, frames - 1)}
            for contact in animation.contacts
            for start, end in [(animation.frame_of(contact.frame_start), animation.frame_of(contact.frame_end))]
            if start < frames and end >= 0
        ],
    }
    if settings.preset.format == "amass":
        record["note"] = _FLAT_HANDS
    return record


def _person(person: AnimatedPerson, plans: list[FilePlan]) -> dict[str, Any]:
    held = [(plan, names) for plan in plans for one, names in zip(plan.people, plan.bone_names) if one is person]
    return {
        "name": person.name,
        "start": {"position": person.positions[0, 0].tolist(), "heading": _heading(person)},
        "files": [plan.path.name for plan, _ in held],
        "bones": dict(zip(BONES, held[0][1])) if held else {},
    }


def _heading(person: AnimatedPerson) -> float:
    return float(np.degrees(headings(matrix_to_quaternion(person.rotations[:1, 0] @ Y_UP_TO_Z_UP.T))[0]))


def _offset(first: AnimatedPerson, second: AnimatedPerson) -> dict[str, Any]:
    """Where the second person's root is at the start, as the first one's root sees it: x to their left, y behind, z up."""
    relative = np.asarray(np.linalg.inv(first.root_matrices()[0]) @ second.root_matrices()[0], np.float64)
    return {
        "position": relative[:3, 3].tolist(),
        "heading": float(np.degrees(np.arctan2(relative[1, 0], relative[0, 0]))),
    }
