"""Make `core/body/data/landmarks.npz`: what the detector's 33 landmarks are on the body.

Run it again whenever the free body changes. The networks have to be there (`python -m core doctor --fix`) and an interpreter with
Blender as a module (--blender). What is made on the way is kept in --work and used again.
"""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from core.body.files import DEFAULT_BODY, load_body
from core.body.landmarks import LANDMARK_WEIGHTS
from core.body.model import BodyModel
from core.contract.files import read_npz, write_npz
from core.contract.skeleton import JOINTS, LANDMARK_INDEX, LANDMARKS
from core.perception.landmarks import LandmarkNetwork, Pose
from core.perception.regions import Region
from core.perception.torch_backend import TorchBackend
from core.reporting import SilentReporter
from core.weights import POSE_LANDMARKS, ensure

from ..face_landmarks import face_landmarks
from ..paths import RENDER_CLIP
from .anatomical_prior import SkinPoints, prior_weights, skin_points
from .regression import LandmarkObservations, fit_landmark_weights, residuals
from .synthetic_people import POSES, person_scene

HELD_OUT_POSES = ("reach", "crouch", "stride", "embrace")
_RIDGE = 0.01
_LEAST_VISIBLE = 0.6
_HIDING = 0.12
"""metres by which skin has to lie before a landmark to hide it."""


def train_landmarks(arguments: argparse.Namespace) -> None:
    """Run `python -m lab train-landmarks`; the arguments are those of `lab.commands.train_landmarks`."""
    body = load_body(None)
    points = skin_points(body, face_landmarks(DEFAULT_BODY))
    prior = prior_weights(points)
    if arguments.anatomy:
        save(body, points, prior, f"anatomy; body {body.identity}")
        return
    views = [
        seen_person(body, points, person, arguments.views, arguments.work, arguments.blender)
        for person in range(arguments.people)
    ]
    test = views[: arguments.held_out]
    rest = np.concatenate([body.J_template.numpy(), body.v_template.numpy()[points.vertices]]).astype(float)
    known = [view.but(HELD_OUT_POSES) for view in views[arguments.held_out :]]
    held = fit_landmark_weights(together(known), prior, rest, points, _RIDGE)
    compare(together([view.only(HELD_OUT_POSES) for view in test]), prior, held, "held-out people and poses")
    compare(together(known), prior, held, "what was learned from")
    final = fit_landmark_weights(together(views), prior, rest, points, _RIDGE)
    about = f"{arguments.people} people x {len(POSES)} poses x {arguments.views} views, Workbench; body {body.identity}"
    save(body, points, final, about)


@dataclass(frozen=True)
class View:
    """All pictures of one person."""

    sight: LandmarkObservations
    pose_name: np.ndarray

    def only(self, names: tuple[str, ...]) -> View:
        keep = np.isin(self.pose_name, names)
        return View(self.sight.part(keep), self.pose_name[keep])

    def but(self, names: tuple[str, ...]) -> View:
        return self.only(tuple(name for name in POSES if name not in names))


def together(views: list[View]) -> LandmarkObservations:
    parts = [view.sight for view in views]
    return LandmarkObservations(
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.rays for part in parts]),
        np.concatenate([part.trusted for part in parts]),
    )


def seen_person(body: BodyModel, points: SkinPoints, person: int, views: int, work: Path, blender: Path) -> View:
    """Person number `person` (its random seed), rendered and looked at."""
    scene = person_scene(body, face_landmarks(DEFAULT_BODY), np.random.default_rng(person), views)
    pictures = work / body.identity[-12:] / f"person{person:02d}"
    if not (pictures / f"{len(scene['skin']) - 1:04d}.png").exists():
        write_npz(pictures / "scene.npz", scene)
        command = [str(blender), str(RENDER_CLIP), str(pictures / "scene.npz")]
        subprocess.run([*command, "--frames", str(pictures)], check=True, stdout=subprocess.DEVNULL)
        (pictures / "scene.npz").unlink()
    detections = pictures / f"seen{views}.npz"
    if not detections.exists():
        write_npz(detections, look(scene, pictures))
    seen = read_npz(detections)
    columns = np.concatenate([scene["joints"], scene["skin"][:, points.vertices]], 1)
    camera = in_camera(columns, scene["camera_world"])
    K = scene["camera_K"][0]
    rays = (seen["points"] - K[:2, 2]) / (K[0, 0], K[1, 1])
    trusted = (seen["visibility"] > _LEAST_VISIBLE) & (seen["score"][:, None] > 0.7)
    trusted &= ~hidden(scene, prior_weights(points) @ camera) & inside(seen["points"], scene["image_size"])
    return View(LandmarkObservations(camera, rays, trusted), scene["pose_name"])


def look(scene: dict[str, np.ndarray], pictures: Path) -> dict[str, np.ndarray]:
    """What the landmark network sees of the person in each picture, at the second look as in the product."""
    files = ensure([POSE_LANDMARKS], SilentReporter())
    network = LandmarkNetwork(TorchBackend(torch.device("cpu")).load(files[POSE_LANDMARKS.name]))
    poses: list[Pose] = []
    skin = in_camera(scene["skin"], scene["camera_world"])
    for frame in range(len(skin)):
        image = cv2.imread(str(pictures / f"{frame:04d}.png"))
        assert image is not None
        K = scene["camera_K"][frame]
        pixels = skin[frame, :, :2] / skin[frame, :, 2:] * K[0, 0] + K[:2, 2]
        low, high = pixels.min(0), pixels.max(0)
        picture = np.ascontiguousarray(image[:, :, ::-1])
        x, y = (low + high) / 2
        first = network.look(picture, [Region(float(x), float(y), 1.25 * float((high - low).max()))])[0]
        poses += network.look(picture, [first.next_region])
    return {
        "points": np.stack([pose.points for pose in poses]),
        "visibility": np.stack([pose.visibility * pose.presence for pose in poses]),
        "score": np.array([pose.score for pose in poses]),
    }


def in_camera(points: np.ndarray, world: np.ndarray) -> np.ndarray:
    """World points [F,N,3] -> camera frame, float64."""
    return points.astype(float) @ world[:, :3, :3].transpose(0, 2, 1) + world[:, None, :3, 3]


def inside(pixels: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.all((pixels > 2) & (pixels < size - 3), -1)


def hidden(scene: dict[str, np.ndarray], landmarks: np.ndarray) -> np.ndarray:
    """bool [F,33]: skin lies well before the landmark [F,33,3] (camera frame)."""
    skin = in_camera(scene["skin"], scene["camera_world"])
    rays = skin[..., :2] / skin[..., 2:]
    out = np.zeros(landmarks.shape[:2], bool)
    for frame in range(len(skin)):
        for index, place in enumerate(landmarks[frame]):
            near = np.abs(rays[frame] - place[:2] / place[2]).max(1) < 0.008
            out[frame, index] = (skin[frame, near, 2] < place[2] - _HIDING).any()
    return out


def compare(sight: LandmarkObservations, prior: np.ndarray, learned: np.ndarray, title: str) -> None:
    """Print errors of the joints themselves, of anatomy and of what was learned, in percent of the trunk's length."""
    trunk = trunk_length(sight.columns)
    joints = np.zeros_like(prior)
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        for side in ("left", "right"):
            joints[LANDMARK_INDEX[f"{side}_{name}"], JOINTS.index(f"{side}_{name}")] = 1
    errors = [residuals(sight, weights) / trunk[:, None] * 100 for weights in (joints, prior, learned)]
    print(f"{title}: {len(trunk)} pictures; median error in % of the trunk: SMPL-X joint, anatomy, learned")
    for name in LANDMARKS:
        if name.startswith("right_") or name == "mouth_right":
            continue
        rows = [LANDMARK_INDEX[name], LANDMARK_INDEX[name.replace("left", "right")]]
        own, before, after = (float(np.nanmedian(error[:, rows])) for error in errors)
        print(f"  {name:16s} {f'{own:.1f}' if joints[rows].any() else '':>5s} {before:5.1f} {after:5.1f}")
    body = slice(LANDMARK_INDEX["left_shoulder"], None)
    print(
        f"  {'all':16s}       {np.nanmean(errors[1]):5.1f} {np.nanmean(errors[2]):5.1f} (mean);"
        f" below the neck {np.nanmean(errors[1][:, body]):.1f} {np.nanmean(errors[2][:, body]):.1f}"
    )


def trunk_length(columns: np.ndarray) -> np.ndarray:
    """[F] metres from the middle of the shoulders to the middle of the hips."""
    at = {name: columns[:, JOINTS.index(name)] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")}
    shoulders, hips = at["left_shoulder"] + at["right_shoulder"], at["left_hip"] + at["right_hip"]
    return np.linalg.norm(shoulders - hips, axis=1) / 2


def save(body: BodyModel, points: SkinPoints, weights: np.ndarray, trained_on: str) -> None:
    """Skin points by place rather than by number, so that they are found on other meshes too."""
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
