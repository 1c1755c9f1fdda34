"""What a reconstruction was made of, as plain data that is kept with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..annotator.generator import Annotator
from ..body.model import BodyModel
from ..clip import Clip
from ..contract.errors import UserError
from ..contract.fields import MAX_PATH, Fields
from ..contract.limits import MAX_FRAME_INDEX, MAX_TRACKS
from ..contract.marks import PersonMark
from ..contract.options import marks_from_json, marks_to_json
from ..contract.reconstruction import damaged
from ..contract.requests import (
    MAX_CAMERA_HEIGHT,
    MAX_CAMERA_PITCH,
    MAX_CAMERA_ROLL,
    MAX_FOV,
    MIN_CAMERA_HEIGHT,
    MIN_FOV,
)
from ..digests import is_changed
from ..fitting.camera import KnownCamera
from .settings import PerceptionSettings
from .stage import Given
from .takes import ClipInputs, ImportedPair


@dataclass(frozen=True)
class ClipChoices:
    """What a reconstruction was made of, as plain data; kept with it so that refine can go on from the cache."""

    clip: str
    """`content_key` of the clip, and `Clip.reading`."""
    frames: tuple[int, int]
    people: tuple[int, int] | None
    fov: float | None
    body: str
    """Identity of the body file."""
    backend: str
    """Runtime of the 2D networks."""
    prompt: str = ""
    """The user's prompt."""
    people_at: tuple[PersonMark, PersonMark] | None = None
    initial: tuple[str, ...] = ()
    """`content_key`s of the files with another tool's motion."""
    camera_pitch: float | None = None
    camera_roll: float | None = None
    camera_height: float | None = None
    lifting: str = ""
    """Identity of the model that lifts people to 3D; empty for the networks that come with the product."""
    annotator: str = ""
    """Key of the annotator; empty for none."""
    scene_model: str = ""
    """Identity of the model that looked at the scene for the camera; empty: none did."""
    hub: str = ""
    """See `PerceptionSettings`."""
    described: tuple[str, str] | None = None
    describer: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "frames": list(self.frames),
            "people": None if self.people is None else list(self.people),
            "people_at": None if self.people_at is None else marks_to_json(self.people_at),
            "initial": list(self.initial),
            "described": None if self.described is None else list(self.described),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ClipChoices:
        """UserError `damaged` where the record is none of this version."""
        values = Fields(dict(record), damaged, "choices")
        first, last = values.integers("frames", 2, 0, MAX_FRAME_INDEX)
        camera = read_camera(values)
        people = values.integers("people", 2, 0, MAX_TRACKS) if values.has("people") else None
        return cls(
            values.text("clip", longest=MAX_PATH),
            (first, last),
            None if people is None else (people[0], people[1]),
            camera.fov,
            values.text("body", longest=MAX_PATH),
            values.text("backend", longest=200),
            values.text("prompt", default=""),
            _marks_of(values),
            _initial_of(values),
            camera.pitch,
            camera.roll,
            camera.height,
            values.text("lifting", longest=200, default=""),
            values.text("annotator", default="", longest=MAX_PATH),
            values.text("scene_model", longest=64, default=""),
            values.text("hub", default="", longest=MAX_PATH),
            _described_of(values),
            values.text("describer", default="", longest=MAX_PATH),
        )

    def inputs(
        self,
        clip: Clip | None,
        body: BodyModel,
        imported: ImportedPair | None = None,
        annotator: Annotator | None = None,
    ) -> ClipInputs:
        perception = PerceptionSettings(
            self.frames, self.people, self.people_at, self.backend, self.hub, self.described, self.describer
        )
        initial = Given(imported, " ".join(self.initial)) if self.initial else None
        known = KnownCamera(self.fov, self.camera_pitch, self.camera_roll, self.camera_height)
        given_annotator = Given(annotator, self.annotator) if self.annotator else None
        return ClipInputs(
            Given(clip, self.clip, partial(_check_unchanged, clip, self.clip)),
            perception,
            known,
            Given(body, self.body),
            initial,
            self.lifting,
            given_annotator,
            self.scene_model,
        )


def _check_unchanged(clip: Clip | None, key: str) -> None:
    """UserError `clip-changed` where the file that frames were read from is not the one that was hashed."""
    if clip is not None and is_changed(clip.path, key.partition(" ")[0]):
        raise UserError(
            "clip-changed",
            f"{clip.path.name} has been changed or replaced while it was reconstructed.",
            "Wait until the file is written, and reconstruct the clip again.",
        )


def camera_record(camera: KnownCamera) -> dict[str, float]:
    """What is known of a camera, for `read_camera`."""
    names = {
        "fov": camera.fov,
        "camera_pitch": camera.pitch,
        "camera_roll": camera.roll,
        "camera_height": camera.height,
    }
    return {name: value for name, value in names.items() if value is not None}


def read_camera(values: Fields) -> KnownCamera:
    """Fields that are missing are not known. UserError `damaged`."""
    return KnownCamera(
        values.number("fov", MIN_FOV, MAX_FOV, None),
        values.number("camera_pitch", -MAX_CAMERA_PITCH, MAX_CAMERA_PITCH, None),
        values.number("camera_roll", -MAX_CAMERA_ROLL, MAX_CAMERA_ROLL, None),
        values.number("camera_height", MIN_CAMERA_HEIGHT, MAX_CAMERA_HEIGHT, None),
    )


def _marks_of(values: Fields) -> tuple[PersonMark, PersonMark] | None:
    """UserError `damaged` where there are marks, but not two of numbers."""
    if not values.has("people_at"):
        return None
    try:
        return marks_from_json(values.entries("people_at", longest=2))
    except ValueError as error:
        raise damaged("choices.people_at are not two marks") from error


def _described_of(values: Fields) -> tuple[str, str] | None:
    """UserError `damaged` where there are descriptions, but not two of text."""
    if not values.has("described"):
        return None
    texts = values.entries("described", longest=2)
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        raise damaged("choices.described are not two descriptions")
    return str(texts[0]), str(texts[1])


def _initial_of(values: Fields) -> tuple[str, ...]:
    """UserError `damaged` where there are digests, but none of files."""
    if not values.has("initial"):
        return ()
    digests = [str(entry) for entry in values.entries("initial", longest=2)]
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests):
        raise damaged("choices.initial are no digests of files")
    return tuple(digests)
