"""Renders single frames of choreographed interactions, each from a camera, in a room and in clothes of its own."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.motion import Camera, PairMotion
from core.perception.backends import choose_backend
from core.perception.crops import Crop
from core.perception.movenet import FoundPerson, MoveNet
from core.transforms import transform_points

from ..choreography.appearance.clothing import offset_by_thickness
from ..choreography.interaction import Interaction
from ..evaluation.benchmark_clip import OCCLUDED
from ..evaluation.camera_sampling import NARROW_CAMERAS, WIDE_CAMERAS
from ..evaluation.detection_noise.geometry import landmarks_about_hips
from ..evaluation.occlusion.projection import ProjectedClip, project_clip
from ..rendering.clip_staging import Person, Staging, pose_person, sample_staging
from ..rendering.gl_renderer import NOTHING, Figure, GlRenderer, View
from ..rendering.outfits import clothed, texture
from .frames import PICTURE_SIZE, Frame, save_frames

MOST_FOUND = 6
_LIMBS = slice(5, 17)
"""MoveNet's keypoints of shoulders, elbows, wrists, hips, knees and ankles."""
_CONTACT_SHARE = 0.75
"""Share of frames that are drawn from those in which the two touch, if they do."""
_ALONE_SHARE = 0.15
"""Share of pictures that show one person only."""
_WIDE_SHARE = 0.5
_CUT_SHARE = 0.25
"""Share of pictures whose edge is moved so that it cuts people off, beside those that the camera cuts off."""
_MARGIN = (1.15, 1.6)
"""Side of the picture over the longer side of the people's bounding box."""


@dataclass(frozen=True)
class RenderSettings:
    """Which frames are rendered."""

    frames: int = 12
    """For each interaction."""
    seed: int = 0


class FrameRenderer:
    """Renders frames and looks at them with MoveNet. UserError `no-opengl`, `weights-missing` or `weights-wrong`."""

    def __init__(self) -> None:
        body = load_body(None)
        self._people = [Person("of the default body", body)] * 2
        self._faces = body.faces.numpy().astype(np.int64)
        self._renderer = GlRenderer(self._faces, body.uv.numpy(), PICTURE_SIZE)
        self._movenet = MoveNet(choose_backend(torch.device("cpu")), (PICTURE_SIZE, PICTURE_SIZE))

    def render(self, interaction: Interaction, settings: RenderSettings) -> list[Frame]:
        """Some frames of an interaction; they depend on its name and the seed only."""
        rng = np.random.default_rng([zlib.crc32(interaction.name.encode()), settings.seed])
        return [self._frame(interaction.motion, frame, rng) for frame in _choose_frames(interaction, settings, rng)]

    def _frame(self, motion: PairMotion, frame: int, rng: np.random.Generator) -> Frame:
        moment = motion.frames(slice(frame, frame + 1))
        posed = [pose_person(moment, number, person.body) for number, person in enumerate(self._people)]
        joints, skins = np.concatenate([joints for joints, _ in posed]), [skin[0] for _, skin in posed]
        cameras = WIDE_CAMERAS if rng.random() < _WIDE_SHARE else NARROW_CAMERAS
        staging = sample_staging(joints, self._people, rng, cameras)
        present = np.ones(2, bool)
        if rng.random() < _ALONE_SHARE:
            present[int(rng.integers(2))] = False
        camera, bounds = _look_closer(staging, [skin for skin, there in zip(skins, present) if there], rng)
        projected = project_clip(moment, [person.body for person in self._people], camera, (PICTURE_SIZE,) * 2)
        if rng.random() < _CUT_SHARE:
            bounds = _cut_off(bounds, projected.landmarks_px[present].reshape(-1, 2), rng)
        figures = [
            Figure(offset_by_thickness(skin, self._faces, clothed(outfit).thickness), texture(outfit), _tint(rng))
            for skin, outfit in zip(skins, staging.outfits)
        ]
        shown = np.flatnonzero(present)
        picture = self._renderer.render([figures[number] for number in shown], _view(staging, camera, rng))
        seen = np.where(picture.person == NOTHING, NOTHING, shown[np.minimum(picture.person, len(shown) - 1)])
        return self._with_keypoints(
            _frame_of(projected, camera, picture.colour, seen.astype(np.uint8)[::2, ::2], bounds, present), rng
        )

    def _with_keypoints(self, frame: Frame, rng: np.random.Generator) -> Frame:
        size = PICTURE_SIZE * rng.uniform(0.85, 1.6)
        x, y = PICTURE_SIZE / 2 + rng.normal(0, 0.03, 2) * PICTURE_SIZE
        people, maps = self._movenet.find(frame.image_of_camera, [Crop(float(x), float(y), float(size))])[0]
        points, confidence = _padded(people)
        return replace(
            frame,
            found_points=points,
            found_confidence=confidence,
            map_window=np.array([x, y, size], np.float32),
            map_values=np.round(255 * maps.values[..., _LIMBS]).astype(np.uint8),
        )


def render_all(interactions: Sequence[Interaction], folder: Path, settings: RenderSettings) -> None:
    """Write FOLDER/NAME.npz for every interaction that has none yet."""
    waiting = [each for each in interactions if not (folder / f"{each.name}.npz").is_file()]
    if not waiting:
        return
    folder.mkdir(parents=True, exist_ok=True)
    renderer = FrameRenderer()
    for number, interaction in enumerate(waiting, 1):
        save_frames(folder / f"{interaction.name}.npz", renderer.render(interaction, settings))
        print(f"{number}/{len(waiting)} {interaction.name}", flush=True)


def _choose_frames(interaction: Interaction, settings: RenderSettings, rng: np.random.Generator) -> list[int]:
    touching = np.zeros(interaction.frames, bool)
    for contact in interaction.contacts:
        touching[contact.frame_start : contact.frame_end + 1] = True
    weight = np.full(interaction.frames, 1 / interaction.frames)
    if touching.any():
        weight = (1 - _CONTACT_SHARE) * weight + _CONTACT_SHARE * touching / touching.sum()
    count = min(settings.frames, interaction.frames)
    return rng.choice(interaction.frames, count, replace=False, p=weight / weight.sum()).tolist()


def _look_closer(staging: Staging, skins: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[Camera, np.ndarray]:
    """The camera of a square picture around people, and the bounds of the staged camera's image in it."""
    camera = staging.camera
    incam = transform_points(camera.T_cw, np.concatenate(skins))
    px = incam @ camera.K.T
    px = px[:, :2] / np.maximum(px[:, 2:], 0.1)
    low, high = np.maximum(px.min(0), 0), np.minimum(px.max(0), staging.image_size)
    side = max(float((high - low).max()), 32.0) * rng.uniform(*_MARGIN)
    corner = (low + high) / 2 + rng.normal(0, 0.03, 2) * side - side / 2
    scale = PICTURE_SIZE / side
    K = camera.K.copy()
    K[:2, 2] -= corner
    K[:2] *= scale
    bounds = np.concatenate([-corner, staging.image_size - corner]) * scale
    return replace(camera, K=K), bounds.astype(np.float32)


def _cut_off(bounds: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bounds whose lower, or another, edge runs through people with landmarks `points` [N,2]."""
    low, high = points.min(0), points.max(0)
    edge = int(rng.choice([0, 1, 2, 3, 3, 3]))
    share = rng.uniform(0.1, 0.45)
    axis = edge % 2
    cut = bounds.copy()
    if edge < 2:
        cut[edge] = max(cut[edge], low[axis] + share * (high - low)[axis])
    else:
        cut[edge] = min(cut[edge], high[axis] - share * (high - low)[axis])
    return cut if (cut[2:] - cut[:2]).min() > PICTURE_SIZE / 8 else bounds


def _tint(rng: np.random.Generator) -> np.ndarray:
    """Linear RGB -> linear RGB: another hue and brightness, by a rotation about the grey axis."""
    angle = rng.normal(0, 0.2)
    c, s = np.cos(angle), np.sin(angle) / np.sqrt(3)
    rotation = c * np.eye(3) + (1 - c) / 3 + s * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return rng.uniform(0.8, 1.25) * np.diag(rng.uniform(0.9, 1.1, 3)) @ rotation


def _view(staging: Staging, camera: Camera, rng: np.random.Generator) -> View:
    return View(
        K=camera.K,
        T_cw=camera.T_cw,
        room=staging.room,
        room_world=staging.room_world,
        light=staging.room_world[:3, :3] @ staging.light,
        exposure=float(2**staging.exposure * rng.uniform(0.7, 1.1)),
        ambient=float(rng.uniform(0.25, 0.5)),
        shade=0.0 if staging.overcast else float(rng.uniform(0.5, 0.9)),
    )


def _frame_of(
    projected: ProjectedClip,
    camera: Camera,
    image: np.ndarray,
    seen: np.ndarray,
    bounds: np.ndarray,
    present: np.ndarray,
) -> Frame:
    """The frame without MoveNet's keypoints, for a clip of one frame."""
    points, others = _padded([])
    both = bool(present.all())
    return Frame(
        image=image,
        seen=seen,
        bounds=bounds,
        present=present,
        points=projected.landmarks_px[:, 0],
        is_occluded=(projected.landmark_visibility[:, 0] == OCCLUDED) & both,
        is_self_occluded=projected.self_occluded[:, 0],
        metric=landmarks_about_hips(projected, camera)[:, 0].astype(np.float32),
        height=projected.height_px[:, 0],
        front_fraction=projected.front_fraction[:, 0] if both else np.full(2, 0.5, np.float32),
        found_points=points,
        found_confidence=others,
        map_window=np.zeros(3, np.float32),
        map_values=np.zeros((1, 1, 12), np.uint8),
    )


def _padded(people: Sequence[FoundPerson]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [6,17,2] and their confidences [6,17], zero where there are fewer people."""
    points, confidence = np.zeros((MOST_FOUND, 17, 2), np.float32), np.zeros((MOST_FOUND, 17), np.float32)
    for number, person in enumerate(people[:MOST_FOUND]):
        points[number], confidence[number] = person.points, person.confidence
    return points, confidence
