"""Runs `python -m lab train-landmarks`: renders people, detects their landmarks, and fits the landmark regressor.

Writes core/body/data/landmarks.npz. Images and detections are kept in the working folder and used again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float

from core.body.files import DEFAULT_BODY, load_body
from core.body.landmarks import LANDMARK_WEIGHTS
from core.body.model import BodyModel
from core.contract.files import read_npz, write_npz
from core.contract.skeleton import JOINTS, LANDMARK_INDEX, LANDMARKS
from core.perception.crops import Crop
from core.perception.landmarks import LandmarkNetwork, Pose
from core.perception.tflite_graph import read_graph
from core.perception.torch_backend import TorchBackend
from core.reporting import SilentReporter
from core.weights import POSE_LANDMARKS, ensure

from ..face_landmarks import face_landmarks
from ..rendering.blender_process import render_images
from .anatomical_prior import SkinPoints, prior_weights, skin_points
from .regression import LandmarkObservations, fit_landmark_weights, residuals
from .synthetic_people import POSES, person_scene

HELD_OUT_POSES = ("reach", "crouch", "stride", "embrace")
_RIDGE = 0.01
_LEAST_VISIBILITY, _LEAST_SCORE = 0.6, 0.7
_OCCLUDER_DISTANCE = 0.12
"""metres that skin must lie in front of a landmark to occlude it."""
_OCCLUDER_RADIUS = 0.008
"""Of the ray around a landmark in which skin is looked for, at depth 1."""


@dataclass(frozen=True)
class LandmarkTraining:
    """Settings of the fit."""

    anatomy_only: bool
    """Write the initial weights without a fit."""
    people: int
    views: int
    """Cameras per person and pose."""
    held_out: int
    """People that the reported errors are measured on."""
    work: Path
    blender: Path


@dataclass(frozen=True)
class PersonImages:
    """All images of one person."""

    observations: LandmarkObservations
    pose_name: np.ndarray
    """str [F]"""

    def with_poses(self, names: tuple[str, ...]) -> PersonImages:
        chosen = np.isin(self.pose_name, names)
        return PersonImages(self.observations.select(chosen), self.pose_name[chosen])

    def without_poses(self, names: tuple[str, ...]) -> PersonImages:
        return self.with_poses(tuple(name for name in POSES if name not in names))


def train_landmarks(settings: LandmarkTraining) -> None:
    """Write the regressor's weights; prints errors on held-out people and poses first."""
    body = load_body(None)
    points = skin_points(body, face_landmarks(DEFAULT_BODY))
    prior = prior_weights(points)
    if settings.anatomy_only:
        _save(body, points, prior, f"anatomy; body {body.identity}")
        return
    people = [_detect_person(body, points, person, settings) for person in range(settings.people)]
    rest = np.concatenate([body.J_template.numpy(), body.v_template.numpy()[points.vertices]]).astype(float)
    known = _concatenate([person.without_poses(HELD_OUT_POSES) for person in people[settings.held_out :]])
    unknown = _concatenate([person.with_poses(HELD_OUT_POSES) for person in people[: settings.held_out]])
    weights = fit_landmark_weights(known, prior, rest, points, _RIDGE)
    _print_errors(unknown, prior, weights, "held-out people and poses")
    _print_errors(known, prior, weights, "training data")
    final = fit_landmark_weights(_concatenate(people), prior, rest, points, _RIDGE)
    count = f"{settings.people} people x {len(POSES)} poses x {settings.views} views"
    _save(body, points, final, f"{count}, Workbench; body {body.identity}")


def to_camera(points_inworld: Float[np.ndarray, "F N 3"], T_cw: Float[np.ndarray, "F 4 4"]) -> np.ndarray:
    """float64 [F,N,3]: points of each image in its camera's frame."""
    return points_inworld.astype(float) @ T_cw[:, :3, :3].transpose(0, 2, 1) + T_cw[:, None, :3, 3]


def _concatenate(people: list[PersonImages]) -> LandmarkObservations:
    parts = [person.observations for person in people]
    return LandmarkObservations(
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.rays for part in parts]),
        np.concatenate([part.is_reliable for part in parts]),
    )


def _detect_person(body: BodyModel, points: SkinPoints, person: int, settings: LandmarkTraining) -> PersonImages:
    """Render the person with that random seed, and run the landmark network on the images."""
    scene = person_scene(body, face_landmarks(DEFAULT_BODY), np.random.default_rng(person), settings.views)
    folder = settings.work / body.identity[-12:] / f"person{person:02d}"
    if not (folder / f"{len(scene['skin']) - 1:04d}.png").exists():
        render_images(scene, folder, settings.blender)
    file = folder / f"seen{settings.views}.npz"
    if not file.exists():
        write_npz(file, _detect(scene, folder))
    detected = read_npz(file)
    columns = np.concatenate([scene["joints"], scene["skin"][:, points.vertices]], 1)
    columns_incam = to_camera(columns, scene["camera_world"])
    K = scene["camera_K"][0]
    rays = (detected["points"] - K[:2, 2]) / (K[0, 0], K[1, 1])
    is_confident = (detected["visibility"] > _LEAST_VISIBILITY) & (detected["score"][:, None] > _LEAST_SCORE)
    is_inside = np.all((detected["points"] > 2) & (detected["points"] < scene["image_size"] - 3), -1)
    is_occluded = _self_occlusion(scene, prior_weights(points) @ columns_incam)
    observations = LandmarkObservations(columns_incam, rays, is_confident & is_inside & ~is_occluded)
    return PersonImages(observations, scene["pose_name"])


def _detect(scene: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """The landmark network on each image, with the crop of a second pass as in the product."""
    files = ensure([POSE_LANDMARKS], SilentReporter())
    network = LandmarkNetwork(TorchBackend(torch.device("cpu")).load(read_graph(files[POSE_LANDMARKS.name])))
    poses: list[Pose] = []
    skin = to_camera(scene["skin"], scene["camera_world"])
    for frame in range(len(skin)):
        image = cv2.imread(str(folder / f"{frame:04d}.png"))
        assert image is not None
        K = scene["camera_K"][frame]
        pixels = skin[frame, :, :2] / skin[frame, :, 2:] * K[0, 0] + K[:2, 2]
        low, high = pixels.min(0), pixels.max(0)
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        x, y = (low + high) / 2
        first = network.predict(rgb, [Crop(float(x), float(y), 1.25 * float((high - low).max()))])[0]
        poses += network.predict(rgb, [first.next_crop])
    return {
        "points": np.stack([pose.points for pose in poses]),
        "visibility": np.stack([pose.visibility * pose.presence for pose in poses]),
        "score": np.array([pose.score for pose in poses]),
    }


def _self_occlusion(
    scene: dict[str, np.ndarray], landmarks_incam: Float[np.ndarray, "F 33 3"]
) -> Bool[np.ndarray, "F 33"]:
    """Whether skin lies well in front of a landmark."""
    skin = to_camera(scene["skin"], scene["camera_world"])
    rays = skin[..., :2] / skin[..., 2:]
    is_occluded = np.zeros(landmarks_incam.shape[:2], bool)
    for frame in range(len(skin)):
        for index, point in enumerate(landmarks_incam[frame]):
            near = np.abs(rays[frame] - point[:2] / point[2]).max(1) < _OCCLUDER_RADIUS
            is_occluded[frame, index] = (skin[frame, near, 2] < point[2] - _OCCLUDER_DISTANCE).any()
    return is_occluded


def _print_errors(observations: LandmarkObservations, prior: np.ndarray, fitted: np.ndarray, title: str) -> None:
    """Errors of the body's joints themselves, of the prior, and of the fit, in percent of the trunk's length."""
    trunk = _trunk_length(observations.columns)
    joints = np.zeros_like(prior)
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        for side in ("left", "right"):
            joints[LANDMARK_INDEX[f"{side}_{name}"], JOINTS.index(f"{side}_{name}")] = 1
    errors = [residuals(observations, weights) / trunk[:, None] * 100 for weights in (joints, prior, fitted)]
    print(f"{title}: {len(trunk)} images; median error in % of the trunk: SMPL-X joint, anatomy, fitted")
    for name in LANDMARKS:
        if name.startswith("right_") or name == "mouth_right":
            continue
        rows = [LANDMARK_INDEX[name], LANDMARK_INDEX[name.replace("left", "right")]]
        joint, before, after = (float(np.nanmedian(error[:, rows])) for error in errors)
        print(f"  {name:16s} {f'{joint:.1f}' if joints[rows].any() else '':>5s} {before:5.1f} {after:5.1f}")
    body = slice(LANDMARK_INDEX["left_shoulder"], None)
    print(
        f"  {'all':16s}       {np.nanmean(errors[1]):5.1f} {np.nanmean(errors[2]):5.1f} (mean);"
        f" below the neck {np.nanmean(errors[1][:, body]):.1f} {np.nanmean(errors[2][:, body]):.1f}"
    )


def _trunk_length(columns: np.ndarray) -> np.ndarray:
    """[F] metres from the middle of the shoulders to the middle of the hips."""
    at = {name: columns[:, JOINTS.index(name)] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")}
    shoulders, hips = at["left_shoulder"] + at["right_shoulder"], at["left_hip"] + at["right_hip"]
    return np.linalg.norm(shoulders - hips, axis=1) / 2


def _save(body: BodyModel, points: SkinPoints, weights: np.ndarray, trained_on: str) -> None:
    """Skin points are stored as offsets from joints instead of vertex numbers, so that they can be found on other meshes."""
    joint = body.lbs_weights.argmax(1).numpy()[points.vertices]
    offset = body.v_template.numpy()[points.vertices] - body.J_template.numpy()[joint]
    write_npz(
        LANDMARK_WEIGHTS,
        {
            "joint": joint.astype(np.int32),
            "offset": offset.astype(np.float32),
            "weights": weights.astype(np.float32),
            "trained_on": np.array(trained_on),
        },
    )
