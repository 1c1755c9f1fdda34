"""What goes into which file: names of files, objects and bones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..contract.names import file_stem
from .animation import AnimatedPerson
from .bone_names import bone_names
from .placement import Placed
from .settings import ExportSettings

ARMATURE_NAME = "Armature"
"""Unreal imports the armature object as a bone of its own unless it has exactly this name."""
_SUFFIXES = {"fbx": ".fbx", "glb": ".glb", "usd": ".usdc", "bvh": ".bvh", "amass": ".npz"}


@dataclass(frozen=True)
class FilePlan:
    """One file to be written, with everything that its writer needs."""

    path: Path
    title: str
    """Name of the animation in the file."""
    frame_rate: float
    people: tuple[AnimatedPerson, ...]
    bone_names: tuple[tuple[str, ...], ...]
    """For each person in the file, names of the 56 bones in the order of BONES."""
    object_names: tuple[str, ...]
    """For each person in the file, the name of what carries the skeleton."""
    most_weights: int
    unit: float
    """Metres per unit of length."""
    animation_only: bool


def plan_files(placed: Placed, settings: ExportSettings, folder: Path) -> list[FilePlan]:
    """One plan for each file of an export to `folder`."""
    animation = placed.animation
    clip = file_stem(animation.clip, "clip")
    stems = person_stems([person.name for person in animation.people])
    plans: list[FilePlan] = []
    for group in settings.files:
        people = tuple(animation.people[index] for index in group)
        together = len(group) > 1
        stem = f"{clip}_{'both' if together else stems[people[0].index]}"
        plans.append(
            FilePlan(
                path=folder / (stem + _SUFFIXES[settings.preset.format]),
                title=animation.clip,
                frame_rate=animation.frame_rate,
                people=people,
                bone_names=tuple(_names(settings, index, group) for index in group),
                object_names=tuple(person.name if together else ARMATURE_NAME for person in people),
                most_weights=settings.most_weights,
                unit=settings.preset.unit,
                animation_only=settings.animation_only,
            )
        )
    return plans


def _names(settings: ExportSettings, person: int, file: tuple[int, ...]) -> tuple[str, ...]:
    names = bone_names(settings.name_set, settings.prefix_of(person, file))
    # three.js and others, which make paths of a BVH file's names, read no colon in them
    return tuple(name.replace(":", "") for name in names) if settings.preset.format == "bvh" else tuple(names)


def person_stems(names: list[str]) -> list[str]:
    """A different part of a file name for each person: `person-a`."""
    stems = [file_stem(name, f"person-{number}") for number, name in enumerate(names)]
    different = len(set(stems)) == len(stems)
    return stems if different else [f"{stem}-{number}" for number, stem in enumerate(stems)]
