"""Rendered clips with ground truth: a folder of videos, with an npz and a json beside each.

FOLDER/NAME.mp4 shows both people; NAME_alone0.mp4 and NAME_alone1.mp4 (both or neither) show one of them each. NAME.npz, with
P = 2 people and T frames: the fields of PairMotion, `joints` [P,T,55,3], `planted` bool [P,T,2] (foot contact), `visibility`
uint8 [P,T,22], `camera_K` [3,3] px, `camera_world` [4,4] world -> camera, `image_size` int [2] width and height, `rate` frames
per second, and, if one of them has a held-out body, `templates` [P,V,3] with `joint_templates` [P,55,3] (betas then have no
effect). NAME.json: `name`, `family`, `sentences`, `contacts` (frames counted from 0), `sources`, `subjects` and `look`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from core.body.model import BodyModel, rest_joints, rest_vertices
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.files import read_json, read_npz, write_json, write_npz
from core.contract.skeleton import JOINTS
from core.motion import BODY_COUNT, Camera, PairMotion

from ..choreography.bodies import bodies_from_templates
from .benchmark_clip import GroundTruth

_HOW_TO_RENDER = "Render clips with `python -m lab render INTERACTIONS FOLDER`."
_ALONE = re.compile(r"_alone[01]$")
_JSON_FIELDS = ("family", "sentences", "contacts", "sources", "subjects", "look")


@dataclass(frozen=True)
class RenderedClip:
    """One clip of the folder."""

    name: str
    family: str
    video: Path
    alone: tuple[Path, ...]
    """Videos that show only person 0 and only person 1; empty if they were not rendered."""
    image_size: tuple[int, int]
    """Width and height, px."""
    rate: float
    """Frames per second."""
    truth: GroundTruth
    """Of the video's frames."""
    sentences: tuple[str, ...]
    sources: tuple[str, ...]
    """The recordings that the motion comes from."""
    subjects: tuple[str, ...]
    look: Mapping[str, Any] = field(default_factory=dict)
    """How it was rendered: room, clothes, light, lens."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is stored of it."""
        return (self.video, *self.alone, *(self.video.with_suffix(ending) for ending in (".npz", ".json")))


def heldout_body(
    body: BodyModel, template: Float[np.ndarray, "V 3"], joint_template: Float[np.ndarray, "55 3"]
) -> BodyModel:
    """A body with the vertices of `body` and a rest shape of its own, which betas do not change."""
    return bodies_from_templates(body, {"templates": template[None], "joint_templates": joint_template[None]})[0]


def load_rendered(folder: Path, body: BodyModel) -> list[RenderedClip]:
    """All clips of a folder, by name; their people have the vertices of `body`.

    UserError `no-rendered-clips`, or `rendered-clip-damaged` where a part of a clip is missing or has another shape.
    """
    if not folder.is_dir():
        raise UserError("no-rendered-clips", f"There is no folder {folder}.", _HOW_TO_RENDER)
    names = {path.stem for ending in ("mp4", "npz", "json") for path in folder.glob(f"*.{ending}")}
    names = sorted({_ALONE.sub("", name) for name in names if not name.startswith(".")})
    if not names:
        raise UserError("no-rendered-clips", f"{folder} holds no clips.", _HOW_TO_RENDER)
    return [_load(folder, name, body) for name in names]


def is_complete(folder: Path, name: str) -> bool:
    """Whether a clip's video, npz and json are there (not those of each person alone)."""
    return all((folder / f"{name}.{ending}").is_file() for ending in ("mp4", "npz", "json"))


def save_rendered(folder: Path, clip: RenderedClip) -> None:
    """Write the npz and the json of a clip, whose videos are in the folder already."""
    truth = clip.truth
    arrays = {item.name: getattr(truth.motion, item.name) for item in fields(PairMotion)}
    arrays |= {
        "joints": truth.joints.astype(np.float32),
        "planted": truth.foot_contact,
        "visibility": truth.visibility,
        "camera_K": truth.camera.K,
        "camera_world": truth.camera.T_cw,
        "image_size": np.array(clip.image_size, np.int32),
        "rate": np.array(clip.rate),
    }
    if any(bool((person.shapedirs == 0).all()) for person in truth.bodies):
        shaped = list(zip(truth.bodies, torch.from_numpy(truth.motion.betas)))
        arrays["templates"] = np.stack([rest_vertices(person, betas).numpy() for person, betas in shaped])
        arrays["joint_templates"] = np.stack([rest_joints(person, betas).numpy() for person, betas in shaped])
    write_npz(folder / f"{clip.name}.npz", arrays, compress=True)
    record: dict[str, Any] = {name: getattr(clip, name) for name in _JSON_FIELDS if name != "contacts"}
    contacts = [contact.to_json() for contact in truth.contacts]
    write_json(folder / f"{clip.name}.json", {"name": clip.name, **record, "contacts": contacts})


def _load(folder: Path, name: str, body: BodyModel) -> RenderedClip:
    for ending in ("mp4", "npz", "json"):
        if not (folder / f"{name}.{ending}").is_file():
            raise _damaged(folder, name, f"{name}.{ending} is missing")
    alone = tuple(folder / f"{name}_alone{person}.mp4" for person in (0, 1))
    if [path.is_file() for path in alone].count(True) == 1:
        raise _damaged(folder, name, "there is a video of only one of its people alone")
    try:
        arrays, record = read_npz(folder / f"{name}.npz"), read_json(folder / f"{name}.json")
        contacts = tuple(Contact.from_json(contact) for contact in record["contacts"])
        return RenderedClip(
            name=name,
            family=str(record["family"]),
            video=folder / f"{name}.mp4",
            alone=alone if alone[0].is_file() else (),
            image_size=(int(arrays["image_size"][0]), int(arrays["image_size"][1])),
            rate=float(arrays["rate"]),
            truth=_truth(arrays, contacts, body),
            sentences=tuple(record["sentences"]),
            sources=tuple(record["sources"]),
            subjects=tuple(record["subjects"]),
            look=record["look"],
        )
    except UserError as error:
        raise _damaged(folder, name, error.message) from error
    except KeyError as error:
        raise _damaged(folder, name, f"{error} is missing in its npz or json") from error
    except (TypeError, ValueError) as error:
        raise _damaged(folder, name, str(error)) from error


def _truth(arrays: dict[str, np.ndarray], contacts: tuple[Contact, ...], body: BodyModel) -> GroundTruth:
    """KeyError or ValueError for an array that is missing or has another shape."""
    _check_shapes(arrays, body)
    bodies = (body, body)
    if "templates" in arrays:
        first, second = bodies_from_templates(body, arrays)
        bodies = (first, second)
    return GroundTruth(
        motion=PairMotion(**{item.name: arrays[item.name] for item in fields(PairMotion)}),
        bodies=bodies,
        joints=arrays["joints"],
        foot_contact=arrays["planted"],
        contacts=contacts,
        camera=Camera(arrays["camera_K"].astype(float), arrays["camera_world"].astype(float)),
        visibility=arrays["visibility"],
    )


def _check_shapes(arrays: dict[str, np.ndarray], body: BodyModel) -> None:
    people, frames = 2, arrays["pelvis"].shape[1]
    shapes = {
        "global_orient": (people, frames, 3),
        "body_pose": (people, frames, BODY_COUNT - 1, 3),
        "left_hand_pose": (people, frames, 15, 3),
        "right_hand_pose": (people, frames, 15, 3),
        "pelvis": (people, frames, 3),
        "betas": (people, body.shapedirs.shape[-1]),
        "joints": (people, frames, len(JOINTS), 3),
        "planted": (people, frames, 2),
        "visibility": (people, frames, BODY_COUNT),
        "camera_K": (3, 3),
        "camera_world": (4, 4),
    }
    if "templates" in arrays:
        shapes |= {"templates": (people, *body.v_template.shape), "joint_templates": (people, len(JOINTS), 3)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has the shape {arrays[name].shape}, not {shape}")


def _damaged(folder: Path, name: str, problem: str) -> UserError:
    hint = f"Delete {name}.* from {folder} and render it again: `python -m lab render INTERACTIONS {folder}`."
    return UserError("rendered-clip-damaged", f"The rendered clip {name} is not complete: {problem}.", hint)
