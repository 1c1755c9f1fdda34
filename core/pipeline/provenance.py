"""What a take was made of, as its record keeps it: `refine` goes on from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..contract.fields import Fields
from ..contract.limits import MAX_SEED
from ..contract.reconstruction import Info, damaged
from ..contract.requests import DEFAULT_SMOOTHNESS
from ..fitting.camera import KnownCamera
from .choices import ClipChoices, camera_record, read_camera
from .nodes import TakeSettings
from .place import choices_of
from .retry import Variant
from .stage import cache_missing


@dataclass(frozen=True)
class Provenance:
    """What a take was made of. The base is the reconstruction that it goes back to, itself for a first take."""

    choices: ClipChoices
    variant: Variant
    base_seed: int
    base_smoothness: float
    smoothness: float
    camera: KnownCamera | None = None
    """What the animator has corrected of the clip's camera; None for a first take."""

    @property
    def base(self) -> TakeSettings:
        """The settings of the reconstruction."""
        return TakeSettings(self.choices.prompt, seed=self.base_seed, smoothness=self.base_smoothness)

    @classmethod
    def of(cls, info: Info) -> Provenance:
        """That of the active take; takes of older versions have the usual values.

        UserError `cache-missing` where an older version has not noted the choices, `damaged` where a value makes no sense.
        """
        choices = choices_of(info)
        if choices is None:
            raise cache_missing()
        values = Fields(info.settings, damaged, "settings")
        return cls(
            choices,
            Variant.from_json(values.record("variant", dict[str, Any]())),
            values.integer("base_seed", 0, MAX_SEED, 0),
            values.number("base_smoothness", 0, 1, DEFAULT_SMOOTHNESS),
            values.number("smoothness", 0, 1, DEFAULT_SMOOTHNESS),
            read_camera(Fields(values.record("camera", dict[str, Any]()), damaged, "settings.camera")),
        )

    def to_json(self, result_key: str) -> dict[str, Any]:
        """The record of a take, with the key of its result."""
        return {
            "choices": self.choices.to_json(),
            "variant": self.variant.to_json(),
            "result_key": result_key,
            "base_seed": self.base_seed,
            "base_smoothness": self.base_smoothness,
            "smoothness": self.smoothness,
            **({} if self.camera is None else {"camera": camera_record(self.camera)}),
        }
