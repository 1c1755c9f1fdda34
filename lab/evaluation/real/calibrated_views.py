"""One man filmed by calibrated cameras: his triangulated limbs are the ground truth for the video of each single camera."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from core.body.model import BodyModel
from core.contract.errors import UserError
from core.fitting.camera import floor_from_extrinsics
from core.motion import Camera
from core.perception.detections import Detections
from core.perception.landmarks import LIMBS
from core.scores import CONFIDENT
from core.transforms import transform_points

from .. import metrics
from ..benchmark_clip import Estimate
from ..perception_cache import CachedDetections, PerceptionCache
from ..results import ClipResult
from .calibration import CalibratedCamera, read_qualisys
from .limbs import fitted_limbs, hip_relative_error
from .method_runner import MethodRunner
from .metrics_without_truth import person_metrics
from .triangulation import triangulate

CALIBRATION = "Calib.qca.txt"
LANDMARKS_ROW = "landmarks"
"""The row of the detector's own metric landmarks, without a body."""
INDEPENDENT = "man_openpose.npz"
"""The man as the authors of the recording triangulated him from another detector's keypoints."""
_INDEPENDENT_PARTS = ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
_MOST_ERROR = 25.0
"""px of reprojection error; triangulated limbs with more are left out."""
_SMOOTHING = 7
"""frames over which the triangulated limbs are smoothed."""
_OFTEN = 0.3
"""Share of the frames in which somebody must be detected to be a candidate for the man."""
_PER_PERSON = ("keypoints", "covariance", "world_landmarks", "found", "hands", "hand_landmarks", "masks")


@dataclass(frozen=True)
class CalibratedViews:
    """The videos `single_cam0N.mp4` and `multi_cam0N.mp4` of each camera, from N = 1, and the man's limbs."""

    folder: Path
    cameras: list[CalibratedCamera]
    limbs: Float[np.ndarray, "T 12 3"]
    """World, metres; NaN where the cameras do not agree."""
    independent: Float[np.ndarray, "T 12 3"] | None = None
    """The same limbs as another detector sees them; None where the folder has none."""


@dataclass(frozen=True)
class _TrueMan:
    """The man in one camera, and which of the detected people he is."""

    camera: CalibratedCamera
    limbs_incam: Float[np.ndarray, "T 12 3"]
    person: int
    independent_incam: Float[np.ndarray, "T 12 3"] | None


def read_views(folder: Path, perception: PerceptionCache) -> CalibratedViews:
    """Calibration and triangulated limbs. In each frame the man is the detected person whom the cameras agree on best.

    This is decided anew for every frame, because a tracker may change his number on the way. UserError `nobody`.
    """
    cameras = read_qualisys(folder / CALIBRATION)
    candidates = []
    for number in range(1, len(cameras) + 1):
        detections = perception.detect_everyone(folder / f"single_cam0{number}.mp4").detections
        often = np.flatnonzero(detections.found.mean(1) > _OFTEN)
        candidates.append([detections.keypoints[person][:, LIMBS] for person in often])
    triangulated = [triangulate(cameras, np.stack(choice)) for choice in product(*candidates)]
    if not triangulated:
        raise UserError("nobody", f"No person is seen by all cameras of {folder}.", "Use Pose2Sim's own demo videos.")
    points, errors, scores = (np.stack(part) for part in zip(*triangulated))
    best, frames = scores.mean(-1).argmax(0), np.arange(scores.shape[1])
    is_good = errors[best, frames] < _MOST_ERROR
    limbs = smooth(np.where(is_good[..., None], points[best, frames], np.nan))
    return CalibratedViews(folder, cameras, limbs, _independent_limbs(folder / INDEPENDENT, len(limbs)))


def _independent_limbs(path: Path, frames: int) -> Float[np.ndarray, "T 12 3"] | None:
    """Limbs triangulated from OpenPose's detections: `names` [N], `points` [T,N,3] in metres of the calibration's world."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        names, points = [str(name) for name in arrays["names"]], arrays["points"].astype(np.float64)
    order = [names.index(f"{side}{part}") for part in _INDEPENDENT_PARTS for side in ("L", "R")]
    if len(points) < frames or not np.isfinite(points[:, order]).all():
        raise UserError("bad-truth", f"{path} has other frames than the videos.", "Use the file of the same recording.")
    return points[:frames, order]


def smooth(points: Float[np.ndarray, "T N 3"]) -> Float[np.ndarray, "T N 3"]:
    """A moving median, then a moving mean, over 7 frames; NaN stays NaN.

    At 60 frames per second limbs move less between frames than landmarks jitter.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without any points
        for average in (np.nanmedian, np.nanmean):
            # windows are symmetric: the clip's ends would lag behind otherwise
            reach = [min(_SMOOTHING // 2, frame, len(points) - 1 - frame) for frame in range(len(points))]
            windows = [points[frame - half : frame + half + 1] for frame, half in enumerate(reach)]
            points = np.where(np.isfinite(points), np.stack([average(window, axis=0) for window in windows]), np.nan)
    return points


def evaluate_view(
    views: CalibratedViews, number: int, runner: MethodRunner, perception: PerceptionCache
) -> Iterator[ClipResult]:
    """Both videos of a camera, counted from 0: the man alone, and with a woman in front of him."""
    camera = views.cameras[number]
    true = transform_points(camera.T_cw, views.limbs)
    other = None if views.independent is None else transform_points(camera.T_cw, views.independent)
    name = f"camera {number + 1}, the man alone"
    everyone = perception.detect_everyone(views.folder / f"single_cam0{number + 1}.mp4")
    man, numbers = follow_man(everyone.detections, camera, true)
    if numbers > 1:
        runner.notes.append(f"{name}: the tracker gave him {numbers} different numbers.")
    estimates = runner.for_one(name, man)
    alone = replace(everyone, detections=man)
    yield from _score(name, "views-alone", _TrueMan(camera, true, 0, other), alone, estimates, runner.body)
    two = perception.detect_two(views.folder / f"multi_cam0{number + 1}.mp4")
    person = find_man(two.detections.keypoints[:, :, LIMBS], camera, true)
    name = f"camera {number + 1}, a woman in front of him"
    estimates = runner.for_two(name, two.detections)
    yield from _score(name, "views-hidden", _TrueMan(camera, true, person, other), two, estimates, runner.body)


def follow_man(
    detections: Detections, camera: CalibratedCamera, true_incam: Float[np.ndarray, "T 12 3"]
) -> tuple[Detections, int]:
    """Detections of the man alone, whatever number the tracker gave him in each frame, and how many numbers there were.

    In the video without the woman his identity is not what is tested; his true limbs say who he is.
    """
    distance = _limb_distance(detections.keypoints[:, :, LIMBS], camera, true_incam[detections.frame_index])
    distance = np.where(detections.found, distance, np.inf)
    is_known = np.asarray(np.isfinite(distance).any(0))
    numbers = np.where(is_known, distance.argmin(0), -1)
    # in frames without ground truth: as in the frame before
    numbers = numbers[np.maximum.accumulate(np.where(is_known, np.arange(len(is_known)), 0))].clip(0)
    man = {name: getattr(detections, name)[numbers, np.arange(len(is_known))][None] for name in _PER_PERSON}
    usual = int(np.bincount(numbers).argmax())
    track_ids = detections.track_ids[usual : usual + 1]
    return replace(detections, **man, track_ids=track_ids), len(np.unique(numbers[is_known]))


def find_man(
    limbs_px: Float[np.ndarray, "P T 12 3"], camera: CalibratedCamera, true_incam: Float[np.ndarray, "N 12 3"]
) -> int:
    """The detected person whose limbs (px and confidence) lie on the man's true ones; N >= T frames."""
    return int(np.nanmedian(_limb_distance(limbs_px, camera, true_incam[: limbs_px.shape[1]]), axis=1).argmin())


def camera_errors(estimated: Camera, true: CalibratedCamera) -> dict[str, float]:
    """Absolute errors of pitch and roll in degrees, and of the focal length in percent."""
    pitch, roll, _ = np.degrees(
        [
            np.subtract(*pair)
            for pair in zip(
                *(floor_from_extrinsics(torch.from_numpy(each.T_cw)).tolist() for each in (estimated, true))
            )
        ]
    )
    roll = (roll + 180) % 360 - 180
    return {
        "pitch_error": abs(float(pitch)),
        "roll_error": abs(float(roll)),
        "focal_error": 100 * abs(float(estimated.K[0, 0] / true.K[0, 0]) - 1),
    }


def _limb_distance(limbs_px: np.ndarray, camera: CalibratedCamera, true_incam: np.ndarray) -> np.ndarray:
    """[P,T] px, the median distance of a person's limbs from the true ones; NaN in frames without ground truth."""
    true_px = true_incam[..., :2] / true_incam[..., 2:] @ camera.K[:2, :2].T + camera.K[:2, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without ground truth
        return np.nanmedian(np.linalg.norm(limbs_px[..., :2] - true_px, axis=-1), axis=2)


def _score(
    clip: str,
    family: str,
    man: _TrueMan,
    found: CachedDetections,
    estimates: Iterator[tuple[str, Estimate]],
    body: BodyModel,
) -> Iterator[ClipResult]:
    """One result for the detector's landmarks, and one for each estimate."""
    detections = found.detections
    true = man.limbs_incam[detections.frame_index]
    is_known = np.isfinite(true).all((1, 2)) & detections.found[man.person]
    if not is_known.any():
        raise UserError("no-truth", "there is no frame with ground truth in which the man is detected.", "")
    confidence = detections.keypoints[man.person][:, LIMBS, 2]
    hidden_share = 1 - float((confidence >= CONFIDENT).mean())

    def result(method: str, limbs: np.ndarray, more: Mapping[str, float], seconds: Mapping[str, float]) -> ClipResult:
        errors = {
            "mpjpe": hip_relative_error(limbs[is_known], true[is_known]),
            "pa_mpjpe": metrics.pa_mpjpe(limbs[is_known], true[is_known]),
        }
        if man.independent_incam is not None:
            seen = detections.found[man.person]
            other = man.independent_incam[detections.frame_index][seen]
            errors["mpjpe_openpose"] = hip_relative_error(limbs[seen], other)
            errors["pa_mpjpe_openpose"] = metrics.pa_mpjpe(limbs[seen], other)
        times = {"perception": found.seconds, **seconds}
        return ClipResult(clip, family, method, int(is_known.sum()), {**errors, **more}, {}, hidden_share, 0.0, times)

    yield result(LANDMARKS_ROW, detections.world_landmarks[man.person][:, LIMBS], {}, {})
    for name, estimate in estimates:
        limbs = fitted_limbs(estimate, body)[man.person]
        more = person_metrics(estimate, detections, body, people=(man.person,))
        more |= camera_errors(estimate.camera, man.camera)
        yield result(name, limbs, more, estimate.seconds)
