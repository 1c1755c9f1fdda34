"""Render clips of two people whose truth is known, for the benchmark pairs-video: FOLDER/NAME.mp4, .npz, .json and each alone.

INTERACTIONS is what `python -m lab choreograph` wrote (with or without .npz); with `--bodies benchmarks/people_outside.npz` its
json says whose bodies each clip was solved on. Of each, a stretch that begins shortly before the
first touch is rendered, in clothes, a room, light and from a camera that are drawn from its name and the seed. Clips that are
whole in FOLDER are left as they are, so that a run which was stopped goes on where it was. What a folder holds is said in
lab/evaluation/rendered.py. A clip of 64 frames takes about 2 minutes with each person alone, on one core.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.body.files import DEFAULT_BODY, load_body
from core.body.model import BodyModel
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.contract.files import read_json, read_npz, write_npz
from core.motion import Camera, PairMotion, pose_motion

from ..choreography.appearance.clothing import ALL_OUTFITS, ClothedBody, dress, offset_by_thickness, paint
from ..choreography.interaction import Interaction, load_interactions
from ..evaluation.benchmark_clip import GroundTruth
from ..evaluation.camera_sampling import sample_camera
from ..evaluation.occlusion.projection import project_clip
from ..evaluation.rendered import RenderedClip, is_whole, own_body, save_rendered
from ..face_landmarks import face_landmarks
from ..paths import RENDER_CLIP

ROOMS = ("living room", "office", "park", "street", "sports hall")
"""In the order of `render_clip.ROOMS`."""
_OUTDOORS = (2, 3)
_DEEP = 8.0
"""metres; a camera farther from the people than this does not fit into a room."""
_FREE = 1.9
"""metres behind the middle of the room that are free of furniture."""
_YAW = math.radians(18)
"""How far a room's back wall turns away from the camera, at most."""
_ALIKE = 0.25
"""Two shirts whose colours (square roots of linear RGB) are nearer than this are not worn by the same pair."""
_BEFORE = (15, 36)
"""frames between the start of a clip and its first touch, where the interaction has so many."""
_GROWN_MEN_ONLY = ("woman", "girl", "boy")
"""In a person's name: no beard and no bald head."""


@dataclass(frozen=True)
class Person:
    """Somebody to render."""

    name: str
    body: BodyModel


@dataclass(frozen=True)
class Setting:
    """How a clip is staged."""

    camera: Camera
    image_size: tuple[int, int]
    room: int
    room_world: np.ndarray
    """[4,4] room -> world."""
    outfits: tuple[int, int]
    """Numbers in WARDROBE."""
    light: np.ndarray
    """[3] where it comes from, room axes."""
    exposure: float
    overcast: bool

    def words(self, people: Sequence[Person]) -> dict[str, Any]:
        return {
            "room": ROOMS[self.room],
            "people": [person.name for person in people],
            "outfits": list(self.outfits),
            "lens_mm": round(36 * float(self.camera.K[0, 0]) / max(self.image_size), 1),
            "light": [round(float(number), 2) for number in self.light],
            "exposure": round(self.exposure, 2),
            "overcast": self.overcast,
        }


def render_all(arguments: argparse.Namespace) -> None:
    """Run `python -m lab render`; the arguments are those of `lab.commands.render`."""
    if not arguments.blender.is_file():
        hint = "Name a Python that has Blender (bpy) with --blender; scripts/test makes one."
        raise UserError("no-blender", f"There is no {arguments.blender}.", hint)
    path: Path = arguments.interactions.with_suffix("")
    clips = load_interactions(path)
    whose = read_json(path.with_suffix(".json")).get("bodies") or [(None, None)] * len(clips)
    if len(whose) != len(clips):
        raise UserError("bad-interaction", f"{path}.json names bodies of {len(whose)} clips, not {len(clips)}.")
    for number, (clip, bodies) in enumerate(list(zip(clips, whose))[: arguments.clips], 1):
        if is_whole(arguments.folder, clip.name):
            continue
        started = time.perf_counter()
        people = [person(index, arguments.people) for index in bodies]
        rendered, setting = stage(clip, people, arguments)
        render(rendered, setting, arguments)
        print(
            f"{number}/{len(clips)} {clip.name}: {rendered.truth.joints.shape[1]} frames, {rendered.look['room']}, "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )


def stage(clip: Interaction, people: Sequence[Person], arguments: argparse.Namespace) -> tuple[RenderedClip, Setting]:
    """The part of a clip to render, its truth, and how it will look. Depends on the clip and the seed alone."""
    rng = np.random.default_rng([zlib.crc32(clip.name.encode()), arguments.seed])
    clip = cut(clip, from_approach(clip, arguments.frames, rng))
    bodies = (people[0].body, people[1].body)
    joints = np.concatenate([_posed(clip.motion, number, body)[0] for number, body in enumerate(bodies)])
    setting = draw_setting(joints, people, rng)
    if arguments.width:
        setting = resized(setting, arguments.width)
    sight = project_clip(clip.motion, bodies, setting.camera, setting.image_size)
    truth = GroundTruth(
        clip.motion, bodies, joints, clip.foot_contact, clip.contacts, setting.camera, sight.joint_visibility
    )
    rendered = RenderedClip(
        name=clip.name,
        family=clip.family,
        video=arguments.folder / f"{clip.name}.mp4",
        alone=(),
        image_size=setting.image_size,
        rate=clip.rate,
        truth=truth,
        sentences=clip.sentences,
        sources=clip.sources,
        subjects=clip.subjects,
        look=setting.words(people),
    )
    return rendered, setting


def from_approach(clip: Interaction, frames: int, rng: np.random.Generator) -> slice:
    """A stretch of so many frames from shortly before the first touch, as somebody would cut the clip: the 2D stage, too, has to
    see both people apart before it can follow them together."""
    frames = min(frames, clip.frames)
    first = min((contact.frame_start for contact in clip.contacts), default=0)
    before = min(int(rng.integers(*_BEFORE)), frames // 3)
    start = max(0, min(first - before, clip.frames - frames))
    return slice(start, start + frames)


def cut(clip: Interaction, part: slice) -> Interaction:
    """Some frames of a clip, counted from 0 again; contacts outside go."""

    def moved(contact: Contact) -> Contact:
        first, last = max(contact.frame_start, part.start), min(contact.frame_end, part.stop - 1)
        return replace(contact, frame_start=first - part.start, frame_end=last - part.start)

    by_frame = {
        item.name: getattr(clip.motion, item.name)[:, part] for item in fields(PairMotion) if item.name != "betas"
    }
    inside = [c for c in clip.contacts if c.frame_end >= part.start and c.frame_start < part.stop]
    return replace(
        clip,
        motion=replace(clip.motion, **by_frame),
        foot_contact=clip.foot_contact[:, part],
        contacts=tuple(moved(contact) for contact in inside),
    )


def draw_setting(joints: np.ndarray, people: Sequence[Person], rng: np.random.Generator) -> Setting:
    """Camera, room, clothes and light for two people with joints [2,T,55,3]."""
    camera, image_size = sample_camera(joints[:, :, :22], rng)
    place = -camera.T_cw[:3, :3].T @ camera.T_cw[:3, 3]
    middle = (joints.min((0, 1, 2)) + joints.max((0, 1, 2)))[:2] / 2
    inside = math.dist(place[:2], middle) < _DEEP
    room = int(rng.choice([number for number in range(len(ROOMS)) if inside or number in _OUTDOORS]))
    away = (middle - place[:2]) / math.dist(place[:2], middle)
    yaw = math.atan2(away[1], away[0]) - math.pi / 2 + rng.uniform(-_YAW, _YAW)
    back = np.array([-math.sin(yaw), math.cos(yaw)])
    reach = float(((joints[..., :2] - middle) @ back).max()) + 0.3
    room_world = np.eye(4)
    room_world[:2, :2] = [(math.cos(yaw), -math.sin(yaw)), (math.sin(yaw), math.cos(yaw))]
    room_world[:2, 3] = middle + back * max(0.0, reach - _FREE)
    around, height = rng.uniform(-1.35, 1.35), math.radians(rng.uniform(25, 65))
    light = np.array([math.sin(around) * math.cos(height), -math.cos(around) * math.cos(height), math.sin(height)])
    return Setting(
        camera=camera,
        image_size=image_size,
        room=room,
        room_world=room_world,
        outfits=_outfits(people, rng),
        light=light,
        exposure=float(rng.uniform(0.35, 0.95)),
        overcast=bool(rng.random() < 0.5),
    )


def _outfits(people: Sequence[Person], rng: np.random.Generator) -> tuple[int, int]:
    def fits(number: int, person: Person) -> bool:
        return not (ALL_OUTFITS[number].bald or ALL_OUTFITS[number].beard) or not any(
            word in person.name for word in _GROWN_MEN_ONLY
        )

    shirts = np.sqrt([outfit.colours[1] for outfit in ALL_OUTFITS])
    pairs = [
        (a, b)
        for a in range(len(ALL_OUTFITS))
        for b in range(len(ALL_OUTFITS))
        if np.linalg.norm(shirts[a] - shirts[b]) > _ALIKE and fits(a, people[0]) and fits(b, people[1])
    ]
    return pairs[int(rng.integers(len(pairs)))]


def resized(setting: Setting, longer: int) -> Setting:
    """The same picture with a longer side of so many pixels, even sides as video wants them."""
    scale = longer / max(setting.image_size)
    width, height = (2 * round(side * scale / 2) for side in setting.image_size)
    K = setting.camera.K.copy()
    K[0] *= width / setting.image_size[0]
    K[1] *= height / setting.image_size[1]
    return replace(setting, camera=replace(setting.camera, K=K), image_size=(width, height))


def render(clip: RenderedClip, setting: Setting, arguments: argparse.Namespace) -> None:
    """Put a clip's videos, numbers and words into the folder; words last, which make it whole."""
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    frames, motion = clip.truth.joints.shape[1], clip.truth.motion
    faces = load_body(None).faces.numpy()
    skins = [_posed(motion, number, body)[1] for number, body in enumerate(clip.truth.bodies)]
    dressed = [_dressed(number) for number in setting.outfits]
    scene = {
        "vertices": np.stack(
            [offset_by_thickness(skin, faces, clothes.thickness) for skin, clothes in zip(skins, dressed)]
        ),
        "faces": faces.astype(np.int32),
        "uv": load_body(None).uv.numpy(),
        "textures": np.stack([_painted(number) for number in setting.outfits]),
        "camera_K": np.tile(setting.camera.K, (frames, 1, 1)),
        "camera_world": np.tile(setting.camera.T_cw, (frames, 1, 1)),
        "image_size": np.array(setting.image_size),
        "rate": np.array(clip.rate),
        "room": np.array(setting.room),
        "room_world": setting.room_world,
        "light": setting.light,
        "exposure": np.array(setting.exposure),
        "overcast": np.array(setting.overcast),
    }
    # beside the folder's clips, so that what is rendered can be moved in one step; hidden, so that nobody reads it
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=folder) as name:
        work = Path(name)
        write_npz(work / "scene.npz", scene)
        command = [str(arguments.blender), str(RENDER_CLIP), str(work / "scene.npz")]
        command += ["--clip", str(work / f"{clip.name}.mp4"), "--quality", arguments.quality]
        command += [] if arguments.no_alone else ["--alone"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        videos = sorted(work.glob("*.mp4"))
        if done.returncode != 0 or len(videos) != (1 if arguments.no_alone else 3):
            raise UserError("render-failed", f"Blender did not render {clip.name}: {done.stderr[-800:]}")
        for video in videos:
            video.replace(folder / video.name)
    save_rendered(folder, clip)


def person(number: int | None, people: Path) -> Person:
    """By number among the people outside the shape space, or None for one of the default body."""
    body = load_body(None)
    if number is None:
        return Person("of the default body", body)
    arrays = _people(people)
    if not 0 <= number < len(arrays["names"]):
        raise UserError(
            "bad-interaction", f"There is no person {number} in {people}.", "Give the file it was made with."
        )
    own = own_body(body, arrays["templates"][number], arrays["joint_templates"][number])
    return Person(str(arrays["names"][number]), own)


@cache
def _people(path: Path) -> dict[str, np.ndarray]:
    return read_npz(path)


@cache
def _dressed(number: int) -> ClothedBody:
    """Decided on the default body, for all who share its vertices."""
    return dress(load_body(None), face_landmarks(DEFAULT_BODY), ALL_OUTFITS[number])


@cache
def _painted(number: int) -> np.ndarray:
    return paint(load_body(None), face_landmarks(DEFAULT_BODY), ALL_OUTFITS[number])


def _posed(motion: PairMotion, number: int, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """Joints [1,T,55,3] and vertices [T,V,3] of one of the two people on a body."""
    alone = PairMotion(**{item.name: getattr(motion, item.name)[number : number + 1] for item in fields(PairMotion)})
    posed = pose_motion(body, alone)
    return posed.joints.numpy(), posed.skin(body)[0].numpy()
