"""Stages an interaction for rendering: which frames, from which camera, in which room, light and clothes."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.files import read_npz
from core.motion import BODY_COUNT, Camera, PairMotion, pose_motion
from core.transforms import origin_of

from ..choreography.appearance.clothing import ALL_OUTFITS
from ..choreography.interaction import Interaction
from ..evaluation.benchmark_clip import GroundTruth
from ..evaluation.camera_sampling import NARROW_CAMERAS, CameraDistribution, sample_camera
from ..evaluation.occlusion.projection import project_clip
from ..evaluation.rendered import RenderedClip, heldout_body
from .rooms import ROOMS

_ROOM_DEPTH = 8.0
"""metres; a camera farther away from the people does not fit into an indoor room."""
_CEILING = 3.0
"""metres; a camera that is higher looks down from above an indoor room's ceiling."""
_FREE_FLOOR = 1.9
"""metres behind the middle of the room without furniture."""
_YAW = math.radians(18)
"""Largest angle of a room's back wall to the image plane."""
_SHIRT_DISTANCE = 0.25
"""Least distance between the colours (square roots of linear RGB) of two people's shirts."""
_APPROACH = (15, 36)
"""frames between the start of a clip and its first contact, if the interaction has that many."""
_NO_BEARDS = ("woman", "girl", "boy")
"""People with one of these words in their name have no beard and no bald head."""


@dataclass(frozen=True)
class Person:
    """Somebody to render."""

    name: str
    body: BodyModel


@dataclass(frozen=True)
class StagingSettings:
    """How a clip's clothes, room, light and camera are drawn."""

    seed: int = 0
    """Of clothes, rooms, light and cameras."""
    most_frames: int = 64
    longer_side: int | None = None
    """px; None for the camera's own image size."""
    cameras: CameraDistribution = NARROW_CAMERAS


@dataclass(frozen=True)
class Staging:
    """How a clip looks."""

    camera: Camera
    image_size: tuple[int, int]
    room: int
    """Index into ROOMS."""
    room_world: Float[np.ndarray, "4 4"]
    """Room -> world."""
    outfits: tuple[int, int]
    """Indices into ALL_OUTFITS."""
    light: Float[np.ndarray, " 3"]
    """Direction that light comes from, room axes."""
    exposure: float
    """stops"""
    overcast: bool

    def to_json(self, people: Sequence[Person]) -> dict[str, Any]:
        """`RenderedClip.look`."""
        return {
            "room": ROOMS[self.room].name,
            "people": [person.name for person in people],
            "outfits": list(self.outfits),
            "lens_mm": round(36 * float(self.camera.K[0, 0]) / max(self.image_size), 1),
            "light": [round(float(number), 2) for number in self.light],
            "exposure": round(self.exposure, 2),
            "overcast": self.overcast,
        }


def load_person(number: int | None, file: Path) -> Person:
    """One of the held-out bodies in a file, or None for the default body. UserError `bad-interaction`."""
    body = load_body(None)
    if number is None:
        return Person("of the default body", body)
    arrays = _bodies(file)
    if not 0 <= number < len(arrays["names"]):
        raise UserError(
            "bad-interaction", f"There is no person {number} in {file}.", "Give the file of bodies that was used."
        )
    own = heldout_body(body, arrays["templates"][number], arrays["joint_templates"][number])
    return Person(str(arrays["names"][number]), own)


def stage_clip(
    interaction: Interaction, people: Sequence[Person], folder: Path, settings: StagingSettings
) -> tuple[RenderedClip, Staging]:
    """The part of an interaction to render, with its ground truth, and how it looks; depends on its name and the seed only."""
    rng = np.random.default_rng([zlib.crc32(interaction.name.encode()), settings.seed])
    clip = cut_frames(interaction, approach_frames(interaction, settings.most_frames, rng))
    bodies = (people[0].body, people[1].body)
    joints = np.concatenate([pose_person(clip.motion, number, body)[0] for number, body in enumerate(bodies)])
    staging = sample_staging(joints, people, rng, settings.cameras)
    if settings.longer_side:
        staging = resize(staging, settings.longer_side)
    projected = project_clip(clip.motion, bodies, staging.camera, staging.image_size)
    truth = GroundTruth(
        motion=clip.motion,
        bodies=bodies,
        joints=joints,
        foot_contact=clip.foot_contact,
        contacts=clip.contacts,
        camera=staging.camera,
        visibility=projected.joint_visibility,
    )
    rendered = RenderedClip(
        name=clip.name,
        family=clip.family,
        video=folder / f"{clip.name}.mp4",
        alone=(),
        image_size=staging.image_size,
        rate=clip.rate,
        truth=truth,
        sentences=clip.sentences,
        sources=clip.sources,
        subjects=clip.subjects,
        look=staging.to_json(people),
    )
    return rendered, staging


def pose_person(motion: PairMotion, number: int, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """Joints [1,T,55,3] and vertices [T,V,3] of one of the two people on a body."""
    posed = pose_motion(body, motion.person(number))
    return posed.joints.numpy(), posed.skin(body)[0].numpy()


def approach_frames(clip: Interaction, most_frames: int, rng: np.random.Generator) -> slice:
    """A range of frames that begins shortly before the first contact, as people cut clips: the 2D networks, too, have to see both
    people apart before they can track them in contact."""
    count = min(most_frames, clip.frames)
    first_contact = min((contact.frame_start for contact in clip.contacts), default=0)
    before = min(int(rng.integers(*_APPROACH)), count // 3)
    start = max(0, min(first_contact - before, clip.frames - count))
    return slice(start, start + count)


def cut_frames(clip: Interaction, span: slice) -> Interaction:
    """Some frames of a clip, counted from 0 again; contacts outside are left out."""

    def shifted(contact: Contact) -> Contact:
        first, last = max(contact.frame_start, span.start), min(contact.frame_end, span.stop - 1)
        return replace(contact, frame_start=first - span.start, frame_end=last - span.start)

    inside = [c for c in clip.contacts if c.frame_end >= span.start and c.frame_start < span.stop]
    return replace(
        clip,
        motion=clip.motion.frames(span),
        foot_contact=clip.foot_contact[:, span],
        contacts=tuple(shifted(contact) for contact in inside),
    )


def sample_staging(
    joints_inworld: Float[np.ndarray, "2 T 55 3"],
    people: Sequence[Person],
    rng: np.random.Generator,
    cameras: CameraDistribution = NARROW_CAMERAS,
) -> Staging:
    """Random camera, room, clothes and light. The order of draws is part of a seed."""
    camera, image_size = sample_camera(joints_inworld[:, :, :BODY_COUNT], rng, cameras)
    position = origin_of(camera.T_cw)
    middle = (joints_inworld.min((0, 1, 2)) + joints_inworld.max((0, 1, 2)))[:2] / 2
    distance = math.dist(position[:2], middle)
    fits_indoors = distance < _ROOM_DEPTH and position[2] < _CEILING
    rooms = [number for number, room in enumerate(ROOMS) if fits_indoors or room.walls is None]
    room = int(rng.choice(rooms))
    view = (middle - position[:2]) / distance
    yaw = math.atan2(view[1], view[0]) - math.pi / 2 + rng.uniform(-_YAW, _YAW)
    back = np.array([-math.sin(yaw), math.cos(yaw)])
    reach = float(((joints_inworld[..., :2] - middle) @ back).max()) + 0.3
    room_world = np.eye(4)
    room_world[:2, :2] = [(math.cos(yaw), -math.sin(yaw)), (math.sin(yaw), math.cos(yaw))]
    room_world[:2, 3] = middle + back * max(0.0, reach - _FREE_FLOOR)
    azimuth, elevation = rng.uniform(-1.35, 1.35), math.radians(rng.uniform(25, 65))
    light = (math.sin(azimuth) * math.cos(elevation), -math.cos(azimuth) * math.cos(elevation), math.sin(elevation))
    return Staging(
        camera=camera,
        image_size=image_size,
        room=room,
        room_world=room_world,
        outfits=_sample_outfits(people, rng),
        light=np.array(light),
        exposure=float(rng.uniform(0.35, 0.95)),
        overcast=bool(rng.random() < 0.5),
    )


def resize(staging: Staging, longer_side: int) -> Staging:
    """The same image in another size; both sides are even, as video codecs want them."""
    scale = longer_side / max(staging.image_size)
    width, height = (2 * round(side * scale / 2) for side in staging.image_size)
    K = staging.camera.K.copy()
    K[0] *= width / staging.image_size[0]
    K[1] *= height / staging.image_size[1]
    return replace(staging, camera=replace(staging.camera, K=K), image_size=(width, height))


def _sample_outfits(people: Sequence[Person], rng: np.random.Generator) -> tuple[int, int]:
    def fits(number: int, person: Person) -> bool:
        outfit = ALL_OUTFITS[number]
        return not (outfit.bald or outfit.beard) or not any(word in person.name for word in _NO_BEARDS)

    shirts = np.sqrt([outfit.colours[1] for outfit in ALL_OUTFITS])
    pairs = [
        (a, b)
        for a in range(len(ALL_OUTFITS))
        for b in range(len(ALL_OUTFITS))
        if np.linalg.norm(shirts[a] - shirts[b]) > _SHIRT_DISTANCE and fits(a, people[0]) and fits(b, people[1])
    ]
    return pairs[int(rng.integers(len(pairs)))]


@cache
def _bodies(path: Path) -> dict[str, np.ndarray]:
    return read_npz(path)
