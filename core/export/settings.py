"""What the user chooses for an export."""

from __future__ import annotations

from dataclasses import dataclass

from ..contract.errors import UserError
from ..contract.fields import shown
from .bone_names import NAME_SETS
from .targets import TARGETS, Target

PEOPLE_CHOICES: dict[str, str] = {
    "each": "One file per person",
    "both": "Both people in one file",
    "a": "The first person only",
    "b": "The second person only",
}
ROOT_CHOICES: dict[str, str] = {
    "smoothed": "The root bone follows the person's path and heading without the sway of the pelvis",
    "raw": "The root bone follows every movement of the pelvis on the floor",
    "in-place": "The root bone stays where the person starts, the pelvis carries all movement",
}
ORIGIN_CHOICES: dict[str, str] = {
    "world": "The world's origin, as in the scene",
    "centre": "The floor halfway between both people at the start",
    "feet": "The floor below the first person at the start",
}
WEIGHT_CHOICES = (4, 8)


@dataclass(frozen=True)
class ExportSettings:
    """None means what the target wants."""

    target: str = "gltf"
    people: str | None = None
    names: str | None = None
    prefix: bool | None = None
    """Whether bones are named `A_...` and `B_...`; None: only where both people are in one file."""
    root: str = "smoothed"
    origin: str = "world"
    frames: tuple[int | None, int | None] = (None, None)
    """First and last frame, both included; of the clip on the command line, of the scene in Blender."""
    weights: int | None = None
    animation_only: bool = False

    def check(self) -> None:
        """UserError `bad-export` for a choice that does not exist."""
        _check("target", self.target, TARGETS)
        _check("choice of people", self.people, PEOPLE_CHOICES)
        _check("set of names", self.names, NAME_SETS)
        _check("root", self.root, ROOT_CHOICES)
        _check("origin", self.origin, ORIGIN_CHOICES)
        _check("number of weights", self.weights, WEIGHT_CHOICES)

    @property
    def preset(self) -> Target:
        return TARGETS[self.target]

    @property
    def name_set(self) -> str:
        return self.names or self.preset.names

    @property
    def most_weights(self) -> int:
        return self.weights or self.preset.weights

    @property
    def files(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the people in each file."""
        people = self.people or ("both" if self.preset.together else "each")
        if people == "both" and self.preset.format not in ("bvh", "amass"):
            return ((0, 1),)
        return {"a": ((0,),), "b": ((1,),)}.get(people, ((0,), (1,)))

    def prefix_of(self, person: int, file: tuple[int, ...]) -> str:
        """What the names of a person's bones start with in a file of these people."""
        wanted = len(file) > 1 if self.prefix is None else self.prefix
        return f"{'AB'[person]}_" if wanted else ""


def _check(what: str, value: object, choices: object) -> None:
    known = [str(choice) for choice in choices]  # pyright: ignore
    if value is not None and str(value) not in known:
        raise UserError(
            "bad-export", f"{shown(value)} is no {what} of an export.", f"Choose one of {', '.join(known)}."
        )
