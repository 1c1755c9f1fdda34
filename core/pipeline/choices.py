"""What a reconstruction was made of, as plain data that is kept with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import partial
from typing import Any

from ..annotator.generator import Annotator
from ..body.model import BodyModel
from ..clip import Clip
from ..contract.errors import UserError
from ..contract.fields import MAX_PATH, MAX_TEXT, Fields
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
from .nodes import ClipInputs, ImportedPair
from .settings import PerceptionSettings
from .stage import Given


@dataclass(frozen=True)
class _Kind:
    """How the values of a field of `ClipChoices` are kept as JSON. Readers raise the UserError `damaged`."""

    read: Callable[[Fields, str], Any]
    """The value of a field of that name, or what stands for one that is missing."""
    write: Callable[[Any], Any] = lambda value: value
    """Not called with None."""


def _choice(kind: _Kind, default: Any = MISSING, *, of_the_clip: bool = False) -> Any:
    """A field of `ClipChoices`. `of_the_clip`: takes that differ in it cannot be shown by the same two rigs."""
    metadata = {"kind": kind, "of_the_clip": of_the_clip}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def _text(longest: int) -> _Kind:
    return _Kind(lambda values, name: values.text(name, longest=longest))


def _optional_text(longest: int) -> _Kind:
    return _Kind(lambda values, name: values.text(name, longest=longest, default=""))


def _number(minimum: float, maximum: float) -> _Kind:
    return _Kind(lambda values, name: values.number(name, minimum, maximum, None))


def _whole_numbers(values: Fields, name: str, maximum: int) -> tuple[int, int]:
    first, second = values.integers(name, 2, 0, maximum)
    return first, second


def _people(values: Fields, name: str) -> tuple[int, int] | None:
    return _whole_numbers(values, name, MAX_TRACKS) if values.has(name) else None


def _marks(values: Fields, name: str) -> tuple[PersonMark, PersonMark] | None:
    if not values.has(name):
        return None
    try:
        return marks_from_json(values.entries(name, longest=2))
    except ValueError as error:
        raise damaged(f"choices.{name} are not two marks") from error


def _descriptions(values: Fields, name: str) -> tuple[str, str] | None:
    if not values.has(name):
        return None
    texts = values.entries(name, longest=2)
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        raise damaged(f"choices.{name} are not two descriptions")
    return str(texts[0]), str(texts[1])


def _digests(values: Fields, name: str) -> tuple[str, ...]:
    digests = [str(entry) for entry in values.entries(name, longest=2)] if values.has(name) else []
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests):
        raise damaged(f"choices.{name} are no digests of files")
    return tuple(digests)


_CAMERA = {
    "fov": _number(MIN_FOV, MAX_FOV),
    "camera_pitch": _number(-MAX_CAMERA_PITCH, MAX_CAMERA_PITCH),
    "camera_roll": _number(-MAX_CAMERA_ROLL, MAX_CAMERA_ROLL),
    "camera_height": _number(MIN_CAMERA_HEIGHT, MAX_CAMERA_HEIGHT),
}
"""What may be known of a camera: the fields of `KnownCamera` by their names in records."""


@dataclass(frozen=True)
class ClipChoices:
    """What a reconstruction was made of, as plain data; kept with it so that refine can go on from the cache.

    JSON, the comparison of clips and the settings of the 2D stage follow from the fields.
    """

    clip: str = _choice(_text(MAX_PATH), of_the_clip=True)
    """`content_key` of the clip, and `Clip.reading`."""
    frames: tuple[int, int] = _choice(
        _Kind(lambda values, name: _whole_numbers(values, name, MAX_FRAME_INDEX), list), of_the_clip=True
    )
    people: tuple[int, int] | None = _choice(_Kind(_people, list), of_the_clip=True)
    fov: float | None = _choice(_CAMERA["fov"])
    body: str = _choice(_text(MAX_PATH), of_the_clip=True)
    """Identity of the body file."""
    backend: str = _choice(_text(200))
    """Runtime of the 2D networks."""
    prompt: str = _choice(_optional_text(MAX_TEXT), "")
    """The user's prompt."""
    people_at: tuple[PersonMark, PersonMark] | None = _choice(_Kind(_marks, marks_to_json), None, of_the_clip=True)
    initial: tuple[str, ...] = _choice(_Kind(_digests, list), ())
    """`content_key`s of the files with another tool's motion."""
    camera_pitch: float | None = _choice(_CAMERA["camera_pitch"], None)
    camera_roll: float | None = _choice(_CAMERA["camera_roll"], None)
    camera_height: float | None = _choice(_CAMERA["camera_height"], None)
    lifting: str = _choice(_optional_text(200), "")
    """Identity of the model that lifts people to 3D; empty for the networks that come with the product."""
    annotator: str = _choice(_optional_text(MAX_PATH), "")
    """Key of the annotator; empty for none."""
    scene_model: str = _choice(_optional_text(64), "")
    """Identity of the model that looked at the scene for the camera; empty: none did."""
    hub: str = _choice(_optional_text(MAX_PATH), "")
    """See `PerceptionSettings`."""
    described: tuple[str, str] | None = _choice(_Kind(_descriptions, list), None, of_the_clip=True)
    describer: str = _choice(_optional_text(MAX_PATH), "")

    def to_json(self) -> dict[str, Any]:
        kinds = {item.name: (_kind_of(item), getattr(self, item.name)) for item in fields(self)}
        return {name: None if value is None else kind.write(value) for name, (kind, value) in kinds.items()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ClipChoices:
        """UserError `damaged` where the record is none of this version."""
        values = Fields(dict(record), damaged, "choices")
        return cls(**{item.name: _kind_of(item).read(values, item.name) for item in fields(cls)})

    def are_of_same_clip(self, other: ClipChoices) -> bool:
        """Whether takes of both may lie side by side: the same clip, frames, people and body.

        Then any of them can be shown by the same two rigs.
        """
        compared = [item.name for item in fields(self) if item.metadata["of_the_clip"]]
        return all(getattr(self, name) == getattr(other, name) for name in compared)

    def inputs(
        self,
        clip: Clip | None,
        body: BodyModel,
        imported: ImportedPair | None = None,
        annotator: Annotator | None = None,
    ) -> ClipInputs:
        perception = PerceptionSettings(**{item.name: getattr(self, item.name) for item in fields(PerceptionSettings)})
        initial = Given(imported, " ".join(self.initial)) if self.initial else None
        known = _known_camera({name: getattr(self, name) for name in _CAMERA})
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
    values = dict(zip(_CAMERA, (camera.fov, camera.pitch, camera.roll, camera.height)))
    return {name: value for name, value in values.items() if value is not None}


def read_camera(values: Fields) -> KnownCamera:
    """Fields that are missing are not known. UserError `damaged`."""
    return _known_camera({name: kind.read(values, name) for name, kind in _CAMERA.items()})


def _known_camera(values: Mapping[str, float | None]) -> KnownCamera:
    """From values by their names in records."""
    return KnownCamera(values["fov"], values["camera_pitch"], values["camera_roll"], values["camera_height"])


def _kind_of(item: Field[Any]) -> _Kind:
    return item.metadata["kind"]
